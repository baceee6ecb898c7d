/**
 * What several pages have in common: who asks, why, what is missing, what went wrong, what to prove with.
 */
import type { ErrorCode } from '../domain/errors.ts';
import type { ProofRequest } from '../domain/evaluate.ts';
import type { Method } from '../domain/proofs.ts';
import type { Clause } from '../domain/requirement.ts';
import type { Form } from './forms.ts';

/** The application that asks. */
export interface ClientView {
  readonly name: string;
  readonly uri?: string;
}

export interface PersonView {
  readonly username: string;
  readonly name?: string | null;
}

/** Why somebody is asked. A `Clause` is one: its reason is a message key or the operator's own words. */
export type Reason = Pick<Clause, 'reason' | 'name' | 'maxAge'>;

/** A proof still to be made. A `ProofRequest` is one. */
export type Need = Pick<ProofRequest, 'method' | 'userVerified' | 'hardwareProtected'>;

/** What went wrong with the last submission; shown on top and beside the field. */
export interface Problem {
  readonly code: ErrorCode;
  /** The name of the field it is about. */
  readonly field?: string;
  /** Seconds until trying again makes sense. */
  readonly retryAfter?: number;
}

/** A way that can be chosen instead, as a link (such as `?with=totp`). */
export interface Way {
  readonly method: Method;
  readonly href: string;
}

/** WebAuthn request or creation options as JSON (WebAuthn 3, 5.1.8 and 5.1.9). */
export type PasskeyOptions = object;

/** One factor to prove with: the main form of a step-up. */
export type Prompt =
  | { readonly method: 'password'; readonly form: Form }
  | { readonly method: 'totp'; readonly form: Form }
  | { readonly method: 'passkey'; readonly form: Form; readonly options: PasskeyOptions }
  | ({ readonly method: 'email' } & EmailCode);

/** An emailed code: first the offer to send it (no `enter`), then the form that takes it. */
export interface EmailCode {
  /** Sends a code, or another one. */
  readonly send: Form;
  readonly enter?: Form;
  /** Masked (`maskAddress`), and only after a first proof. */
  readonly address?: string;
}

/** `alex@example.test` → `a•••@example.test`. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 1 ? '•••' : `${[...address][0]}•••${address.slice(at)}`;
}
