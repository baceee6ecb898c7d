/** Attempts and sign-ins, as far as throttling and risk look back at them. */
import type { Failures, Overall, Visit } from '../../domain/risk/risk.ts';
import type { BucketState, Limit } from '../../domain/throttle.ts';

export interface ThrottleStore {
  /**
   * Counts one attempt if the bucket is open: one conditional upsert, committed on its own, never inside a
   * transaction. Returns the state after counting, or the refusing state with `open: false`.
   */
  take(bucket: string, limit: Limit, now: number): Promise<BucketState>;
  /** Takes back a counted attempt that succeeded: `in_window` one less, `consecutive` zero. */
  succeed(bucket: string, now: number): Promise<void>;
  /** Sets `consecutive` to zero in every bucket whose name begins with `prefix`. */
  reopen(prefix: string): Promise<void>;
}

export interface SignInQuery {
  readonly accountId: string;
  /** Keys, '' where unknown. */
  readonly address: string;
  readonly network: string;
  /** Of the request, or ''. */
  readonly session: string;
  readonly failuresSince: number;
  readonly most: { readonly visits: number; readonly failures: number };
}

export interface SignInFacts {
  /** The newest first. */
  readonly history: readonly Visit[];
  /** The newest visit of the session of the query, vouched for or not. */
  readonly proved: Visit | null;
  readonly lastSignInAt: number | null;
  readonly failures: Failures;
}

export interface SignInStore {
  /** Undefined: there is no such account. One statement. */
  load(query: SignInQuery): Promise<SignInFacts | undefined>;
  /**
   * Keeps a visit, and the account's last sign-in is this one; the oldest beyond `most` go, of those vouched for and of the
   * others each, so that no number of visits by somebody else displaces the person's own. One statement.
   */
  add(signIn: {
    readonly id: string;
    readonly accountId: string;
    readonly visit: Visit;
    /** See domain/risk/vouched. */
    readonly vouched: boolean;
    readonly most: number;
  }): Promise<void>;
  addFailure(failure: {
    readonly id: string;
    readonly at: number;
    readonly accountId: string | null;
    readonly address: string;
    readonly network: string;
  }): Promise<void>;
  /** Counts the newest `signIns` of everybody, and returns the most frequent `values` of each feature. */
  overall(query: { readonly signIns: number; readonly values: number }): Promise<Overall>;
}
