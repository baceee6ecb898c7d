/** One clock for every process: each corrects its own by the measured offset from the database's. */
import type { Database } from './db.ts';
import { measureOffset, type SystemClock } from './system.ts';

/**
 * Measures the offset and corrects the clock by it; returns it in milliseconds. To be repeated now and then: clocks
 * drift. Not for use in a transaction.
 */
export async function followDatabaseClock(db: Database, clock: SystemClock): Promise<number> {
  const offset = await measureOffset(() => databaseTime(db), clock.uncorrected);
  clock.correct(offset);
  return offset;
}

async function databaseTime(db: Database): Promise<number> {
  const { rows } = await db.query<{ milliseconds: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS "milliseconds"',
  );
  const [row] = rows;
  if (!row) throw new Error('the database does not tell the time');
  return row.milliseconds;
}
