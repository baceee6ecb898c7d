/**
 * Writes that nothing reads again in their request wait until its end: tokens, the session and the audit event are
 * then one statement, in the request's own transaction.
 */
import type { AuditEvent } from '../domain/events.ts';
import { createBatcher } from './batch.ts';
import type { AdapterDeps } from './oidc-adapter.ts';

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

interface Waiting {
  artifacts: ArtifactRow[];
  session: SessionRow | undefined;
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

export interface Writer {
  /** The end of a request, outside the library's context: what waited in its memo, and its audit event. */
  flush(memo: Map<string, unknown> | undefined, event: AuditEvent | undefined): Promise<void>;
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
      const { artifacts, session } = waiting(memo) ?? { artifacts: [], session: undefined };
      memo?.delete(KEY);
      if (artifacts.length === 0 && !session && !event) return;
      if (session || db.hasBegun()) await write(db.last, { artifacts, session }, event ? [event] : []);
      else await together({ artifacts, session, event });
    },
  };
}

const artifactSql = `INSERT INTO "artifact" ("model","id","payload","grant_id","record_id","account_id","client_id",
    "session_uid","created_at","expires_at")
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS x("model" text,"id" text,"payload" jsonb,"grant_id" text,"record_id" text,
    "account_id" text,"client_id" text,"session_uid" text,"created_at" int8,"expires_at" int8)`;
const sessionSql = `INSERT INTO "session" ("uid","id_hash","account_id","payload","browser_hash","user_agent","address",
    "created_at","last_seen_at","expires_at","last_acr","idle")
  SELECT "uid","id_hash","account_id","payload","browser_hash","user_agent","address","last_seen_at","last_seen_at",
    "expires_at","last_acr","idle"
  FROM jsonb_to_record($2::jsonb) AS x("uid" text,"id_hash" text,"account_id" text,"payload" jsonb,"browser_hash" text,
    "user_agent" text,"address" text,"last_seen_at" int8,"expires_at" int8,"last_acr" jsonb,"idle" jsonb)
  WHERE $2::jsonb IS NOT NULL
  ON CONFLICT ("uid") DO UPDATE SET "id_hash" = EXCLUDED."id_hash", "account_id" = EXCLUDED."account_id",
    "payload" = EXCLUDED."payload", "last_seen_at" = EXCLUDED."last_seen_at", "expires_at" = EXCLUDED."expires_at",
    "browser_hash" = COALESCE(EXCLUDED."browser_hash", "session"."browser_hash"),
    "user_agent" = COALESCE(EXCLUDED."user_agent", "session"."user_agent"),
    "address" = COALESCE(EXCLUDED."address", "session"."address"),
    "last_acr" = "session"."last_acr" || EXCLUDED."last_acr", "idle" = "session"."idle" || EXCLUDED."idle"`;
const auditSql = `INSERT INTO "audit_event" ("id","at","type","outcome","account_id","client_id","session_uid",
    "correlation_id","data")
  SELECT * FROM jsonb_to_recordset($3::jsonb) AS x("id" text,"at" int8,"type" text,"outcome" text,"account_id" text,
    "client_id" text,"session_uid" text,"correlation_id" text,"data" jsonb)`;
const writeSql = `WITH "artifacts" AS (${artifactSql}), "sessions" AS (${sessionSql}) ${auditSql}`;

type Send = (text: string, values: readonly unknown[], name: string) => Promise<unknown>;

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
