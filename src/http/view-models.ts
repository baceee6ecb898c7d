/**
 * What each page is given: facts, not texts. The templates in views/pages have the same names as `page`.
 *
 * Times are epoch seconds. Anything a person, a client or an operator wrote is passed as it is: the renderer
 * escapes it. Fields of the forms are described in `forms.ts`.
 */
import type { ErrorCode } from '../domain/errors.ts';
import type { Method } from '../domain/proofs.ts';
import type { Form } from './forms.ts';
import type {
  ClientView,
  EmailCode,
  Need,
  PasskeyOptions,
  PersonView,
  Problem,
  Prompt,
  Reason,
  Way,
} from './view-parts.ts';

export * from './view-parts.ts';

/** Who asks whom, and the way out: common to the pages of one sign-in. */
interface Asking {
  readonly client: ClientView | null;
  readonly problem?: Problem;
  /** Returns `access_denied` to the client. */
  readonly cancel?: Form;
}

/** Identifier first, or a passkey (discoverable, with autofill). The same page for everybody. */
export interface SignInPage extends Asking {
  readonly page: 'sign-in';
  readonly form: Form;
  readonly identifier?: string;
  readonly passkey?: { readonly form: Form; readonly options: PasskeyOptions };
  /** A sign-in that has to be repeated says why. */
  readonly reasons?: readonly Reason[];
}

/** The same page for every identifier, whether it names an account or not. */
export interface PasswordPage extends Asking {
  readonly page: 'password';
  readonly form: Form;
  readonly identifier: string;
  /** "Not you?": back to the identifier. Absent when the person is already named by a session or a hint. */
  readonly change?: Form;
  /** Without an account in mind (discoverable), so that it tells nothing. */
  readonly passkey?: { readonly form: Form; readonly options: PasskeyOptions };
  readonly reasons?: readonly Reason[];
}

/** Exactly the missing proof: who asks, why, what is missing, and the factors that would do. */
export interface StepUpPage extends Asking {
  readonly page: 'step-up';
  readonly person: PersonView;
  readonly reasons: readonly Reason[];
  /** Everything the chosen way still needs, in order; the prompt is for the first of them. */
  readonly needs: readonly Need[];
  readonly prompt: Prompt;
  readonly others: readonly Way[];
  /** The policy looks at devices: the person may have this one remembered. */
  readonly remember?: boolean;
}

/** The policy says no, and why. The way out returns `access_denied` to the client. */
export interface DeniedPage {
  readonly page: 'denied';
  readonly client: ClientView | null;
  readonly person: PersonView;
  readonly reasons: readonly Reason[];
  readonly leave: Form;
}

/** Pages of an enrolment: inside a sign-in (client, cancel) or from the account page (back). */
interface Enrolling extends Asking {
  readonly person: PersonView;
  readonly reasons?: readonly Reason[];
  /** Where "back" leads on the account page. */
  readonly back?: string;
  /** Other factors that could be enrolled instead. */
  readonly others?: readonly Way[];
}

/** Nothing enrolled would do, something that may be enrolled would. */
export interface EnrolChoosePage extends Enrolling {
  readonly page: 'enrol-choose';
  readonly ways: readonly Way[];
}

/** The first second factor is confirmed over another channel: a code to the verified address (rule 6). */
export interface EnrolEmailPage extends Enrolling {
  readonly page: 'enrol-email';
  readonly code: EmailCode;
}

/** As `EnrolEmailPage`, where no address can confirm: a code that an administrator gives. */
export interface EnrolAdminCodePage extends Enrolling {
  readonly page: 'enrol-admin-code';
  readonly form: Form;
}

export interface EnrolTotpPage extends Enrolling {
  readonly page: 'enrol-totp';
  readonly form: Form;
  /** otpauth URI; the renderer draws it as a QR code. */
  readonly uri: string;
  /** Base32, ungrouped. */
  readonly secret: string;
  readonly label?: string;
}

export interface EnrolPasskeyPage extends Enrolling {
  readonly page: 'enrol-passkey';
  readonly form: Form;
  readonly options: PasskeyOptions;
  readonly label?: string;
}

/** The form posts `password` and `repeat`. */
export interface EnrolPasswordPage extends Enrolling {
  readonly page: 'enrol-password';
  readonly form: Form;
  /** Characters, at least. */
  readonly minLength: number;
}

/** For third-party clients. The form posts `decision` = `allow` or `deny`. */
export interface ConsentPage {
  readonly page: 'consent';
  readonly client: ClientView;
  readonly person: PersonView;
  readonly form: Form;
  readonly scopes: readonly ScopeView[];
  /** Names or identifiers of the APIs concerned. */
  readonly resources?: readonly string[];
  readonly details?: readonly DetailView[];
}

