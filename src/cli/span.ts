/** `--since` and `--until`. */
import { UsageError } from './failures.ts';

export interface SpanOptions {
  readonly since?: string;
  readonly until?: string;
}

const units: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

/** Epoch seconds. Default: the last 30 days. Error `UsageError`. */
export function spanOf({ since, until }: SpanOptions, now: number): { since: number; until: number } {
  const span = {
    since: timeOf('since', since ?? '30d', now),
    until: until === undefined ? now + 1 : timeOf('until', until, now),
  };
  if (span.since >= span.until) throw new UsageError('--since is not before --until');
  return span;
}

/** `30d`, `12h`, `15m`: so long ago; else a date or time of ISO 8601. Epoch seconds. Error `UsageError`. */
export function timeOf(option: string, text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * (units[unit] ?? 0);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new UsageError(`--${option} is a time such as 30d, 12h or 2026-01-31`);
  return Math.floor(time / 1000);
}
