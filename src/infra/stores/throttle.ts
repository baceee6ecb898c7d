import type { BucketState, Limit } from '../../domain/throttle.ts';
import type { ThrottleStore } from '../../services/ports/sign-ins.ts';
import type { Database } from '../db.ts';

/** Seconds for which failures in a row are remembered after the window in which the last of them fell. */
const memory = 90 * 24 * 3600;
/** A bucket that only reopening helps is never purged. */
const never = 2 ** 52;

export function createThrottleStore(db: Database): ThrottleStore {
  return {
    take: (bucket, limit, now) => take(db, bucket, limit, now),
    succeed: async (bucket, now) => {
      await db.query(succeed, [bucket, now], 'throttle_succeed');
    },
    reopen: async (prefix) => {
      await db.query(reopen, [prefix, successor(prefix), memory], 'throttle_reopen');
    },
  };
}

const expired = '"throttle"."window_start" + $3 <= $2';

// $1 bucket, $2 now, $3 window, $4 attempts, $5 consecutive or null, $6 memory, $7 never
const take1 = `INSERT INTO "throttle" ("bucket", "window_start", "in_window", "consecutive", "expires_at")
  VALUES ($1, $2::bigint, 1, 1, $2::bigint + $3::bigint + CASE WHEN $5::int IS NULL THEN 0 ELSE $6::bigint END)
  ON CONFLICT ("bucket") DO UPDATE SET
    "window_start" = CASE WHEN ${expired} THEN $2 ELSE "throttle"."window_start" END,
    "in_window" = CASE WHEN ${expired} THEN 1 ELSE "throttle"."in_window" + 1 END,
    "consecutive" = "throttle"."consecutive" + 1,
    "expires_at" = CASE WHEN "throttle"."consecutive" + 1 >= $5 THEN $7::bigint ELSE EXCLUDED."expires_at" END
  WHERE (${expired} OR "throttle"."in_window" < $4::int)
    AND ($5 IS NULL OR "throttle"."consecutive" < $5)
  RETURNING "window_start", "in_window", "consecutive"`;

/** An empty bucket may be purged at once. */
const succeed = `UPDATE "throttle" SET "consecutive" = 0, "in_window" = GREATEST("in_window" - 1, 0),
    "expires_at" = CASE WHEN "in_window" <= 1 THEN $2::bigint ELSE "expires_at" END
  WHERE "bucket" = $1`;

/** The column's collation is C, so that a prefix is a range of the primary key. */
const reopen = `UPDATE "throttle" SET "consecutive" = 0, "expires_at" = "window_start" + $3::bigint
  WHERE "bucket" >= $1 AND "bucket" < $2 AND "consecutive" > 0`;

interface Row {
  readonly window_start: number;
  readonly in_window: number;
  readonly consecutive: number;
}

async function take(db: Database, bucket: string, limit: Limit, now: number): Promise<BucketState> {
  if (db.inTransaction()) throw new Error('an attempt is counted before the transaction opens');
  const values = [bucket, now, limit.window, limit.attempts, limit.consecutive ?? null, memory, never];
  const { rows } = await db.query<Row>(take1, values, 'throttle_take');
  if (rows[0]) return { open: true, inWindow: rows[0].in_window, consecutive: rows[0].consecutive };
  const refusing = await db.query<Row>(
    'SELECT "window_start", "in_window", "consecutive" FROM "throttle" WHERE "bucket" = $1',
    [bucket],
    'throttle_state',
  );
  return refusal(refusing.rows[0], limit, now);
}

function refusal(row: Row | undefined, limit: Limit, now: number): BucketState {
  // Reopened or purged since it refused: it is open for the next try.
  if (!row) return { open: false, inWindow: 0, consecutive: 0, retryAfter: 1 };
  const state = { open: false, inWindow: row.in_window, consecutive: row.consecutive };
  if (limit.consecutive !== undefined && row.consecutive >= limit.consecutive) return state;
  const left = row.window_start + limit.window - now;
  return { ...state, retryAfter: Math.min(Math.max(left, 1), limit.window) };
}

/** The first string after all that begin with `prefix`. */
function successor(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
