import type { AuthTransaction, AuthTransactionStore } from '../../services/ports/assurance.ts';
import type { Database } from '../db.ts';

interface Row {
  readonly id: string;
  readonly client_id: string;
  readonly session_uid: string | null;
  readonly account_id: string | null;
  readonly pinned: boolean;
  readonly identifier: string | null;
  readonly state: Record<string, unknown>;
  readonly rounds: number;
  readonly created_at: number;
  readonly expires_at: number;
}

export function createAuthTransactionStore(db: Database): AuthTransactionStore {
  const update = (id: string, change: string, ...values: unknown[]) =>
    db.query(`UPDATE "auth_transaction" SET ${change}`, [id, ...values]);
  return {
    open: (begin) => open(db, begin),
    byId: (id, now) => byId(db, id, now),
    setIdentifier: async (id, identifier) => {
      await update(id, '"identifier" = $2 WHERE "id" = $1', identifier);
    },
    setState: async (id, state) => {
      await update(id, '"state" = "state" || $2::jsonb WHERE "id" = $1', JSON.stringify(state));
    },
    keep: async (id, member, value) => {
      const kept = '"state" = $2::jsonb || "state" WHERE "id" = $1 RETURNING "state"';
      const { rows } = await update(id, kept, JSON.stringify({ [member]: value }));
      return rows[0]?.state[member] ?? value;
    },
    dropState: async (accountId, member) => {
      await db.query(dropState, [accountId, member]);
    },
    bindAccount: async (id, accountId) => (await update(id, bindAccount, accountId)).rowCount === 1,
    joinSession: async (id, { sessionUid, accountId }) =>
      (await update(id, joinSession, accountId, sessionUid)).rowCount === 1,
    release: async (id) => (await update(id, release)).rowCount === 1,
    countRound: async (id) => {
      const { rows } = await update(id, '"rounds" = "rounds" + 1 WHERE "id" = $1 RETURNING "rounds"');
      return rows[0]?.['rounds'] ?? 0;
    },
    end: async (id, now) => {
      await update(id, '"ended_at" = $2 WHERE "id" = $1 AND "ended_at" IS NULL', now);
    },
  };
}

const dropState = `UPDATE "auth_transaction" SET "state" = "state" - $2::text WHERE "id" IN
  (SELECT "id" FROM "auth_transaction" WHERE "account_id" = $1 AND "state" ? $2::text FOR UPDATE SKIP LOCKED)`;

/** Pinned without an account: to somebody who is nobody here. */
const mayBe = `("account_id" = $2 OR ("account_id" IS NULL AND NOT "pinned"))`;

const bindAccount = `"account_id" = $2
  WHERE "id" = $1 AND "ended_at" IS NULL AND ${mayBe}`;

const joinSession = `"account_id" = $2, "session_uid" = $3, "pinned" = true
  WHERE "id" = $1 AND "ended_at" IS NULL AND "session_uid" IS NULL AND ${mayBe}`;

const release = `"account_id" = NULL, "identifier" = NULL
  WHERE "id" = $1 AND NOT "pinned"
    AND NOT EXISTS (SELECT 1 FROM "proof" WHERE "proof"."transaction_id" = "auth_transaction"."id")`;

type Begin = Parameters<AuthTransactionStore['open']>[0];

async function open(db: Database, begin: Begin): Promise<AuthTransaction> {
  const { id, clientId, sessionUid, accountId, pinned, createdAt, expiresAt } = begin;
  const { rows } = await db.query<Row>(
    `INSERT INTO "auth_transaction"
       ("id", "client_id", "session_uid", "account_id", "pinned", "created_at", "expires_at")
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ("id") DO NOTHING RETURNING *`,
    [id, clientId, sessionUid, accountId, pinned, createdAt, expiresAt],
    'auth_transaction_open',
  );
  const stored =
    rows[0] ?? (await db.query<Row>('SELECT * FROM "auth_transaction" WHERE "id" = $1', [id])).rows[0];
  if (!stored) throw new Error('an authentication transaction was purged while it was opened');
  return toTransaction(stored);
}

async function byId(db: Database, id: string, now: number): Promise<AuthTransaction | undefined> {
  const { rows } = await db.query<Row>(
    'SELECT * FROM "auth_transaction" WHERE "id" = $1 AND "expires_at" > $2 AND "ended_at" IS NULL',
    [id, now],
    'auth_transaction_by_id',
  );
  return rows[0] && toTransaction(rows[0]);
}

function toTransaction(row: Row): AuthTransaction {
  return {
    id: row.id,
    clientId: row.client_id,
    sessionUid: row.session_uid,
    accountId: row.account_id,
    pinned: row.pinned,
    identifier: row.identifier,
    state: row.state,
    rounds: row.rounds,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
