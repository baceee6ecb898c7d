/** Reads the sealed audit a page at a time: of millions of events a few hundred are in memory. */
import { emptyChain, type Head, type Seal, type StoredEvent } from '../domain/audit-chain.ts';
import type { SealedBefore } from '../domain/audit-verify.ts';
import type { RetentionClass } from '../domain/events.ts';
import type { AuditTrail, StoredCheckpoint, TrailItem } from '../services/ports/audit.ts';
import type { Database } from './db.ts';

const PAGE = 500;

const snapshot = 'pg_current_snapshot()';
/** The sealer has come further than this server has transactions: the database is another server's, restored from a dump. */
export const restored = `"from_xid" > pg_snapshot_xmax(${snapshot})`;

export interface SealRow {
  readonly seq: number;
  readonly event_id: string;
  readonly event_hash: Buffer;
  readonly class: string;
  readonly at: number;
  readonly xid: string;
  readonly epoch: number;
  readonly sealed_at: number;
  readonly hash: Buffer;
}

export interface EventRow {
  readonly id: string;
  readonly at: number;
  readonly type: string;
  readonly outcome: string;
  readonly account_id: string | null;
  readonly client_id: string | null;
  readonly session_uid: string | null;
  readonly correlation_id: string | null;
  readonly data: unknown;
  readonly xid: string;
}

interface PageRow extends SealRow {
  readonly event: Omit<EventRow, 'xid' | 'data'> | null;
  readonly event_xid: string | null;
  readonly data: unknown;
  readonly jws: string | null;
  readonly newest: StoredCheckpoint | null;
}

export const eventColumns = `e."id", e."at", e."type", e."outcome", e."account_id", e."client_id", e."session_uid",
  e."correlation_id", e."data", e."xid"::text AS "xid"`;
const sealColumns = `s."seq", s."event_id", s."event_hash", s."class", s."at", s."xid"::text AS "xid", s."epoch",
  s."sealed_at", s."hash"`;

/** One snapshot: the seals, their events and checkpoints, and the newest checkpoint there is. */
const pageSql = `SELECT ${sealColumns}, e."data", e."xid"::text AS "event_xid", c."jws",
    CASE WHEN e."id" IS NULL THEN NULL ELSE jsonb_build_object('id', e."id", 'at', e."at", 'type', e."type",
      'outcome', e."outcome", 'account_id', e."account_id", 'client_id', e."client_id", 'session_uid', e."session_uid",
      'correlation_id', e."correlation_id") END AS "event",
    (SELECT jsonb_build_object('seq', n."seq", 'jws', n."jws") FROM "audit_checkpoint" n
      ORDER BY n."seq" DESC LIMIT 1) AS "newest"
  FROM "audit_seal" s
  LEFT JOIN "audit_event" e ON e."id" = s."event_id"
  LEFT JOIN "audit_checkpoint" c ON c."seq" = s."seq"
  WHERE s."seq" > $1 ORDER BY s."seq" LIMIT $2`;

export function createAuditTrail(db: Database, page: number = PAGE): AuditTrail {
  const newest = () => newestCheckpoint(db);
  return {
    newest,
    read: (after) => readFrom(db, after, page),
    unsealed: () => readUnsealed(db, page),
    sealedBefore: () => sealedBefore(db),
    before: (time) => sealBefore(db, time),
  };
}

async function sealedBefore(db: Database): Promise<SealedBefore> {
  const { rows } = await db.query<SealedBefore & Record<string, unknown>>(
    `SELECT CASE WHEN ${restored} THEN '0' ELSE "from_xid"::text END AS "xid",
       CASE WHEN ${restored} THEN "epoch" + 1 ELSE "epoch" END AS "epoch" FROM "audit_sealer" WHERE "id" = 1`,
  );
  return rows[0] ?? { xid: '0', epoch: 0 };
}

