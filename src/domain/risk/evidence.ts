/** Reads the same in each signal: what, whether, by which values, in which words. */
import type { Evidence, Signal } from './risk.ts';

export interface Finding {
  readonly present: boolean;
  readonly values?: Evidence['values'];
  readonly words: string;
}

export function evidence(signal: Signal, { present, values = {}, words }: Finding): Evidence {
  return { signal, present, values, words };
}

/** What is not known is never evidence. */
export function unknown(signal: Signal, words: string): Evidence {
  return evidence(signal, { present: false, words });
}

/** `3 days`, `1 day`. */
export function many(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
