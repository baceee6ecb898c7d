/**
 * Many at once instead of one by one: what several requests ask for in the same turn of the event loop, or while an
 * earlier batch is under way, goes to the database as one statement. An idle server answers as fast as without.
 */
import { AsyncResource } from 'node:async_hooks';
import { StileError } from '../domain/errors.ts';

interface Waiting<K, V> {
  readonly key: K;
  readonly resolve: (value: V) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchOptions {
  /** Batches under way at once: the first alone until half a batch waits, so that few keys make few statements. */
  readonly lanes?: number;
  /** Keys in one batch. */
  readonly most?: number;
}

/**
 * `load` answers a batch in the order of its keys. It runs outside every request's context, and so outside its
 * transaction. A batch that fails is tried again key by key, so that nobody fails for somebody else's key; not where the
 * database went away, as nobody knows then what it did.
 */
export function createBatcher<K, V>(
  load: (keys: readonly K[]) => Promise<readonly V[]>,
  { lanes = 2, most = 64 }: BatchOptions = {},
): (key: K) => Promise<V> {
  const queue: Waiting<K, V>[] = [];
  let running = 0;
  let scheduled = false;
  const mayRun = () => queue.length > (running === 0 ? 0 : most / 2) && running < lanes;
  const pump = () => {
    scheduled = false;
    while (mayRun()) {
      running += 1;
      void answer(load, queue.splice(0, most)).finally(() => {
        running -= 1;
        schedule();
      });
    }
  };
  // Made here, outside every request: whoever asks first must not lend the batch their transaction.
  const pumpOutside = AsyncResource.bind(pump);
  const schedule = () => {
    if (scheduled || !mayRun()) return;
    scheduled = true;
    setImmediate(pumpOutside);
  };
  return (key) =>
    new Promise<V>((resolve, reject) => {
      queue.push({ key, resolve, reject });
      schedule();
    });
}

async function answer<K, V>(
  load: (keys: readonly K[]) => Promise<readonly V[]>,
  batch: readonly Waiting<K, V>[],
): Promise<void> {
  try {
    const values = await load(batch.map(({ key }) => key));
    for (const [index, { resolve }] of batch.entries()) resolve(values[index] as V);
  } catch (error) {
    const [only, ...others] = batch;
    if (isOutage(error)) for (const { reject } of batch) reject(error);
    else if (only && others.length === 0) only.reject(error);
    else for (const one of batch) await answer(load, [one]);
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof StileError && error.code === 'unavailable';
}
