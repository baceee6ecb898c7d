/**
 * One read for an authorization: the session, and with it the person, their factors and proofs, and the grant of the
 * client that asks. Nothing is locked; what is written later says what it has seen (`touchSql`).
 */
import { isDeepStrictEqual } from 'node:util';
import type { AdapterPayload } from 'oidc-provider';
import { createBatcher } from './batch.ts';
import type { AdapterDeps } from './oidc-adapter.ts';
import { hashOf } from './oidc-keys.ts';
import type { AccountRow } from './stores/accounts.ts';
import { type FactsRow, toFacts } from './stores/assurance-facts.ts';

interface Row extends FactsRow {
  readonly n: number;
  readonly uid: string;
  readonly payload: AdapterPayload;
  readonly account: AccountRow | null;
  readonly grant_id: string | null;
  readonly grant: AdapterPayload | null;
}

/** Whose session, and who asks. */
export interface SessionKey {
  readonly id_hash: string;
  readonly client_id: string;
}

/**
 * As the tokens' statement: LATERAL and LIMIT make it index look-ups whatever the planner believes. IS TRUE keeps it from
 * looking through all proofs of the person for those of the session.
 */
export const selectSessions = `SELECT k."n", t.* FROM json_to_recordset($1::json) AS k("n" int,"id_hash" text,"client_id" text)
  CROSS JOIN LATERAL (
    SELECT s."uid", s."payload", s."last_acr" ->> k."client_id" AS "last_acr", s."idle",
      s."created_at" AS "session_since", to_json(u) AS "account",
      (SELECT json_agg(c ORDER BY c."created_at", c."id") FROM "credential" c WHERE c."account_id" = s."account_id")
        AS "credentials",
      (SELECT json_agg(p ORDER BY p."id") FROM "proof" p WHERE p."session_uid" = s."uid"
        AND (p."account_id" = s."account_id") IS TRUE AND p."expires_at" > $2) AS "proofs",
      g."id" AS "grant_id", g."payload" AS "grant"
    FROM "session" s LEFT JOIN "account" u ON u."id" = s."account_id"
    LEFT JOIN LATERAL (SELECT "id", "payload" FROM "artifact" WHERE "model" = 'Grant' AND "expires_at" > $2
      AND "id" = s."payload" #>> ARRAY['authorizations', k."client_id", 'grantId'] LIMIT 1) g ON true
    WHERE s."id_hash" = k."id_hash" AND s."expires_at" > $2 LIMIT 1) t`;

export type SessionReader = (key: SessionKey) => Promise<Row | undefined>;

/** Reads sessions, those of several requests together; not on a transaction's connection. */
export function createSessionReader({ db, clock }: Pick<AdapterDeps, 'db' | 'clock'>): SessionReader {
  return createBatcher(async (keys: readonly SessionKey[]) => {
    const numbered = JSON.stringify(keys.map((key, n) => ({ ...key, n })));
    const { rows } = await db.query<Row>(selectSessions, [numbered, clock.now()], 'sessions_find');
    return keys.map((_, n) => rows.find((row) => row.n === n));
  });
}

const SEEN = 'session:seen';

/** A session as this request read it, without a lock. */
export interface SeenSession {
  readonly uid: string;
  readonly payload: AdapterPayload;
}

/**
 * The session of an authorization that will change nothing in it: the client has a grant there already. Undefined:
 * there is none, or it is one to be locked.
 */
export async function readUnlocked(deps: AdapterDeps, id: string): Promise<AdapterPayload | undefined> {
  const clientId = deps.context.clientNamed();
  const memo = deps.context.memo();
  if (clientId === undefined || !memo) return undefined;
  const row = await deps.readSession({ id_hash: hashOf(id), client_id: clientId });
  if (!row?.account || !row.grant || !authorizationOf(row.payload, clientId)?.sid) return undefined;
  memo.set(`grant:${row.grant_id}`, row.grant);
  // A copy: the library changes what it is given in place, and this is what the change is measured by.
  memo.set(SEEN, { uid: row.uid, payload: structuredClone(row.payload) } satisfies SeenSession);
  deps.context.knows(clientId, toFacts(row.account, row));
  return { ...row.payload, jti: id };
}

/** What this request read without a lock. */
export function seenSession({ context }: Pick<AdapterDeps, 'context'>): SeenSession | undefined {
  return context.memo()?.get(SEEN) as SeenSession | undefined;
}

function authorizationOf(payload: AdapterPayload, clientId: string): { sid?: string } | undefined {
  const all = payload['authorizations'];
  return all && Object.hasOwn(all, clientId) ? (all[clientId] as { sid?: string }) : undefined;
}

/** False where only what every authorization stamps on a session differs. */
export function isChanged(seen: AdapterPayload, now: AdapterPayload): boolean {
  return !isDeepStrictEqual(lasting(seen), lasting(now));
}

function lasting({ jti: _, iat, exp, acr, amr, loginTs, ...rest }: AdapterPayload): object {
  return JSON.parse(JSON.stringify(rest));
}
