/** Typed audit events: every decision and every change is one. Data holds no secret. */
export type AuditType =
  | 'attempt'
  | 'authorization'
  | 'decision'
  | 'token'
  | 'token_reuse'
  | 'credential_added'
  | 'credential_changed'
  | 'credential_renamed'
  | 'credential_removed'
  | 'account_created'
  | 'account_status'
  | 'account_groups'
  | 'session_ended'
  | 'elevation_ended'
  | 'email_code_sent'
  | 'admin_code_issued'
  | 'client_registered'
  | 'client_removed'
  | 'device_remembered'
  | 'device_forgotten'
  | 'policy_changed'
  | 'throttled';

export interface AuditEvent {
  /** Sortable by creation. */
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly type: AuditType;
  readonly outcome: 'success' | 'failure' | 'denied';
  readonly accountId: string | null;
  readonly clientId: string | null;
  readonly sessionUid: string | null;
  readonly correlationId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
