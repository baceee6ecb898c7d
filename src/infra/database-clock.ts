/** One clock for every process: each corrects its own by the measured offset from the database's. */
import type { Database } from './db.ts';
import { measureOffset, type SystemClock } from './system.ts';

/** Milliseconds a process's clock may be off: the slack that proofs have (rule 10), and what verifiers usually allow. */
const MOST_OFFSET = 10_000;

/**
 * Measures the offset and corrects the clock by it; returns it in milliseconds. To be repeated now and then: clocks
 * drift. Not for use in a transaction.
 */
export async function followDatabaseClock(db: Database, clock: SystemClock): Promise<number> {
  const offset = await measureDatabaseOffset(db, clock);
  clock.correct(offset);
  return offset;
}

/** Milliseconds by which the process's own clock is behind the database's. */
export function measureDatabaseOffset(db: Database, clock: SystemClock): Promise<number> {
  return measureOffset(() => databaseTime(db), clock.uncorrected);
}

/** Why a process with such an offset may not serve; undefined: it may. Not every time it gives out can be corrected. */
export function clockFault(offset: number): string | undefined {
  if (Math.abs(offset) <= MOST_OFFSET) return undefined;
  const seconds = Math.ceil(Math.abs(offset) / 1000);
  return `the clock of this process is ${seconds} seconds ${offset > 0 ? 'behind' : 'ahead of'} the database's`;
}

async function databaseTime(db: Database): Promise<number> {
  const { rows } = await db.query<{ milliseconds: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS "milliseconds"',
  );
  const [row] = rows;
  if (!row) throw new Error('the database does not tell the time');
  return row.milliseconds;
}
