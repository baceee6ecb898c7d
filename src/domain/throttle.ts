/**
 * Throttling: how many attempts a bucket allows. Counted before verifying (services/attempt), in the database.
 */

export interface Limit {
  /** Attempts allowed in a window. */
  readonly attempts: number;
  /** Seconds; a window begins with its first attempt. */
  readonly window: number;
  /** Consecutive failures after which the bucket stays closed until reopened; undefined: never. */
  readonly consecutive?: number;
}

export interface BucketState {
  readonly open: boolean;
  readonly inWindow: number;
  readonly consecutive: number;
  /** Seconds until the window ends; absent when only reopening helps, or when open. */
  readonly retryAfter?: number;
}
