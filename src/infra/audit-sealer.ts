/**
 * Seals committed events in the order in which they became visible. Nobody who writes an event waits for it: it takes no
 * lock that they take. docs/decisions/audit-seal.md says why it is done so.
 */
import { emptyChain, type Head, type Seal, type StoredEvent, sealEvents } from '../domain/audit-chain.ts';
import type { CheckpointKeys } from '../services/ports/audit.ts';
import { type EventRow, eventColumns, eventOf, restored } from './audit-trail.ts';
import type { Database } from './db.ts';

export interface SealerDeps {
  readonly db: Database;
  readonly keys: Pick<CheckpointKeys, 'sign'>;
  /** Epoch seconds. */
  readonly now: () => number;
  /** Events in one transaction. */
  readonly batch?: number;
}

/**
 * Seals all there is to seal and returns how many events that were; 0 also where another process is at it. Not for use in
 * a transaction.
 */
export async function seal(deps: SealerDeps): Promise<number> {
  const { batch = 1000 } = deps;
  if (!(await isWaiting(deps.db))) return 0;
  let total = 0;
  for (;;) {
    const sealed = await deps.db.transaction(() => sealBatch(deps, batch));
    total += sealed;
    if (sealed < batch) return total;
  }
}

const snapshot = 'pg_current_snapshot()';

/** Finished, and no older one can finish any more. */
const settled = `e."xid" < pg_snapshot_xmin(${snapshot})`;
/** Of another server: its transactions were finished when it was dumped. */
const foreign = `e."xid" >= pg_snapshot_xmax(${snapshot})`;
const unsealed = 'NOT EXISTS (SELECT 1 FROM "audit_seal" s WHERE s."event_id" = e."id")';

/** So that an idle server writes nothing. */
async function isWaiting(db: Database): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT "from_xid" = '0'::xid8 OR ${restored} OR EXISTS (SELECT 1 FROM "audit_event" e
       WHERE e."xid" >= "from_xid" AND ${settled} AND ${unsealed}) AS "waiting" FROM "audit_sealer" WHERE "id" = 1`,
    [],
    'audit_waiting',
  );
  return rows[0]?.['waiting'] === true;
}

interface Sealer extends Record<string, unknown> {
  readonly from_xid: string;
  readonly epoch: number;
  readonly restored: boolean;
  /** Every transaction before it was finished when the lock was taken. */
  readonly horizon: string;
}

/** However long a backlog is, a batch is read in the order of the index and no further. */
const settings = `SET LOCAL statement_timeout = 0; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off`;

/** The row's lock is the lease: it ends with the transaction or the connection, and nothing is written without it. */
async function lease(db: Database): Promise<Sealer | undefined> {
  await db.query(settings);
  const { rows } = await db.query<Sealer>(
    `SELECT "from_xid"::text AS "from_xid", "epoch", ${restored} AS "restored",
       pg_snapshot_xmin(${snapshot})::text AS "horizon"
     FROM "audit_sealer" WHERE "id" = 1 FOR UPDATE SKIP LOCKED`,
  );
  return rows[0];
}

/** What another server had not sealed yet belongs to its epoch; then transactions are counted anew. */
async function sealBatch(deps: SealerDeps, batch: number): Promise<number> {
  const { db } = deps;
  const sealer = await lease(db);
  if (!sealer) return 0;
  const events = await readEvents(db, sealer, batch);
  await append(deps, sealer, events);
  const full = events.length === batch;
  if (!sealer.restored) await advance(db, sealer, full ? events.at(-1)?.xid : sealer.horizon);
  else if (!full) await advance(db, { epoch: sealer.epoch + 1 }, '0');
  return events.length;
}

async function readEvents(db: Database, sealer: Sealer, batch: number): Promise<StoredEvent[]> {
  const { rows } = await db.query<EventRow & Record<string, unknown>>(
    `SELECT ${eventColumns} FROM "audit_event" e
     WHERE ${sealer.restored ? foreign : `e."xid" >= $2::xid8 AND ${settled}`} AND ${unsealed}
     ORDER BY e."xid", e."id" LIMIT $1`,
    sealer.restored ? [batch] : [batch, sealer.from_xid],
  );
  return rows.map(eventOf);
}

async function append(
  { db, keys, now }: SealerDeps,
  { epoch }: Sealer,
  events: readonly StoredEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const time = now();
  const seals = sealEvents({ head: await readHead(db), epoch, now: time }, events);
  await writeSeals(db, seals);
  const last = seals.at(-1) as Seal;
  await writeCheckpoint(db, last, { time, jws: await keys.sign({ v: 1, ...headOf(last), time }) });
}

async function advance(db: Database, { epoch }: Pick<Sealer, 'epoch'>, xid = '0'): Promise<void> {
  await db.query('UPDATE "audit_sealer" SET "from_xid" = $1::xid8, "epoch" = $2 WHERE "id" = 1', [
    xid,
    epoch,
  ]);
}

function headOf({ seq, hash }: Seal): Head {
  return { seq, hash };
}

async function readHead(db: Database): Promise<Head> {
  const { rows } = await db.query<{ seq: number; hash: Buffer }>(
    'SELECT "seq", "hash" FROM "audit_seal" ORDER BY "seq" DESC LIMIT 1',
    [],
    'audit_head',
  );
  const [row] = rows;
  return row ? { seq: row.seq, hash: row.hash.toString('base64url') } : emptyChain;
}

async function writeSeals(db: Database, seals: readonly Seal[]): Promise<void> {
  const column = <T>(of: (seal: Seal) => T) => seals.map(of);
  await db.query(
    `INSERT INTO "audit_seal" ("seq", "event_id", "event_hash", "class", "at", "xid", "epoch", "sealed_at", "hash")
     SELECT "seq", "event_id", "event_hash", "class", "at", "xid"::xid8, "epoch", "sealed_at", "hash"
     FROM unnest($1::int8[], $2::text[], $3::bytea[], $4::text[], $5::int8[], $6::text[], $7::int4[], $8::int8[],
       $9::bytea[]) AS x("seq", "event_id", "event_hash", "class", "at", "xid", "epoch", "sealed_at", "hash")`,
    [
      column(({ seq }) => seq),
      column(({ eventId }) => eventId),
      column(({ eventHash }) => Buffer.from(eventHash, 'base64url')),
      column((each) => each.class),
      column(({ at }) => at),
      column(({ xid }) => xid),
      column(({ epoch }) => epoch),
      column(({ sealedAt }) => sealedAt),
      column(({ hash }) => Buffer.from(hash, 'base64url')),
    ],
    'audit_seal',
  );
}

const HOUR = 3600;

/** Of an hour the last one stays: each covers all before it. */
async function writeCheckpoint(
  db: Database,
  { seq }: Seal,
  { time, jws }: { readonly time: number; readonly jws: string },
): Promise<void> {
  await db.query(
    `WITH "same" AS (DELETE FROM "audit_checkpoint" WHERE "time" >= $2::int8 - $2::int8 % ${HOUR})
     INSERT INTO "audit_checkpoint" ("seq", "time", "jws") VALUES ($1, $2, $3)`,
    [seq, time, jws],
    'audit_checkpoint',
  );
}
