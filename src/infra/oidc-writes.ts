/**
 * Writes that nothing reads again in their request wait until its end: tokens, the session and the audit event are
 * then one statement, in the request's own transaction.
 */
import type { AuditEvent } from '../domain/events.ts';
import { createBatcher } from './batch.ts';
import type { Database } from './db.ts';
import type { AdapterDeps } from './oidc-adapter.ts';
import {
  artifactSql,
  auditSql,
  authorizeSql,
  sessionSql,
  touchRow,
  touchSql,
  useSql,
} from './oidc-statements.ts';
import { createTogether } from './oidc-together.ts';
import {
  type ArtifactRow,
  type Authorization,
  auditRow,
  type SessionRow,
  type SessionTouch,
  type Use,
} from './oidc-write-rows.ts';

interface Waiting {
  artifacts: ArtifactRow[];
  session: SessionRow | undefined;
  use?: Use;
  touch?: SessionTouch;
  authorization?: Authorization;
}

type Deps = Pick<AdapterDeps, 'db' | 'context'>;
const KEY = 'writes';

type Memo = Map<string, unknown> | undefined;

function waiting(memo: Memo): Waiting | undefined {
  return memo?.get(KEY) as Waiting | undefined;
}

/** Where writes may wait: in a request that is a transaction. */
function mayWait({ db, context }: Deps): Waiting | undefined {
  const memo = context.memo();
  if (!memo || !db.inTransaction()) return undefined;
  const rows = waiting(memo) ?? { artifacts: [], session: undefined };
  memo.set(KEY, rows);
  return rows;
}

export async function writeArtifact(deps: Deps, row: ArtifactRow): Promise<void> {
  const rows = mayWait(deps);
  if (rows) rows.artifacts.push(row);
  else await write(deps.db.query, { artifacts: [row], session: undefined }, []);
}

export async function writeSession(deps: Deps, row: SessionRow): Promise<void> {
  const rows = mayWait(deps);
  if (rows) rows.session = row;
  else await write(deps.db.query, { artifacts: [], session: row }, []);
}

/** Only in a request that is a transaction: what was read without a lock is written at its end, or not at all. */
export function touchSession(deps: Deps, touch: SessionTouch): void {
  const rows = mayWait(deps);
  if (!rows) throw new Error('a session was touched outside a request');
  rows.touch = touch;
}

/** True: the code waits for the end of the request, which is then one statement. */
export function authorizeLater(deps: Deps, authorization: Authorization): boolean {
  const rows = deps.db.hasBegun() ? undefined : mayWait(deps);
  if (rows) rows.authorization = authorization;
  return rows !== undefined;
}

/** True: the use waits for the end of the request, which is then one statement. */
export function useLater(deps: Deps, use: Use): boolean {
  const rows = deps.context.route() === 'token' && !deps.db.hasBegun() ? mayWait(deps) : undefined;
  if (rows) rows.use = use;
  return rows !== undefined;
}

export interface Writer {
  /**
   * The end of a request, outside the library's context: what waited in its memo, and its audit event. `used`: what the
   * request was to use up was used before; then nothing is written, and the chain has ended. `changed`: what it has read
   * without a lock is no longer so; then the caller rolls back.
   */
  flush(memo: Map<string, unknown> | undefined, event: AuditEvent | undefined): Promise<Flushed>;
}

export type Flushed = 'done' | 'used' | 'changed';

interface Rows extends Waiting {
  readonly event: AuditEvent | undefined;
}

/** Where a request has nothing else to commit, its rows go with those of other requests. */
export function createWriter({ db }: Pick<Deps, 'db'>): Writer {
  const together = createTogether(db);
  const alone = createBatcher(async (batch: readonly Rows[]) => {
    const artifacts = batch.flatMap((rows) => rows.artifacts);
    await write(
      db.query,
      { artifacts, session: undefined },
      batch.flatMap(({ event }) => event ?? []),
    );
    return batch.map(() => undefined);
  });
  return {
    async flush(memo, event) {
      const rows = waiting(memo) ?? { artifacts: [], session: undefined };
      memo?.delete(KEY);
      const { artifacts, session, use, touch } = rows;
      const events = event ? [event] : [];
      if (use) {
        if (!db.hasBegun() && (await together.use({ use, artifacts, event }))) return 'done';
        return useUp(db.last, use, [JSON.stringify(artifacts), auditOf(events)]);
      }
      if (rows.authorization && !touch) throw new Error('a code was issued in a session that was not saved');
      if (touch) {
        const authorization = db.hasBegun() ? undefined : rows.authorization;
        if (authorization && (await together.authorize({ touch, authorization, artifacts, event })))
          return 'done';
        return writeSeen(db.last, { ...rows, touch }, events);
      }
      if (artifacts.length === 0 && !session && !event) return 'done';
      if (session || db.hasBegun()) await write(db.last, { artifacts, session }, events);
      else await alone({ artifacts, session, event });
      return 'done';
    },
  };
}

const touchWriteSql = `WITH "touched" AS (${touchSql(touchRow('$1'))} RETURNING 1), "artifacts" AS (${artifactSql('$2')}),
  "audit" AS (${auditSql('$3')}) SELECT EXISTS (SELECT 1 FROM "touched") AS "done"`;
const writeSql = `WITH "artifacts" AS (${artifactSql('$1')}), "sessions" AS (${sessionSql('$2')}) ${auditSql('$3')}`;

type Send = Database['last'];

async function write(
  send: Send,
  { artifacts, session }: Waiting,
  events: readonly AuditEvent[],
): Promise<void> {
  const values = [JSON.stringify(artifacts), session ? JSON.stringify(session) : null, auditOf(events)];
  await send(writeSql, values, 'protocol_write');
}

/** With a session that was read without a lock. */
async function writeSeen(
  send: Send,
  { artifacts, touch, authorization }: Waiting & { readonly touch: SessionTouch },
  events: readonly AuditEvent[],
): Promise<Flushed> {
  const session = JSON.stringify(touch);
  const { rows } = authorization
    ? await send(
        authorizeSql,
        [
          session,
          JSON.stringify(authorization.record),
          JSON.stringify([authorization.code, ...artifacts]),
          auditOf(events),
        ],
        'protocol_authorize',
      )
    : await send(touchWriteSql, [session, JSON.stringify(artifacts), auditOf(events)], 'protocol_touch');
  return rows[0]?.['done'] === true ? 'done' : 'changed';
}

async function useUp(send: Send, use: Use, rows: readonly string[]): Promise<Flushed> {
  const values = [use.model, use.id, use.now, use.recordId, ...rows];
  const { rows: answer } = await send(useSql, values, 'protocol_use');
  return answer[0]?.['used'] === true ? 'done' : 'used';
}

function auditOf(events: readonly AuditEvent[]): string {
  return JSON.stringify(events.map(auditRow));
}
