import type { AssuranceFacts, AssuranceFactsStore, AssuranceQuery } from '../../services/ports/assurance.ts';
import type { Database } from '../db.ts';
import { type AccountRow, accountColumns, toAccount } from './accounts.ts';
import { type CredentialRow, toCredential } from './credentials.ts';
import { type ProofRow, toProof } from './proofs.ts';

export function createAssuranceFactsStore(db: Database): AssuranceFactsStore {
  return { load: (query) => load(db, query) };
}

/** Beside an account's row. */
export interface FactsRow {
  readonly credentials: CredentialRow[] | null;
  readonly proofs: ProofRow[] | null;
  readonly last_acr: string | null;
  readonly idle: Readonly<Record<string, number>> | null;
  readonly session_since: number | null;
}

/** One statement, for whatever does not come with a session's read (`oidc-session-read`). */
const select = `SELECT ${accountColumns}, s."last_acr" ->> $4 AS "last_acr", s."idle",
    s."created_at" AS "session_since",
    (SELECT json_agg(c ORDER BY c."created_at", c."id") FROM "credential" c WHERE c."account_id" = a."id")
      AS "credentials",
    (SELECT json_agg(p ORDER BY p."id") FROM "proof" p
      WHERE p."account_id" = a."id" AND p."expires_at" > $5
        AND (p."session_uid" = $2 OR p."transaction_id" = $3)) AS "proofs"
  FROM "account" a LEFT JOIN "session" s ON s."uid" = $2 AND s."account_id" = a."id"
  WHERE a."id" = $1`;

async function load(db: Database, query: AssuranceQuery): Promise<AssuranceFacts | undefined> {
  const { accountId, sessionUid, transactionId, clientId, now } = query;
  const values = [accountId, sessionUid, transactionId, clientId, now];
  const { rows } = await db.query<AccountRow & FactsRow>(select, values, 'assurance_facts');
  const [row] = rows;
  return row && toFacts(row, row);
}

export function toFacts(account: AccountRow, row: FactsRow): AssuranceFacts {
  return {
    account: toAccount(account),
    credentials: (row.credentials ?? []).map(toCredential),
    proofs: (row.proofs ?? []).map(toProof),
    lastAcr: row.last_acr,
    lastActive: row.idle ?? {},
    sessionSince: row.session_since,
  };
}
