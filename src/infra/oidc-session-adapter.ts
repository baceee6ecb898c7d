/**
 * Sessions of oidc-provider. A row is keyed by `uid`, which stays; the cookie's id rotates and is kept as a hash.
 * Where an authorization will change a session, its row is locked when it is found, so that parallel sign-ins of one
 * session lose no write; one that changes nothing locks nothing, and what it writes is conditional.
 */
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { AdapterDeps } from './oidc-adapter.ts';
import { hashOf, SURROGATE } from './oidc-keys.ts';
import { broughtAlong } from './oidc-reads.ts';
import { isChanged, readUnlocked, seenSession } from './oidc-session-read.ts';
import type { SessionRow as Write } from './oidc-write-rows.ts';
import { touchSession, writeSession } from './oidc-writes.ts';

/** Seconds for which a superseded id is recognised. */
const TOMBSTONE = 60;
const lockingRoutes = new Set(['authorization', 'resume', 'end_session', 'end_session_confirm']);

export function createSessionAdapter(deps: AdapterDeps): Adapter {
  return {
    upsert: (id, payload, expiresIn) => upsert(deps, id, payload, expiresIn ?? 0),
    find: (id) => find(deps, id),
    findByUid: (uid) => findByUid(deps, uid),
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    destroy: (id) => destroy(deps, id),
    revokeByGrantId: async () => undefined,
  };
}

const updateByUid = 'UPDATE "session" SET "payload"=$2, "expires_at"=$3 WHERE "uid"=$1';

async function upsert(
  deps: AdapterDeps,
  id: string,
  payload: AdapterPayload,
  expiresIn: number,
): Promise<void> {
  // The cookie this request came with is out of date: nothing of its anonymous session is kept.
  if (deps.context.isSuperseded()) return;
  const { jti: _, ...rest } = payload;
  const expiresAt = deps.clock.now() + expiresIn;
  if (id.startsWith(SURROGATE)) {
    await deps.db.query(updateByUid, [id.slice(1), JSON.stringify(rest), expiresAt]);
    return;
  }
  const row = rowOf(deps, id, rest, expiresAt);
  const seen = seenSession(deps);
  if (seen?.uid !== row.uid) return writeSession(deps, row);
  const changed = isChanged(seen.payload, rest);
  touchSession(deps, {
    ...row,
    payload: changed ? rest : null,
    seen: seen.payload['authorizations'] ?? null,
  });
}

function rowOf(deps: AdapterDeps, id: string, payload: AdapterPayload, expiresAt: number): Write {
  const device = deps.context.device();
  const issued = deps.context.issued();
  return {
    uid: String(payload.uid),
    id_hash: hashOf(id),
    account_id: payload.accountId ?? null,
    payload,
    browser_hash: device.browserHash,
    user_agent: device.userAgent,
    address: device.address,
    last_seen_at: deps.clock.now(),
    expires_at: expiresAt,
    last_acr: issued ? { [issued[0]]: issued[1] } : {},
    idle: deps.context.idle() ?? {},
  };
}

interface SessionRow {
  readonly uid: string;
  readonly payload: AdapterPayload;
}

const selectById = 'SELECT "uid","payload" FROM "session" WHERE "id_hash"=$1 AND "expires_at" > $2';

async function find(deps: AdapterDeps, id: string): Promise<AdapterPayload | undefined> {
  if (id.startsWith(SURROGATE)) return undefined;
  const route = deps.context.route() ?? '';
  const unlocked = route === 'authorization' ? await readUnlocked(deps, id) : undefined;
  if (unlocked) return unlocked;
  const lock = lockingRoutes.has(route);
  const { rows } = await deps.db.query<SessionRow>(
    lock ? `${selectById} FOR UPDATE` : selectById,
    [hashOf(id), deps.clock.now()],
    lock ? 'session_find_locked' : 'session_find',
  );
  const row = rows[0];
  if (row) return { ...row.payload, jti: id };
  await noticeTombstone(deps, id);
  return undefined;
}

async function noticeTombstone(deps: AdapterDeps, id: string): Promise<void> {
  const { rows } = await deps.db.query(
    'SELECT 1 FROM "session_tombstone" WHERE "id_hash"=$1 AND "expires_at" > $2',
    [hashOf(id), deps.clock.now()],
    'session_tombstone_find',
  );
  if (rows.length > 0) deps.context.superseded();
}

async function findByUid(deps: AdapterDeps, uid: string): Promise<AdapterPayload | undefined> {
  const brought = broughtAlong(deps, 'session', uid);
  if (brought) return brought[0] && { ...brought[0], jti: `${SURROGATE}${uid}` };
  const { rows } = await deps.db.query<SessionRow>(
    'SELECT "uid","payload" FROM "session" WHERE "uid"=$1 AND "expires_at" > $2',
    [uid, deps.clock.now()],
    'session_find_by_uid',
  );
  const row = rows[0];
  return row && { ...row.payload, jti: `${SURROGATE}${uid}` };
}

/** Rotation keeps the row and leaves a tombstone; anything else is a sign-out. */
async function destroy(deps: AdapterDeps, id: string): Promise<void> {
  if (deps.context.isRotation(id)) return entomb(deps, id);
  const { rows } = await deps.db.query<Pick<SessionRow, 'uid'>>(
    'DELETE FROM "session" WHERE "id_hash"=$1 OR "uid"=$2 RETURNING "uid"',
    [hashOf(id), id.startsWith(SURROGATE) ? id.slice(1) : null],
  );
  for (const { uid } of rows) await endWithSession(deps, uid);
}

/**
 * What ends with a sign-out. Offline access stays at the weakest level; whatever is above it, or rests on a step-up, ends
 * whichever its scopes (rule 8). Records go before tokens, as for whoever uses one.
 */
async function endWithSession({ db, baseAcrs }: AdapterDeps, uid: string): Promise<void> {
  await db.query('DELETE FROM "proof" WHERE "session_uid"=$1', [uid]);
  await db.query(
    'DELETE FROM "assurance_record" WHERE "session_uid"=$1 AND ("elevated" OR "acr" <> ALL ($2))',
    [uid, [...baseAcrs]],
  );
  await db.query(
    `DELETE FROM "artifact" WHERE "session_uid"=$1 AND "payload"->>'expiresWithSession' = 'true'`,
    [uid],
  );
}

async function entomb(deps: AdapterDeps, id: string): Promise<void> {
  await deps.db.query(
    `INSERT INTO "session_tombstone" ("id_hash","uid","expires_at")
     SELECT "id_hash","uid",$2 FROM "session" WHERE "id_hash"=$1
     ON CONFLICT ("id_hash") DO NOTHING`,
    [hashOf(id), deps.clock.now() + TOMBSTONE],
    'session_entomb',
  );
}
