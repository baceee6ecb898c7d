/**
 * One read for a token: whichever model it is of, with the record, grant, session and account it stands on. The
 * library asks for these one by one; within a request they are answered from here.
 */
import type { AdapterPayload } from 'oidc-provider';
import type { TokenOrigin } from '../services/ports/policy.ts';
import type { StoredAssurance } from '../services/protocol-context.ts';
import { createBatcher } from './batch.ts';
import type { AdapterDeps } from './oidc-adapter.ts';
import { hashOf } from './oidc-keys.ts';
import { type AccountRow, toAccount } from './stores/accounts.ts';
import { type CredentialRow, toCredential } from './stores/credentials.ts';

export const tokenModels: ReadonlySet<string> = new Set([
  'AccessToken',
  'AuthorizationCode',
  'ClientCredentials',
  'RefreshToken',
]);

/** Our own member of a refresh token's payload, of which the library knows nothing. */
export const FROM = 'stile_from';

export interface TokenRow {
  readonly id: string;
  readonly model: string;
  readonly payload: AdapterPayload;
  readonly consumed_at: number | null;
  readonly record_id: string | null;
  readonly grant_id: string | null;
  readonly session_uid: string | null;
  readonly record: RecordJson | null;
  readonly grant: AdapterPayload | null;
  readonly session: AdapterPayload | null;
  readonly account: AccountRow | null;
  readonly credentials: CredentialRow[] | null;
}

interface RecordJson {
  readonly acr: string;
  readonly amr: string[];
  readonly auth_time: number;
  readonly proofs: StoredAssurance['proofs'];
  readonly created_at: number;
  readonly transaction_id: string | null;
}

/**
 * Credentials are judged anew at a refresh only. LATERAL and LIMIT make it one index look-up for each token, whatever the planner
 * believes of the tables: a plan made while they were empty would read them from end to end ever after. The ids
 * come as JSON because the planner looks into an array's length and would plan anew for each.
 */
export const selectTokens = `SELECT t.* FROM json_array_elements_text($1::json) AS k("id") CROSS JOIN LATERAL (
  SELECT a."id", a."model", a."payload", a."consumed_at", a."record_id", a."grant_id", a."session_uid",
    CASE WHEN r."id" IS NULL THEN NULL ELSE json_build_object('acr', r."acr", 'amr', r."amr", 'auth_time', r."auth_time",
      'proofs', r."proofs", 'created_at', r."created_at", 'transaction_id', r."transaction_id") END AS "record",
    g."payload" AS "grant", s."payload" AS "session", to_json(u) AS "account",
    CASE WHEN a."model" = 'RefreshToken' THEN
      (SELECT json_agg(c) FROM "credential" c WHERE c."account_id" = a."account_id") END AS "credentials"
  FROM "artifact" a
  LEFT JOIN "assurance_record" r ON r."id" = a."record_id"
  LEFT JOIN LATERAL (SELECT "payload" FROM "artifact"
    WHERE "model" = 'Grant' AND "id" = a."grant_id" AND "expires_at" > $2 LIMIT 1) g ON true
  LEFT JOIN "session" s ON s."uid" = a."session_uid" AND s."expires_at" > $2
  LEFT JOIN "account" u ON u."id" = a."account_id"
  WHERE a."id" = k."id" AND a."model" IN ('AccessToken', 'AuthorizationCode', 'ClientCredentials', 'RefreshToken')
    AND (a."expires_at" IS NULL OR a."expires_at" > $2)
  LIMIT 1) t`;

/** A token of one model; reads it, and what it stands on, at most once in a request. */
export async function findToken(
  deps: AdapterDeps,
  model: string,
  id: string,
): Promise<AdapterPayload | undefined> {
  const key = hashOf(id);
  const row = await remembered(deps, `token:${key}`, () => read(deps, key));
  if (row?.model !== model) return undefined;
  const { [FROM]: from, ...payload } = row.payload;
  deps.context.found({
    model,
    recordId: row.record_id,
    sessionUid: row.session_uid,
    record: recordOf(row),
    account: row.account && toAccount(row.account),
    credentials: row.credentials?.map(toCredential) ?? null,
    from: (from as TokenOrigin | undefined) ?? null,
  });
  return { ...payload, jti: id, ...(row.consumed_at === null ? {} : { consumed: row.consumed_at }) };
}

/**
 * Reads tokens, those of several requests together. Not on a transaction's connection: a token is read before
 * anything is written, and what decides about its use is the statement that uses it up.
 */
export function createTokenReader({
  db,
  clock,
}: Pick<AdapterDeps, 'db' | 'clock'>): AdapterDeps['readToken'] {
  return createBatcher(async (keys: readonly string[]) => {
    const { rows } = await db.query<TokenRow>(
      selectTokens,
      [JSON.stringify(keys), clock.now()],
      'tokens_find',
    );
    return keys.map((key) => rows.find(({ id }) => id === key));
  });
}

async function read(deps: AdapterDeps, key: string): Promise<TokenRow | undefined> {
  const row = deps.db.hasBegun() ? await readHere(deps, key) : await deps.readToken(key);
  const memo = deps.context.memo();
  if (row?.grant_id) memo?.set(`grant:${row.grant_id}`, row.grant ?? undefined);
  if (row?.session_uid) memo?.set(`session:${row.session_uid}`, row.session ?? undefined);
  return row;
}

/** In a transaction that has written already, on its connection. */
async function readHere({ db, clock }: AdapterDeps, key: string): Promise<TokenRow | undefined> {
  return (await db.query<TokenRow>(selectTokens, [JSON.stringify([key]), clock.now()], 'tokens_find'))
    .rows[0];
}

function recordOf({ record_id: id, record }: TokenRow): StoredAssurance | null {
  if (id === null || record === null) return null;
  const { acr, amr, proofs } = record;
  return {
    id,
    acr,
    amr,
    authTime: record.auth_time,
    proofs,
    createdAt: record.created_at,
    transactionId: record.transaction_id,
  };
}

async function remembered<T>(deps: AdapterDeps, key: string, read: () => Promise<T>): Promise<T> {
  const memo = deps.context.memo();
  const found = memo?.get(key) as Promise<T> | undefined;
  if (found) return found;
  const reading = read();
  memo?.set(key, reading);
  return reading;
}

/** What a token's read brought along, once: `[payload]`, or undefined when it has to be read. */
export function broughtAlong(
  deps: Pick<AdapterDeps, 'context'>,
  kind: 'grant' | 'session',
  id: string,
): readonly [AdapterPayload | undefined] | undefined {
  const memo = deps.context.memo();
  const key = `${kind}:${id}`;
  if (!memo?.has(key)) return undefined;
  const payload = memo.get(key) as AdapterPayload | undefined;
  memo.delete(key);
  return [payload];
}
