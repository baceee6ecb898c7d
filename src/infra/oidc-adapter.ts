/**
 * Protocol storage for oidc-provider: codes, tokens, grants, interactions, sessions and clients.
 *
 * Values are stored by hash and never in the payload. Consuming is one conditional statement whose row count
 * decides. Everything runs on the current transaction's handle.
 */
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import type { StoredClient } from '../services/ports/clients.ts';
import type { Clock, Vault } from '../services/ports/machine.ts';
import type { ProtocolContext } from '../services/protocol-context.ts';
import type { Database } from './db.ts';
import { createClientAdapter } from './oidc-client-adapter.ts';
import { hashOf, keyOf, SURROGATE } from './oidc-keys.ts';
import {
  broughtAlong,
  createTokenReader,
  FROM,
  findToken,
  type TokenRow,
  tokenModels,
} from './oidc-reads.ts';
import { createSessionAdapter } from './oidc-session-adapter.ts';
import { createSessionReader, type SessionReader, seenSession } from './oidc-session-read.ts';
import { codeSql, consumeSql } from './oidc-statements.ts';
import type { ArtifactRow as TokenWrite } from './oidc-write-rows.ts';
import { authorizeLater, useLater, writeArtifact } from './oidc-writes.ts';

export interface AdapterDeps {
  readonly db: Pick<Database, 'query' | 'inTransaction' | 'hasBegun' | 'last'>;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly context: ProtocolContext;
  /** A token's row by its key, with what it stands on. */
  readonly readToken: (key: string) => Promise<TokenRow | undefined>;
  /** A session with all that an authorization asks about its person. */
  readonly readSession: SessionReader;
  /** Names of the weakest level: what may outlive a sign-out. */
  readonly baseAcrs: readonly string[];
  /** A stored client as the library's metadata. */
  readonly clientMetadata: (client: StoredClient) => AdapterPayload;
}

/** One adapter per model, as oidc-provider asks for them by name. */
export function createAdapterFactory(
  parts: Omit<AdapterDeps, 'readToken' | 'readSession'>,
): (model: string) => Adapter {
  const deps: AdapterDeps = {
    ...parts,
    readToken: createTokenReader(parts),
    readSession: createSessionReader(parts),
  };
  return (model) => {
    if (model === 'Session') return createSessionAdapter(deps);
    if (model === 'Client') return createClientAdapter(deps);
    return {
      upsert: (id, payload, expiresIn) => upsert(deps, model, { id, payload, expiresIn }),
      find: (id) => find(deps, model, id),
      findByUserCode: (userCode) => findByUserCode(deps, model, userCode),
      findByUid: async () => undefined,
      consume: (id) => consume(deps, model, id),
      destroy: (id) => destroy(deps, model, id),
      revokeByGrantId: (grantId) => revokeByGrantId(deps, model, grantId),
    };
  };
}

interface Write {
  readonly id: string;
  readonly payload: AdapterPayload;
  readonly expiresIn: number | undefined;
}

/** Models whose payload tells about a person's request or session: sealed, not just stored. */
const sealedModels = new Set(['Interaction', 'PushedAuthorizationRequest']);
/** Models that rest on the record of what was presented. */
const derivedModels = new Set(['AccessToken', 'RefreshToken']);

const columns = `"model","id","payload","sealed","grant_id","record_id","account_id","client_id","session_uid",
  "user_code","created_at","expires_at"`;
const insertArtifact = `INSERT INTO "artifact" (${columns}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`;
const upsertArtifact = `${insertArtifact} ON CONFLICT ("model","id") DO UPDATE SET
  "payload" = EXCLUDED."payload", "sealed" = EXCLUDED."sealed", "grant_id" = EXCLUDED."grant_id",
  "account_id" = EXCLUDED."account_id", "session_uid" = EXCLUDED."session_uid", "expires_at" = EXCLUDED."expires_at"`;

async function upsert(deps: AdapterDeps, model: string, write: Write): Promise<void> {
  if (model === 'AuthorizationCode') return insertWithRecord(deps, write);
  if (tokenModels.has(model)) return writeArtifact(deps, tokenRow(deps, model, write));
  const values = rowOf(deps, model, write);
  if (model === 'ReplayDetection') return insertOnce(deps, values);
  await deps.db.query(upsertArtifact, values, 'artifact_upsert');
}

function tokenRow(deps: AdapterDeps, model: string, { id, payload, expiresIn }: Write): TokenWrite {
  const { jti: _, ...rest } = payload;
  const now = deps.clock.now();
  return {
    model,
    id: hashOf(id),
    payload: model === 'RefreshToken' ? { ...rest, [FROM]: deps.context.origin() } : rest,
    grant_id: payload.grantId ?? null,
    record_id: derivedModels.has(model) ? deps.context.currentRecordId() : null,
    account_id: payload.accountId ?? null,
    client_id: payload.clientId ?? null,
    session_uid: payload.sessionUid ?? null,
    created_at: now,
    expires_at: expiresIn === undefined ? null : now + expiresIn,
  };
}

function rowOf(deps: AdapterDeps, model: string, { id, payload, expiresIn }: Write): unknown[] {
  const key = keyOf(model, id);
  const now = deps.clock.now();
  const { jti: _, ...rest } = payload;
  const text = JSON.stringify(rest);
  const sealed = sealedModels.has(model) ? deps.vault.seal(text, `${model}:${key}`) : null;
  return [
    model,
    key,
    sealed ? null : text,
    sealed,
    payload.grantId ?? null,
    null,
    payload.accountId ?? null,
    payload.clientId ?? null,
    payload.sessionUid ?? null,
    payload.userCode ?? null,
    now,
    expiresIn === undefined ? null : now + expiresIn,
  ];
}

