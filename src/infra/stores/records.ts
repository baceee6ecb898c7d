import type { Proof } from '../../domain/proofs.ts';
import type { AssuranceRecord, RecordStore } from '../../services/ports/assurance.ts';
import type { Database } from '../db.ts';

interface Row {
  readonly id: string;
  readonly account_id: string;
  readonly session_uid: string | null;
  readonly client_id: string;
  readonly transaction_id: string | null;
  readonly acr: string;
  readonly amr: string[];
  readonly auth_time: number;
  readonly elevated: boolean;
  readonly proof_ids: string[];
  readonly credential_ids: string[];
  readonly proofs: Proof[];
  readonly requirement: unknown;
  readonly config_version: string;
  readonly created_at: number;
  readonly expires_at: number;
}

export function createRecordStore(db: Database): RecordStore {
  return {
    add: (record) => add(db, record),
    byId: async (id) => {
      const sql = 'SELECT * FROM "assurance_record" WHERE "id" = $1';
      const { rows } = await db.query<Row>(sql, [id], 'record_by_id');
      return rows[0] && toRecord(rows[0]);
    },
    extend: async (id, expiresAt) => {
      await db.query(
        'UPDATE "assurance_record" SET "expires_at" = $2 WHERE "id" = $1 AND "expires_at" < $2',
        [id, expiresAt],
        'record_extend',
      );
    },
    revoke: async (id) => {
      const { rowCount } = await db.query('DELETE FROM "assurance_record" WHERE "id" = $1', [id]);
      return rowCount === 1;
    },
    endElevation: (sessionUid) => db.transaction(() => endElevation(db, sessionUid)),
  };
}

async function add(db: Database, record: AssuranceRecord): Promise<void> {
  await db.query(
    `INSERT INTO "assurance_record" ("id", "account_id", "session_uid", "client_id", "transaction_id", "acr", "amr",
       "auth_time", "elevated", "proof_ids", "credential_ids", "proofs", "requirement", "config_version",
       "created_at", "expires_at")
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      record.id,
      record.accountId,
      record.sessionUid,
      record.clientId,
      record.transactionId,
      record.acr,
      [...record.amr],
      record.authTime,
      record.elevated,
      [...record.proofIds],
      [...record.credentialIds],
      JSON.stringify(record.proofs),
      JSON.stringify(record.requirement),
      record.configVersion,
      record.createdAt,
      record.expiresAt,
    ],
    'record_add',
  );
}

/** The session's step-up proofs, also those that a step-up under way has staged. */
const elevatedProofs = `"session_uid" = $1 AND "for_client" IS NOT NULL OR "session_uid" IS NULL AND "transaction_id" IN
  (SELECT "id" FROM "auth_transaction" WHERE "session_uid" = $1)`;

/** What was last issued to a client and is no more: a `max_age` alone asks for it no longer (rule 2). */
const forgetEnded = `UPDATE "session" SET "last_acr" = COALESCE((SELECT jsonb_object_agg(l."key", l."value")
    FROM jsonb_each("last_acr") l WHERE EXISTS (SELECT 1 FROM "assurance_record" r
      WHERE r."session_uid" = $1 AND r."client_id" = l."key" AND to_jsonb(r."acr") = l."value")), '{}') WHERE "uid" = $1`;

/**
 * How many proofs and records it ended; codes and stored tokens go with their records. The session is locked first: an
 * authorization under way has written its record by then, or finds its proofs gone.
 */
async function endElevation(db: Database, sessionUid: string): Promise<number> {
  const session = [sessionUid];
  await db.query('SELECT 1 FROM "session" WHERE "uid" = $1 FOR UPDATE', session);
  const proofs = await db.query(`DELETE FROM "proof" WHERE ${elevatedProofs}`, session);
  const records = await db.query(
    'DELETE FROM "assurance_record" WHERE "session_uid" = $1 AND "elevated"',
    session,
  );
  await db.query(forgetEnded, session);
  return (proofs.rowCount ?? 0) + (records.rowCount ?? 0);
}

function toRecord(row: Row): AssuranceRecord {
  return {
    id: row.id,
    accountId: row.account_id,
    sessionUid: row.session_uid,
    clientId: row.client_id,
    transactionId: row.transaction_id,
    acr: row.acr,
    amr: row.amr,
    authTime: row.auth_time,
    elevated: row.elevated,
    proofIds: row.proof_ids,
    credentialIds: row.credential_ids,
    proofs: row.proofs,
    requirement: row.requirement,
    configVersion: row.config_version,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