async function newestCheckpoint(db: Database): Promise<StoredCheckpoint | undefined> {
  const { rows } = await db.query<StoredCheckpoint & Record<string, unknown>>(
    `SELECT "seq", "jws" FROM "audit_checkpoint" ORDER BY "seq" DESC LIMIT 1`,
  );
  return rows[0];
}

/** A checkpoint beyond the last seal comes last. */
async function* readFrom(db: Database, after: number, page: number): AsyncGenerator<TrailItem> {
  let last = after;
  let newest: StoredCheckpoint | null = null;
  for (;;) {
    const read = await readPage(db, last, page);
    yield* read.items;
    last = read.last;
    newest = read.newest ?? newest;
    if (read.seals < page) break;
  }
  newest ??= (await newestCheckpoint(db)) ?? null;
  if (newest && newest.seq > last) yield { kind: 'checkpoint', ...newest };
}

export interface Page {
  readonly items: readonly TrailItem[];
  readonly seals: number;
  /** The last seal of the page; of an empty one what it was to come after. */
  readonly last: number;
  /** Of the same moment. */
  readonly newest: StoredCheckpoint | null;
}

/** The seals after one, their events and checkpoints. */
export async function readPage(db: Database, after: number, limit: number): Promise<Page> {
  const { rows } = await db.query<PageRow & Record<string, unknown>>(pageSql, [after, limit], 'audit_page');
  const end = rows.at(-1);
  return {
    items: rows.flatMap((row) => [
      { kind: 'entry' as const, seal: sealOf(row), event: eventOfPage(row) },
      ...(row.jws === null ? [] : [{ kind: 'checkpoint' as const, seq: row.seq, jws: row.jws }]),
    ]),
    seals: rows.length,
    last: end?.seq ?? after,
    newest: end?.newest ?? null,
  };
}

function eventOfPage({ event, data, event_xid: xid }: PageRow): StoredEvent | null {
  return event && xid !== null ? eventOf({ ...event, data, xid }) : null;
}

export function eventOf(row: EventRow): StoredEvent {
  const { id, at, type, outcome, data, xid } = row;
  return {
    id,
    at,
    type,
    outcome,
    accountId: row.account_id,
    clientId: row.client_id,
    sessionUid: row.session_uid,
    correlationId: row.correlation_id,
    data,
    xid,
  };
}

function sealOf(row: SealRow): Seal {
  return {
    seq: row.seq,
    eventId: row.event_id,
    eventHash: row.event_hash.toString('base64url'),
    class: row.class as RetentionClass,
    at: row.at,
    xid: row.xid,
    epoch: row.epoch,
    sealedAt: row.sealed_at,
    hash: row.hash.toString('base64url'),
  };
}

type Unsealed = Pick<StoredEvent, 'id' | 'at' | 'xid'>;

async function* readUnsealed(db: Database, page: number): AsyncGenerator<Unsealed> {
  let last = '';
  for (;;) {
    const { rows } = await db.query<Unsealed & { sealed: boolean }>(
      `SELECT e."id", e."at", e."xid"::text AS "xid",
         EXISTS (SELECT 1 FROM "audit_seal" s WHERE s."event_id" = e."id") AS "sealed"
       FROM "audit_event" e WHERE e."id" > $1 ORDER BY e."id" LIMIT $2`,
      [last, page * 10],
      'audit_unsealed',
    );
    for (const { sealed, ...event } of rows) if (!sealed) yield event;
    if (rows.length < page * 10) return;
    last = rows.at(-1)?.id ?? last;
  }
}

/** Checkpoints say when: what was sealed before one is no younger than it. */
async function sealBefore(db: Database, time: number): Promise<Head> {
  const { rows } = await db.query<SealRow & Record<string, unknown>>(
    `SELECT s."seq", s."hash" FROM "audit_checkpoint" c JOIN "audit_seal" s ON s."seq" = c."seq"
     WHERE c."time" < $1 ORDER BY c."seq" DESC LIMIT 1`,
    [time],
  );
  const [row] = rows;
  return row ? { seq: row.seq, hash: row.hash.toString('base64url') } : emptyChain;
}
