/** A few at a time: for work that would otherwise take every thread, as hashing passwords does. */
import { StileError } from '../domain/errors.ts';

export interface TurnLimits {
  readonly running: number;
  readonly waiting: number;
}

/** Seconds. */
const retryAfter = 2;

/**
 * Runs what it is given, at most `running` at once and the others in order. When `waiting` wait already, error
 * `unavailable`: a queue that only grows would keep everybody waiting.
 */
export function inTurns({ running, waiting }: TurnLimits): <T>(work: () => Promise<T>) => Promise<T> {
  const queue: (() => void)[] = [];
  let free = running;
  const take = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (queue.length >= waiting)
      throw new StileError('unavailable', { retryAfter, detail: 'too many passwords' });
    await new Promise<void>((resolve) => queue.push(resolve));
  };
  const giveBack = (): void => {
    const next = queue.shift();
    if (next) next();
    else free += 1;
  };
  return async (work) => {
    await take();
    try {
      return await work();
    } finally {
      giveBack();
    }
  };
}
