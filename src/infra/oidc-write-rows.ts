/** Rows as the protocol store writes them. */
import { minimised } from '../domain/audit-privacy.ts';
import type { AuditEvent } from '../domain/events.ts';
import type { AssuranceRecord } from '../services/ports/assurance.ts';

export interface ArtifactRow {
  readonly model: string;
  readonly id: string;
  readonly payload: object;
  readonly grant_id: string | null;
  readonly record_id: string | null;
  readonly account_id: string | null;
  readonly client_id: string | null;
  readonly session_uid: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
}

export interface SessionRow {
  readonly uid: string;
  readonly id_hash: string;
  readonly account_id: string | null;
  readonly payload: object;
  readonly browser_hash: string | null;
  readonly user_agent: string | null;
  readonly address: string | null;
  readonly last_seen_at: number;
  readonly expires_at: number;
  readonly last_acr: Readonly<Record<string, string>>;
  readonly idle: Readonly<Record<string, number>>;
}

/** A session that was read without a lock; `payload` null: nothing of it changed but its times. */
export interface SessionTouch extends Omit<SessionRow, 'payload'> {
  readonly payload: object | null;
  /** Its authorizations as they were read. */
  readonly seen: object | null;
}

/** A code or refresh token to be used up, and the record it rests on. */
export interface Use {
  readonly model: string;
  readonly id: string;
  readonly recordId: string | null;
  readonly now: number;
}

/** A code, and the record it rests on. */
export interface Authorization {
  readonly record: AssuranceRecord;
  readonly code: ArtifactRow;
}

/** As it is stored: see `minimised`. */
export function auditRow(event: AuditEvent) {
  const { id, at, type, outcome, data } = minimised(event);
  return {
    id,
    at,
    type,
    outcome,
    data,
    account_id: event.accountId,
    client_id: event.clientId,
    session_uid: event.sessionUid,
    correlation_id: event.correlationId,
  };
}