/** A `jti` is accepted once, whichever of two processes is first (RFC 9449, 11.1). */
async function insertOnce(deps: AdapterDeps, values: unknown[]): Promise<void> {
  const sql = `${insertArtifact} ON CONFLICT ("model","id") DO UPDATE SET "expires_at" = EXCLUDED."expires_at"
    WHERE "artifact"."expires_at" <= EXCLUDED."created_at"`;
  const { rowCount } = await deps.db.query(sql, values, 'artifact_insert_once');
  if (rowCount === 0) throw new errors.InvalidDpopProof('DPoP proof JWT Replay detected');
}

/**
 * A code and the record it rests on are one statement: neither exists without the other. Where nothing was locked or
 * written before, that statement is the last of the request and says what it relies on.
 */
async function insertWithRecord(deps: AdapterDeps, write: Write): Promise<void> {
  const record = deps.context.pendingRecord();
  const code = { ...tokenRow(deps, 'AuthorizationCode', write), record_id: record.id };
  if (seenSession(deps) && authorizeLater(deps, { record, code })) return;
  const values = [JSON.stringify(record), JSON.stringify([code])];
  const { rows } = await deps.db.query(codeSql, values, 'artifact_code_with_record');
  if (rows[0]?.['done'] !== true) throw new errors.LoginRequired('a factor was removed meanwhile');
}

interface ArtifactRow {
  readonly id: string;
  readonly payload: AdapterPayload | null;
  readonly sealed: Buffer | null;
  readonly consumed_at: number | null;
}

const selectArtifact = `SELECT "id","payload","sealed","consumed_at" FROM "artifact" WHERE "model"=$1 AND "id"=$2
  AND ("expires_at" IS NULL OR "expires_at" > $3)`;

async function find(deps: AdapterDeps, model: string, id: string): Promise<AdapterPayload | undefined> {
  if (id.startsWith(SURROGATE)) return undefined;
  if (tokenModels.has(model)) return findToken(deps, model, id);
  const [brought] = (model === 'Grant' && broughtAlong(deps, 'grant', id)) || [];
  if (brought) return { ...brought, jti: id };
  const values = [model, keyOf(model, id), deps.clock.now()];
  const { rows } = await deps.db.query<ArtifactRow>(selectArtifact, values, 'artifact_find');
  const [row] = rows;
  return row && payloadOf(deps, model, row, id);
}

function payloadOf(deps: AdapterDeps, model: string, row: ArtifactRow, jti: string): AdapterPayload {
  const payload: AdapterPayload = row.sealed
    ? JSON.parse(deps.vault.open(row.sealed, `${model}:${row.id}`).toString('utf8'))
    : (row.payload ?? {});
  return { ...payload, jti, ...(row.consumed_at === null ? {} : { consumed: row.consumed_at }) };
}

async function findByUserCode(
  deps: AdapterDeps,
  model: string,
  userCode: string,
): Promise<AdapterPayload | undefined> {
  const { rows } = await deps.db.query<ArtifactRow>(
    `SELECT "id","payload","sealed","consumed_at" FROM "artifact"
     WHERE "model"=$1 AND "user_code"=$2 AND ("expires_at" IS NULL OR "expires_at" > $3)`,
    [model, userCode, deps.clock.now()],
  );
  const row = rows[0];
  return row && payloadOf(deps, model, row, `${SURROGATE}${row.id}`);
}

/** Conditional: of any number of parallel calls one succeeds; the others end the chain and get a clean 400. */
async function consume(deps: AdapterDeps, model: string, id: string): Promise<void> {
  const use = {
    model,
    id: keyOf(model, id),
    recordId: deps.context.currentRecordId(),
    now: deps.clock.now(),
  };
  if (useLater(deps, use)) return;
  const { rowCount } = await deps.db.query(
    consumeSql,
    [use.model, use.id, use.now, use.recordId],
    'artifact_consume',
  );
  if (rowCount === 1) return;
  await endReused(deps);
  throw new errors.InvalidGrant('already used');
}

/** Ends the record in hand: its codes and stored tokens go with it, other authorizations stay. False: it had ended. */
async function revokeChain({ db, context }: AdapterDeps): Promise<boolean> {
  const sql = 'DELETE FROM "assurance_record" WHERE "id"=$1';
  return (await db.query(sql, [context.currentRecordId()])).rowCount === 1;
}

async function endReused(deps: AdapterDeps): Promise<void> {
  if (await revokeChain(deps)) deps.context.reused();
}

/** A revoked refresh token goes with its chain, record first. */
async function destroy(deps: AdapterDeps, model: string, id: string): Promise<void> {
  if (model === 'RefreshToken' && deps.context.route() === 'revocation') await revokeChain(deps);
  const { rowCount } = await deps.db.query(
    'DELETE FROM "artifact" WHERE "model"=$1 AND "id"=$2',
    [model, keyOf(model, id)],
    'artifact_destroy',
  );
  // Of several requests that resume one sign-in the first does; each would be a session and a code of its own.
  if (model === 'Interaction' && rowCount !== 1)
    throw new errors.SessionNotFound('interaction session not found');
}

/**
 * Endpoints at which the library revokes because of one token: that token's chain ends, not the whole grant. At the token
 * endpoint it is one that was used before.
 */
const chainRoutes = new Set(['token', 'revocation']);

async function revokeByGrantId(deps: AdapterDeps, model: string, grantId: string): Promise<void> {
  const route = deps.context.route() ?? '';
  if (chainRoutes.has(route) && deps.context.currentRecordId() !== null) {
    await (route === 'token' ? endReused(deps) : revokeChain(deps));
    return;
  }
  await deps.db.query('DELETE FROM "artifact" WHERE "grant_id"=$1 AND "model"=$2', [grantId, model]);
}
