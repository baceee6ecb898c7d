/** Repeats a scenario on several connections and counts. */
import type { Order, Scenario } from './scenarios.ts';

export interface LoadResult {
  readonly done: number;
  readonly perSecond: number;
  readonly failures: number;
  readonly firstFailure?: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface Extent {
  readonly connections: number;
  /** Repeat for so long; absent: each connection works once, unwarmed. */
  readonly seconds?: number;
}

/** Prepares the connections, warms them up, and works until the time is over. */
export async function load(
  scenario: Scenario,
  order: Order,
  { connections, seconds }: Extent,
): Promise<LoadResult> {
  const works = [];
  // In batches: preparing may mean signing in, which is meant to be slow.
  for (let index = 0; index < connections; index += 8) {
    const batch = Array.from({ length: Math.min(8, connections - index) }, (_, at) =>
      scenario(order, index + at),
    );
    works.push(...(await Promise.all(batch)));
  }
  if (seconds !== undefined) await Promise.all(works.map((work) => work()));
  const begin = performance.now();
  const until = seconds === undefined ? undefined : begin + seconds * 1000;
  const tally: Tally = { latencies: [], failures: 0, first: undefined };
  if (until === undefined) await inTurns(works, 8, (work) => once(work, tally));
  else await Promise.all(works.map((work) => repeat(work, tally, until)));
  return resultOf(tally, (performance.now() - begin) / 1000);
}

interface Tally {
  latencies: number[];
  failures: number;
  first: string | undefined;
}

async function repeat(work: () => Promise<void>, tally: Tally, until: number): Promise<void> {
  while (performance.now() < until && tally.failures < 50) await once(work, tally);
}

async function once(work: () => Promise<void>, tally: Tally): Promise<void> {
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
