/** Proofs that were used: each counts once (RFC 9449 11.1). */

export interface ReplayStore {
  /**
   * Remembers `key` until `until` (epoch seconds), in one step that decides. Whether it was new. Several processes share
   * one store, such as Redis `SET key 1 NX EXAT until`. What it throws refuses the proof: 503 `replays_unavailable`.
   */
  use(key: string, until: number): boolean | Promise<boolean>;
}

/**
 * Proofs remembered in memory, at most. Without nonces a proof lives 70 seconds, so that this is 7,000 proofs a second; with
 * them five minutes at most, 1,600 a second.
 */
const LIMIT = 500_000;
/** Seconds: proofs that end together are forgotten together. */
const SLOT = 10;

/**
 * Forgets a proof when it can be used no more, never before: full, it refuses, for to forget would be to accept again.
 * @param now Epoch seconds.
 */
export function createReplayMemory(now: () => number, limit = LIMIT): ReplayStore {
  const slots = new Map<number, Set<string>>();
  let size = 0;
  let swept = 0;
  const sweep = (): void => {
    const current = Math.floor(now() / SLOT);
    if (current === swept) return;
    swept = current;
    for (const [slot, keys] of slots) {
      if (slot >= current) continue;
      size -= keys.size;
      slots.delete(slot);
    }
  };
  return {
    use: (key, until) => {
      sweep();
      for (const keys of slots.values()) if (keys.has(key)) return false;
      if (size >= limit) throw new Error(`${limit} proofs are remembered, and none of them has ended`);
      const slot = Math.floor(until / SLOT);
      const keys = slots.get(slot) ?? new Set();
      slots.set(slot, keys.add(key));
      size += 1;
      return true;
    },
  };
}
