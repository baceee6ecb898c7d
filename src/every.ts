/** Work in the background: again and again, never twice at once. */

export interface Every {
  readonly seconds: number;
  /** For the log. */
  readonly what: string;
  /** One more round at the end. */
  readonly last?: boolean;
  readonly log: { warn(facts: object, message: string): void };
}

/**
 * Runs `work` every so many seconds; a round that takes longer is waited for. What it throws is logged, once until it works
 * again. Returns what ends it: resolves when the round under way is done.
 */
export function every(
  { seconds, what, last = false, log }: Every,
  work: () => Promise<unknown>,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let failing = false;
  const round = async () => {
    try {
      await work();
      failing = false;
    } catch (error) {
      if (!failing)
        log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, `${what} failed`);
      failing = true;
    }
  };
  const begin = () => {
    running ??= round().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = setInterval(() => void begin(), seconds * 1000);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
    if (last) await begin();
  };
}