/** One element of `authorization_details` (RFC 9396), field by field. */
export interface DetailView {
  readonly type: string;
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

/** Well-known scopes have texts of their own; others are described by configuration, else named. */
export interface ScopeView {
  readonly name: string;
  readonly description?: string;
}

export interface FactorView {
  readonly id: string;
  readonly method: Method;
  /** What its person calls it; empty: nothing. */
  readonly label: string;
  readonly addedAt: number;
  readonly lastUsedAt: number | null;
  /** A passkey that may be copied to other devices. */
  readonly synced?: boolean;
  /** A key whose attestation proves hardware. */
  readonly hardware?: boolean;
  readonly rename?: Form;
  /** Address of the page that replaces it: a password's. */
  readonly changeHref?: string;
  /** Address of the page that asks first; absent when it cannot be removed. */
  readonly removeHref?: string;
}

/** Names of products, as the device told; null: it did not. */
export interface DeviceView {
  readonly browser: string | null;
  readonly system: string | null;
}

export interface SessionView {
  readonly device: DeviceView;
  readonly address: string | null;
  readonly startedAt: number;
  readonly lastSeenAt: number;
  readonly current: boolean;
  readonly end?: Form;
}

/** A browser that the person asked to be remembered. */
export interface RememberedView {
  readonly device: DeviceView;
  readonly addedAt: number;
  readonly lastUsedAt: number;
  readonly forget: Form;
}

export type Notice =
  | 'factor_added'
  | 'password_changed'
  | 'factor_renamed'
  | 'factor_removed'
  | 'session_ended'
  | 'sessions_ended'
  | 'device_forgotten'
  | 'elevation_ended';

export interface AccountPage {
  readonly page: 'account';
  readonly person: PersonView & { readonly email?: string | null };
  readonly problem?: Problem;
  readonly notice?: Notice;
  readonly factors: readonly FactorView[];
  readonly add: readonly Way[];
  readonly sessions: readonly SessionView[];
  readonly remembered: readonly RememberedView[];
  /** Set while step-up proofs are in force. */
  readonly endElevation?: Form;
  readonly signOutEverywhere: Form;
  readonly signOut: Form;
}

export interface FactorRemovePage {
  readonly page: 'factor-remove';
  readonly person: PersonView;
  readonly factor: Pick<FactorView, 'method' | 'label' | 'addedAt' | 'lastUsedAt'>;
  readonly form: Form;
  readonly back: string;
  readonly problem?: Problem;
}

/** The form posts `password` and `repeat`. */
export interface PasswordChangePage {
  readonly page: 'password-change';
  readonly person: PersonView;
  /** Characters, at least. */
  readonly minLength: number;
  readonly form: Form;
  readonly back: string;
  readonly problem?: Problem;
}

/** RP-initiated logout asks first. The form posts `logout` = `yes`; without it only the client's session ends. */
export interface LogoutPage {
  readonly page: 'logout';
  readonly client: ClientView | null;
  readonly person: PersonView | null;
  readonly form: Form;
  /** An address to go back to was given, and not whose it is. */
  readonly notSentBack?: boolean;
}

/** The end of a sign-out, and of one that the person declined. */
export interface SignedOutPage {
  readonly page: 'signed-out';
  readonly client: ClientView | null;
  readonly stillSignedIn?: boolean;
  readonly notSentBack?: boolean;
  /** Where one may sign in again. */
  readonly href?: string;
}

/** Every error, not found and unavailable among them. */
export interface ErrorPage {
  readonly page: 'error';
  /** Where a sign-in ends with it: who asked, and the way back. */
  readonly client?: ClientView | null;
  readonly cancel?: Form;
  readonly code: ErrorCode;
  readonly correlationId: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** For developers: an OAuth error code and description. Public text only. */
  readonly detail?: string;
}

/** The demo's mail, newest first. */
export interface OutboxPage {
  readonly page: 'outbox';
  readonly mails: readonly {
    readonly to: string;
    readonly subject: string;
    readonly text: string;
    readonly at: number;
  }[];
}

export type ViewModel =
  | SignInPage
  | PasswordPage
  | StepUpPage
  | DeniedPage
  | EnrolChoosePage
  | EnrolEmailPage
  | EnrolAdminCodePage
  | EnrolTotpPage
  | EnrolPasskeyPage
  | EnrolPasswordPage
  | ConsentPage
  | AccountPage
  | FactorRemovePage
  | PasswordChangePage
  | LogoutPage
  | SignedOutPage
  | ErrorPage
  | OutboxPage;

export type PageName = ViewModel['page'];
