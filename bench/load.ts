/** Repeats a scenario on several connections and counts. */
import type { Order, Scenario, Work } from './scenarios.ts';

export interface LoadResult {
  readonly done: number;
  readonly perSecond: number;
  readonly failures: number;
  readonly firstFailure?: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Connections made ready for a scenario, and warmed up if it can be repeated. In batches: making one ready may mean signing
 * in, which is meant to be slow.
 */
export async function prepare(
  scenario: Scenario,
  order: Order,
  { connections, warm = true }: { readonly connections: number; readonly warm?: boolean },
): Promise<readonly Work[]> {
  const works: Work[] = [];
  for (let index = 0; index < connections; index += 8) {
    const batch = Array.from({ length: Math.min(8, connections - index) }, (_, at) =>
      scenario(order, index + at),
    );
    works.push(...(await Promise.all(batch)));
  }
  if (warm) await Promise.all(works.map((work) => work()));
  return works;
}

/** Each connection repeats its work until the time is over. */
export async function repeatFor(works: readonly Work[], seconds: number): Promise<LoadResult> {
  const until = performance.now() + seconds * 1000;
  return measured((tally) => Promise.all(works.map((work) => repeat(work, tally, until))));
}

/** Each connection works once, eight at a time. */
export async function workOnce(works: readonly Work[]): Promise<LoadResult> {
  return measured((tally) => inTurns(works, 8, (work) => attempt(work, tally)));
}

async function measured(run: (tally: Tally) => Promise<unknown>): Promise<LoadResult> {
  const tally: Tally = { latencies: [], failures: 0, first: undefined };
  const begin = performance.now();
  await run(tally);
  return resultOf(tally, (performance.now() - begin) / 1000);
}

interface Tally {
  latencies: number[];
  failures: number;
  first: string | undefined;
}

async function repeat(work: Work, tally: Tally, until: number): Promise<void> {
  while (performance.now() < until && tally.failures < 50) await attempt(work, tally);
}

async function attempt(work: Work, tally: Tally): Promise<void> {
  const start = performance.now();
  try {
    await work();
    tally.latencies.push(performance.now() - start);
  } catch (error) {
    tally.failures += 1;
    tally.first ??= error instanceof Error ? error.message : String(error);
  }
}

async function inTurns<T>(
  items: readonly T[],
  lanes: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

function resultOf({ latencies, failures, first }: Tally, seconds: number): LoadResult {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    done: sorted.length,
    perSecond: sorted.length / seconds,
    failures,
    ...(first === undefined ? {} : { firstFailure: first }),
    p50: at(0.5),
    p99: at(0.99),
  };
}
