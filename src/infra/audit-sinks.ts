/**
 * Sends sealed events to sinks: in order, at least once, one deliverer at a time. How far a sink has been served is a row in
 * the database, which moves on when the sink has taken a batch and not before.
 */
import { createHash } from 'node:crypto';
import type { TrailItem } from '../services/ports/audit.ts';
import { readPage } from './audit-trail.ts';
import type { Database, DatabaseLog } from './db.ts';

export interface Sink {
  /** For the log. */
  readonly name: string;
  /** What its place is kept under; two processes with one configuration agree. */
  readonly key: string;
  /** Takes whole lines; throws when it has not. */
  readonly send: (batch: Batch) => Promise<void>;
}

export interface Batch {
  /** Ends with a newline. */
  readonly lines: string;
  readonly first: number;
  readonly last: number;
}

export interface DelivererDeps {
  readonly db: Database;
  readonly log: DatabaseLog;
  /** Epoch seconds. */
  readonly now: () => number;
  /** Names this process to the others. */
  readonly holder: string;
  readonly sinks: readonly Sink[];
  readonly lineOf: (item: TrailItem) => string;
}

/** Seals in a batch. */
const BATCH = 200;
/** Seconds; longer than a send may take, so that nobody else begins meanwhile. */
const LEASE = 60;
/** Seconds at most between two tries. */
const PATIENCE = 300;

/** What a sink's place is kept under: no address and no path of it is in the database. */
export function sinkKey(kind: string, target: string): string {
  return `${kind}:${createHash('sha256').update(target).digest('base64url').slice(0, 22)}`;
}

/** Sends what there is to send; a sink that fails is tried again later. Never throws for a sink's sake. */
export async function deliver(deps: DelivererDeps): Promise<void> {
  await Promise.all(deps.sinks.map((sink) => deliverTo(deps, sink)));
}

async function deliverTo(deps: DelivererDeps, sink: Sink): Promise<void> {
  if (!(await isBehind(deps, sink))) return;
  let place = await take(deps, sink);
  while (place !== undefined) place = await sendBatch(deps, sink, place);
}

/** So that an idle server writes nothing. A sink nobody has served begins with the first event there is. */
async function isBehind({ db, now }: DelivererDeps, { key }: Sink): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT 1 FROM "audit_seal" WHERE "seq" > COALESCE((SELECT "seq" FROM "audit_sink" WHERE "name" = $1), 0))
       AND NOT EXISTS (SELECT 1 FROM "audit_sink" WHERE "name" = $1 AND "next_at" > $2) AS "behind"`,
    [key, now()],
    'audit_sink_behind',
  );
  return rows[0]?.['behind'] === true;
}

interface Place {
  readonly seq: number;
  readonly failures: number;
}

/** One conditional statement: the lease is this process's until it ends, however the process does. */
async function take({ db, now, holder }: DelivererDeps, { key }: Sink): Promise<Place | undefined> {
  const { rows } = await db.query<Place & Record<string, unknown>>(
    `INSERT INTO "audit_sink" AS s ("name", "seq", "holder", "until", "failures", "next_at")
     VALUES ($1, 0, $2, $3::int8 + ${LEASE}, 0, 0)
     ON CONFLICT ("name") DO UPDATE SET "holder" = EXCLUDED."holder", "until" = EXCLUDED."until"
       WHERE s."next_at" <= $3 AND (s."holder" IS NULL OR s."holder" = $2 OR s."until" <= $3)
     RETURNING s."seq", s."failures"`,
    [key, holder, now()],
    'audit_sink_take',
  );
  return rows[0];
}

/** The place from which to go on; undefined: there is no more, it failed, or the lease was lost. */
async function sendBatch(deps: DelivererDeps, sink: Sink, place: Place): Promise<Place | undefined> {
  const batch = await nextBatch(deps, place.seq);
  if (!batch) return done(deps, sink);
  try {
    await sink.send(batch);
  } catch (error) {
    return failed(deps, sink, { place, reason: error instanceof Error ? error.message : 'unknown' });
  }
  if (place.failures > 0) deps.log.warn({ sink: sink.name }, 'an audit sink takes events again');
  return moved(deps, sink, { from: place.seq, to: batch.last });
}

async function nextBatch({ db, lineOf }: DelivererDeps, after: number): Promise<Batch | undefined> {
  const { items, seals, last } = await readPage(db, after, BATCH);
  return seals === 0 ? undefined : { lines: items.map(lineOf).join(''), first: after + 1, last };
}

async function moved(
  { db, now, holder }: DelivererDeps,
  { key }: Sink,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Place | undefined> {
  const { rowCount } = await db.query(
    `UPDATE "audit_sink" SET "seq" = $4, "failures" = 0, "until" = $5::int8 + ${LEASE}
     WHERE "name" = $1 AND "holder" = $2 AND "seq" = $3`,
    [key, holder, from, to, now()],
    'audit_sink_moved',
  );
  return rowCount === 1 ? { seq: to, failures: 0 } : undefined;
}

async function done({ db, holder }: DelivererDeps, { key }: Sink): Promise<undefined> {
  await db.query(
    'UPDATE "audit_sink" SET "holder" = NULL WHERE "name" = $1 AND "holder" = $2',
    [key, holder],
    'audit_sink_done',
  );
}

async function failed(
  { db, log, now, holder }: DelivererDeps,
  { key, name }: Sink,
  { place, reason }: { readonly place: Place; readonly reason: string },
): Promise<undefined> {
  const failures = place.failures + 1;
  const wait = Math.min(2 ** Math.min(failures - 1, 20), PATIENCE);
  log.warn({ sink: name, reason, failures, retryIn: wait }, 'an audit sink did not take events');
  await db.query(
    `UPDATE "audit_sink" SET "holder" = NULL, "failures" = $3, "next_at" = $4 WHERE "name" = $1 AND "holder" = $2`,
    [key, holder, failures, now() + wait],
    'audit_sink_failed',
  );
}
