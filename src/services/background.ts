/** Work that nobody waits for: it is begun after the answer is certain, and ended before the process is. */
import type { Log } from './deps.ts';

export interface Background {
  /** Begins it now. `what` names it in the log, where a fault of it ends. */
  start(what: string, work: () => Promise<void>): void;
  /** Once everything begun so far has ended. */
  settled(): Promise<void>;
}

export function createBackground(log: Log): Background {
  const underWay = new Set<Promise<void>>();
  return {
    start: (what, work) => {
      const done = work()
        .catch((error: unknown) => {
          log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, `${what} failed`);
        })
        .finally(() => underWay.delete(done));
      underWay.add(done);
    },
    settled: async () => {
      await Promise.all(underWay);
    },
  };
}
