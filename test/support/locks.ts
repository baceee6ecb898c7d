/** Requests that wait for one another: what holds a row, and until when others wait for it. */
import pg from 'pg';
import { count } from './journeys.ts';
import type { TestStile } from './stile.ts';

/** Until so many of the server's requests wait for a lock. */
export async function untilBlocked(stile: Pick<TestStile, 'core'>, requests: number): Promise<void> {
  const waiting = `SELECT count(*) AS "n" FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await count(stile, waiting)) < requests);
}

/** Holds what the statement locks while `work` goes on; lets go when it is done. */
export async function holding<T>(
  { database }: Pick<TestStile, 'database'>,
  statement: { readonly sql: string; readonly values?: readonly unknown[] },
  work: (holder: pg.Client) => Promise<T>,
): Promise<T> {
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(statement.sql, [...(statement.values ?? [])]);
    const result = await work(holder);
    await holder.query('COMMIT');
    return result;
  } finally {
    await holder.end();
  }
}
