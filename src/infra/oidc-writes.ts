/**
 * Writes that nothing reads again in their request wait until its end: tokens, the session and the audit event are
 * then one statement, in the request's own transaction.
 */
import type { AuditEvent } from '../domain/events.ts';
import { createBatcher } from './batch.ts';
import type { Database } from './db.ts';
import type { AdapterDeps } from './oidc-adapter.ts';
import { artifactSql, auditSql, sessionSql, useSql } from './oidc-statements.ts';

export interface ArtifactRow {
  readonly model: string;
  readonly id: string;
  readonly payload: object;
  readonly grant_id: string | null;
  readonly record_id: string | null;
  readonly account_id: string | null;
  readonly client_id: string | null;
  readonly session_uid: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
}

export interface SessionRow {
  readonly uid: string;
  readonly id_hash: string;
  readonly account_id: string | null;
  readonly payload: object;
  readonly browser_hash: string | null;
  readonly user_agent: string | null;
  readonly address: string | null;
  readonly last_seen_at: number;
  readonly expires_at: number;
  readonly last_acr: Readonly<Record<string, string>>;
  readonly idle: Readonly<Record<string, number>>;
}

/** A code or refresh token to be used up, and the record it rests on. */
export interface Use {
  readonly model: string;
  readonly id: string;
  readonly recordId: string | null;
  readonly now: number;
}

interface Waiting {
  artifacts: ArtifactRow[];
  session: SessionRow | undefined;
  use?: Use;
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

/** True: the use waits for the end of the request, which is then one statement. */
export function useLater(deps: Deps, use: Use): boolean {
  const rows = deps.context.route() === 'token' && !deps.db.hasBegun() ? mayWait(deps) : undefined;
  if (rows) rows.use = use;
  return rows !== undefined;
}

export interface Writer {
  /**
   * The end of a request, outside the library's context: what waited in its memo, and its audit event. False: what the
   * request was to use up was used before. Then nothing is written, and the chain has ended.
   */
  flush(memo: Map<string, unknown> | undefined, event: AuditEvent | undefined): Promise<boolean>;
}

interface Rows extends Waiting {
  readonly event: AuditEvent | undefined;
}

/** Where a request has nothing else to commit, its rows go with those of other requests. */
export function createWriter({ db }: Pick<Deps, 'db'>): Writer {
  const together = createBatcher(async (batch: readonly Rows[]) => {
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
      const { artifacts, session, use } = waiting(memo) ?? { artifacts: [], session: undefined };
      memo?.delete(KEY);
      const events = event ? [event] : [];
      if (use) return useUp(db.last, use, [JSON.stringify(artifacts), JSON.stringify(events.map(rowOf))]);
      if (artifacts.length === 0 && !session && !event) return true;
      if (session || db.hasBegun()) await write(db.last, { artifacts, session }, events);
      else await together({ artifacts, session, event });
      return true;
    },
  };
}

const writeSql = `WITH "artifacts" AS (${artifactSql('$1')}), "sessions" AS (${sessionSql('$2')}) ${auditSql('$3')}`;

type Send = Database['last'];

async function write(
  send: Send,
  { artifacts, session }: Waiting,
  events: readonly AuditEvent[],
): Promise<void> {
  const values = [
    JSON.stringify(artifacts),
    session ? JSON.stringify(session) : null,
    JSON.stringify(events.map(rowOf)),
  ];
  await send(writeSql, values, 'protocol_write');
}

async function useUp(send: Send, use: Use, rows: readonly string[]): Promise<boolean> {
  const values = [use.model, use.id, use.now, use.recordId, ...rows];
  const { rows: answer } = await send(useSql, values, 'protocol_use');
  return answer[0]?.['used'] === true;
}

function rowOf(event: AuditEvent): object {
  const { id, at, type, outcome, data } = event;
  return {
    id,
    at,
    type,
    outcome,
    data,
    account_id: event.accountId,
    client_id: event.clientId,
    session_uid: event.sessionUid,
    correlation_id: event.correlationId,
  };
}
