import type { SessionStore, SessionSummary } from '../../services/ports/sessions.ts';
import type { Database } from '../db.ts';

interface Row {
  readonly uid: string;
  readonly account_id: string;
  readonly user_agent: string | null;
  readonly address: string | null;
  readonly created_at: number;
  readonly last_seen_at: number;
  readonly expires_at: number;
}

type Idle = Readonly<Record<string, number>>;

export function createSessionStore(db: Database): SessionStore {
  return {
    byAccount: (accountId, now) => byAccount(db, accountId, now),
    idle: async (uid) => {
      const { rows } = await db.query<{ idle: Idle }>('SELECT "idle" FROM "session" WHERE "uid" = $1', [uid]);
      return rows[0]?.idle ?? {};
    },
    setIdle: async (uid, idle) => {
      await db.query('UPDATE "session" SET "idle" = $2 WHERE "uid" = $1', [uid, JSON.stringify(idle)]);
    },
    end: (uid, accountId) => db.transaction(() => end(db, uid, accountId)),
    endAll: (accountId, except) =>
      db.transaction(() =>
        except === undefined ? endEverything(db, accountId) : endOthers(db, accountId, except),
      ),
  };
}

async function byAccount(db: Database, accountId: string, now: number): Promise<SessionSummary[]> {
  const { rows } = await db.query<Row>(
    `SELECT "uid", "account_id", "user_agent", "address", "created_at", "last_seen_at", "expires_at"
     FROM "session" WHERE "account_id" = $1 AND "expires_at" > $2 ORDER BY "last_seen_at" DESC, "uid"`,
    [accountId, now],
  );
  return rows.map((row) => ({
    uid: row.uid,
    accountId: row.account_id,
    userAgent: row.user_agent,
    address: row.address,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    expiresAt: row.expires_at,
  }));
}

async function end(db: Database, uid: string, accountId: string): Promise<boolean> {
  const sql = 'DELETE FROM "session" WHERE "uid" = $1 AND "account_id" = $2';
  const { rowCount } = await db.query(sql, [uid, accountId]);
  if (rowCount === 0) return false;
  await db.query('DELETE FROM "proof" WHERE "session_uid" = $1', [uid]);
  await db.query('DELETE FROM "assurance_record" WHERE "session_uid" = $1', [uid]);
  await db.query('DELETE FROM "artifact" WHERE "session_uid" = $1', [uid]);
  return true;
}

/** Ends every session but one. Proofs staged in that one's transactions stay. */
async function endOthers(db: Database, accountId: string, except: string): Promise<number> {
  const values = [accountId, except];
  const { rowCount } = await db.query(
    'DELETE FROM "session" WHERE "account_id" = $1 AND "uid" <> $2',
    values,
  );
  await db.query(
    `DELETE FROM "proof" WHERE "account_id" = $1 AND "session_uid" IS DISTINCT FROM $2
       AND NOT ("session_uid" IS NULL AND "transaction_id" IN
         (SELECT "id" FROM "auth_transaction" WHERE "session_uid" = $2))`,
    values,
  );
  await db.query(
    'DELETE FROM "assurance_record" WHERE "account_id" = $1 AND "session_uid" IS DISTINCT FROM $2',
    values,
  );
  await db.query('DELETE FROM "artifact" WHERE "account_id" = $1 AND "session_uid" <> $2', values);
  return rowCount ?? 0;
}

/**
 * Inside a transaction: deletes an account's sessions, proofs, records, grants and stored tokens, offline ones
 * included. Returns how many sessions there were.
 */
export async function endEverything(db: Database, accountId: string): Promise<number> {
  const { rowCount } = await db.query('DELETE FROM "session" WHERE "account_id" = $1', [accountId]);
  for (const table of ['proof', 'assurance_record', 'artifact']) {
    await db.query(`DELETE FROM "${table}" WHERE "account_id" = $1`, [accountId]);
  }
  return rowCount ?? 0;
}
