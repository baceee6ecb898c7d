import type { Kind, Method, Proof, Upstream } from '../../domain/proofs.ts';
import type { NewProof, ProofStore } from '../../services/ports/assurance.ts';
import type { Database } from '../db.ts';

export interface ProofRow {
  readonly id: string;
  readonly account_id: string;
  readonly transaction_id: string;
  readonly for_client: string | null;
  readonly method: Method;
  readonly at: number | null;
  readonly credential_id: string | null;
  readonly kinds: Kind[];
  readonly phishing_resistant: boolean;
  readonly user_verified: boolean;
  readonly upstream: Upstream | null;
}

export function createProofStore(db: Database): ProofStore {
  return {
    add: (proof) => add(db, proof),
    ofTransaction: (transaction, now) => ofTransaction(db, transaction, now),
    ofSession: (sessionUid, now) => ofSession(db, sessionUid, now),
    promote: async (transaction, sessionUid, forClient) => {
      const { rowCount } = await db.query(promote, [transaction, sessionUid, forClient], 'proof_promote');
      return rowCount ?? 0;
    },
    discard: async (transaction) => {
      await db.query('DELETE FROM "proof" WHERE "transaction_id" = $1 AND "session_uid" IS NULL', [
        transaction,
      ]);
    },
  };
}

/** The factors are locked first, as by whoever removes one and then its proofs. */
const promote = `WITH "held" AS (SELECT 1 FROM "credential" WHERE "id" IN
    (SELECT "credential_id" FROM "proof" WHERE "transaction_id" = $1 AND "session_uid" IS NULL) FOR KEY SHARE)
  UPDATE "proof" SET "session_uid" = $2, "for_client" = $3
  WHERE "transaction_id" = $1 AND "session_uid" IS NULL AND (SELECT count(*) FROM "held") >= 0`;

async function add(db: Database, proof: NewProof): Promise<void> {
  await db.query(
    `INSERT INTO "proof" ("id", "account_id", "transaction_id", "for_client", "method", "at", "credential_id",
       "kinds", "phishing_resistant", "user_verified", "upstream", "created_at", "expires_at")
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      proof.id,
      proof.accountId,
      proof.transaction,
      proof.forClient ?? null,
      proof.method,
      proof.at,
      proof.credentialId ?? null,
      [...proof.kinds],
      proof.phishingResistant,
      proof.userVerified,
      proof.upstream ? JSON.stringify(proof.upstream) : null,
      proof.createdAt,
      proof.expiresAt,
    ],
    'proof_add',
  );
}

async function ofTransaction(
  db: Database,
  transaction: string,
  now: number,
): Promise<(Proof & { accountId: string })[]> {
  const { rows } = await db.query<ProofRow>(
    'SELECT * FROM "proof" WHERE "transaction_id" = $1 AND "expires_at" > $2 ORDER BY "id"',
    [transaction, now],
    'proof_of_transaction',
  );
  return rows.map((row) => ({ ...toProof(row), accountId: row.account_id }));
}

async function ofSession(db: Database, sessionUid: string, now: number): Promise<Proof[]> {
  const { rows } = await db.query<ProofRow>(
    'SELECT * FROM "proof" WHERE "session_uid" = $1 AND "expires_at" > $2 ORDER BY "id"',
    [sessionUid, now],
    'proof_of_session',
  );
  return rows.map(toProof);
}

export function toProof(row: ProofRow): Proof {
  return {
    id: row.id,
    method: row.method,
    at: row.at,
    kinds: row.kinds,
    phishingResistant: row.phishing_resistant,
    userVerified: row.user_verified,
    transaction: row.transaction_id,
    ...(row.credential_id === null ? {} : { credentialId: row.credential_id }),
    ...(row.for_client === null ? {} : { forClient: row.for_client }),
    ...(row.upstream === null ? {} : { upstream: row.upstream }),
  };
}
