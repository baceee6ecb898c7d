/** Deletes what has expired, a few rows at a time, so that nobody waits for it. */
import { auditTypes, type RetentionClass, retentionClassOf } from '../domain/events.ts';
import type { Database } from './db.ts';

/** Rows deleted, by table. */
export type PurgeCounts = Readonly<Record<string, number>>;

export interface PurgeOptions {
  /** Epoch seconds. */
  readonly now: number;
  /** Seconds for which it is kept what a sign-in looked like; 180 days. */
  readonly history?: number;
  /** Rows for one statement. */
  readonly batch?: number;
  /** Statements for one table; the rest is for the next time. */
  readonly batches?: number;
}

const expired = '"expires_at" <= $1';

/** In this order: what refers before what is referred to. A record lives as long as the last token resting on it. */
const tables: readonly (readonly [
  table: string,
  condition: string,
  age?: (options: PurgeOptions) => number,
])[] = [
  ['artifact', expired],
  [
    'assurance_record',
    `${expired} AND NOT EXISTS (SELECT 1 FROM "artifact" WHERE "artifact"."record_id" = "assurance_record"."id"
       AND ("artifact"."expires_at" IS NULL OR "artifact"."expires_at" > $1))`,
  ],
  ['proof', expired],
  ['session', expired],
  ['session_tombstone', expired],
  ['auth_transaction', expired],
  ['ceremony', expired],
  ['throttle', expired],
  ['remembered_device', expired],
  ['sign_in_history', '"at" <= $1', ({ history = 180 * 86_400 }) => history],
  // What is counted is the last hour's; another is for clocks that disagree.
  ['sign_in_failure', '"at" <= $1', () => 2 * 3600],
];

/**
 * Deletes events that are older than their class is kept, in days; their seals stay. Only what is sealed is deleted, or
 * nobody could tell that it was there.
 */
export async function purgeAudit(
  db: Database,
  retention: Readonly<Record<RetentionClass, number>>,
  options: PurgeOptions,
): Promise<PurgeCounts> {
  let audit_event = 0;
  for (const type of auditTypes) {
    const before = options.now - retention[retentionClassOf(type)] * 86_400;
    const condition = `"type" = '${type}' AND "at" <= $1
      AND EXISTS (SELECT 1 FROM "audit_seal" WHERE "audit_seal"."event_id" = "audit_event"."id")`;
    audit_event += await purgeTable(db, { table: 'audit_event', condition, before }, options);
  }
  return { audit_event };
}

/** Deletes the expired. Rows that a request has locked are left for the next time. Not for use in a transaction. */
export async function purge(db: Database, options: PurgeOptions): Promise<PurgeCounts> {
  const counts: Record<string, number> = {};
  for (const [table, condition, age = () => 0] of tables) {
    const target = { table, condition, before: options.now - age(options) };
    counts[table] = await purgeTable(db, target, options);
  }
  return counts;
}

interface Target {
  readonly table: string;
  readonly condition: string;
  /** Epoch seconds. */
  readonly before: number;
}

async function purgeTable(
  db: Database,
  { table, condition, before }: Target,
  options: PurgeOptions,
): Promise<number> {
  const { batch = 500, batches = 100 } = options;
  const sql = `DELETE FROM "${table}" WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM "${table}" WHERE ${condition} LIMIT $2 FOR UPDATE SKIP LOCKED))`;
  let total = 0;
  for (let round = 0; round < batches; round += 1) {
    const deleted = (await db.query(sql, [before, batch])).rowCount ?? 0;
    total += deleted;
    if (deleted < batch) break;
  }
  return total;
}
