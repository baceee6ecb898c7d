/** Proofs that were used: each counts once (RFC 9449 11.1). */

export interface ReplayStore {
  /**
   * Remembers `key` until `until` (epoch seconds), in one step that decides. Whether it was new. Several processes share
   * one store, such as Redis `SET key 1 NX EXAT until`.
   */
  use(key: string, until: number): boolean | Promise<boolean>;
}

/** Proofs remembered in memory, at most: a flood by callers with valid tokens makes the oldest forgotten early. */
const LIMIT = 200_000;

/** @param now Epoch seconds. */
export function createReplayMemory(now: () => number, limit = LIMIT): ReplayStore {
  let young = new Set<string>();
  let old = new Set<string>();
  let youngUntil = 0;
  let oldUntil = 0;
  return {
    use: (key, until) => {
      if (now() > oldUntil || young.size >= limit / 2) {
        [old, oldUntil] = [young, youngUntil];
        [young, youngUntil] = [new Set(), 0];
      }
      if (young.has(key) || old.has(key)) return false;
      young.add(key);
      youngUntil = Math.max(youngUntil, until);
      return true;
    },
  };
}
