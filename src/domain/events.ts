/**
 * Typed audit events: every decision and every change is one. Data holds no secret, no network address and no user agent
 * but what `audit-privacy` leaves of a decision's facts.
 */
import type { RecordedDecision } from './decision.ts';
import type { Method } from './proofs.ts';

/** OAuth error and its description. */
interface Refusal {
  readonly error?: string;
  readonly description?: string;
}

interface AuthorizationData extends Refusal {
  /** Of the assurance record. */
  readonly record?: string;
  readonly acr?: string | null;
  readonly amr?: readonly string[];
  readonly authTime?: number;
  readonly proofIds?: readonly string[];
  readonly configVersion?: string;
  readonly decision?: RecordedDecision;
}

interface TokenData extends Refusal {
  readonly grantType?: string;
  readonly scope?: string;
  readonly record?: string;
  readonly acr?: string | null;
  readonly authTime?: number;
  /** At a refresh. */
  readonly decision?: RecordedDecision;
}

interface CredentialData {
  readonly method: Method;
  /** Id of the credential concerned. */
  readonly credential?: string;
  /** Rule 6: the level proved when it was added, and what proved it. */
  readonly boundAt?: string | null;
  readonly boundBy?: string;
  readonly error?: string;
  readonly decision?: RecordedDecision;
}

type Nothing = Readonly<Record<never, never>>;

/** The `data` of each type. */
export interface AuditData {
  readonly attempt: {
    readonly method: Method;
    readonly stepUp: boolean;
    readonly credential?: string | null;
    readonly error?: string;
  };
  readonly authorization: AuthorizationData;
  readonly token: TokenData;
  /** A code or refresh token shown a second time. */
  readonly token_reuse: TokenData;
  /** A decision that issues nothing: something is asked for, or refused. */
  readonly decision: { readonly decision: RecordedDecision };
  readonly credential_added: CredentialData;
  readonly credential_changed: CredentialData & {
    readonly replaced?: string;
    readonly sessionsEnded?: number;
  };
  readonly credential_renamed: CredentialData;
  readonly credential_removed: CredentialData;
  readonly account_created: Nothing;
  readonly account_groups: { readonly groups: readonly string[] };
  readonly account_status: { readonly status: 'active' | 'disabled' };
  /** A browser was remembered, or what came was a copy. */
  readonly device_remembered: { readonly device: string; readonly reason?: string };
  readonly device_forgotten: { readonly device: string };
  /** One session by its uid, or all of them, or all others. */
  readonly session_ended: { readonly ended: string } | { readonly all: boolean; readonly count: number };
  readonly elevation_ended: { readonly count: number };
  readonly email_code_sent: Nothing;
  readonly admin_code_issued: { readonly issuedBy: 'administrator'; readonly expiresAt: number };
  readonly client_registered: Nothing;
  readonly client_removed: Nothing;
  /** A version of the policy, by its id, and who put it in force. */
  readonly policy_changed: {
    readonly id: number;
    readonly by: string;
    readonly change: 'applied' | 'rolled_back';
    /** SHA-256 of its text, in hexadecimal. Events of earlier versions have none. */
    readonly hash?: string;
  };
  readonly throttled: {
    readonly method: Method;
    readonly bucket: 'address' | 'account';
    /** The browser is one of the person's. */
    readonly known: boolean;
  };
}

export type AuditType = keyof AuditData;
export type AuditOutcome = 'success' | 'failure' | 'denied';

/** Who, by which client, in which session, in which request; null: nobody, or not known. */
export interface AuditSubject {
  readonly accountId: string | null;
  readonly clientId: string | null;
  readonly sessionUid: string | null;
  /** Of the request: the log and an error page have it, too. */
  readonly correlationId: string | null;
}

interface Common extends AuditSubject {
  /** Sortable by creation. */
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly outcome: AuditOutcome;
}

/** A union discriminated by `type`. */
export type AuditEvent = {
  readonly [T in AuditType]: Common & { readonly type: T; readonly data: AuditData[T] };
}[AuditType];

/** What happened, without whose and when. `data` may be left out where it says nothing. */
export type AuditFacts = {
  readonly [T in AuditType]: {
    readonly type: T;
    readonly outcome: AuditOutcome;
  } & (Nothing extends AuditData[T] ? { readonly data?: AuditData[T] } : { readonly data: AuditData[T] });
}[AuditType];

/** How long events are kept is said by class: see `audit.retention` in the configuration. */
export type RetentionClass = 'security' | 'decision' | 'change';

/** `security`: attempts and their limits. `decision`: what was granted or refused. `change`: of people, factors, clients. */
export const retentionClasses: Readonly<Record<AuditType, RetentionClass>> = {
  attempt: 'security',
  throttled: 'security',
  token_reuse: 'security',
  session_ended: 'security',
  elevation_ended: 'security',
  email_code_sent: 'security',
  authorization: 'decision',
  token: 'decision',
  decision: 'decision',
  credential_added: 'change',
  credential_changed: 'change',
  credential_renamed: 'change',
  credential_removed: 'change',
  account_created: 'change',
  account_groups: 'change',
  account_status: 'change',
  device_remembered: 'security',
  device_forgotten: 'security',
  policy_changed: 'change',
  admin_code_issued: 'change',
  client_registered: 'change',
  client_removed: 'change',
};

export const auditTypes = Object.keys(retentionClasses) as readonly AuditType[];

/** A type this version does not know, as of a newer one, counts as a change: kept longest. */
export function retentionClassOf(type: string): RetentionClass {
  return Object.hasOwn(retentionClasses, type) ? retentionClasses[type as AuditType] : 'change';
}
