/** Batching: fewer statements, the same answers. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { StileError } from '../../src/domain/errors.ts';
import { createBatcher } from '../../src/infra/batch.ts';

describe('batches', () => {
  it('answers what is asked in one turn with one load, each with its own answer', async () => {
    const loads: number[][] = [];
    const ask = createBatcher(async (keys: readonly number[]) => {
      loads.push([...keys]);
      return keys.map((key) => key * 2);
    });
    expect(await Promise.all([1, 2, 3].map(ask))).toEqual([2, 4, 6]);
    expect(loads).toEqual([[1, 2, 3]]);
  });

  it('a key that fails fails alone', async () => {
    const ask = createBatcher(async (keys: readonly number[]) => {
      if (keys.includes(2)) throw new Error('two');
      return keys;
    });
    const answers = await Promise.allSettled([1, 2, 3].map(ask));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('a batch whose database went away is not repeated: nobody knows what it did', async () => {
    let loads = 0;
    const ask = createBatcher(async () => {
      loads += 1;
      throw new StileError('unavailable');
    });
    const answers = await Promise.allSettled([1, 2, 3].map(ask));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(loads).toBe(1);
  });

  it('runs in no request’s context, so in no request’s transaction', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const ask = createBatcher(async (keys: readonly number[]) => {
      seen.push(context.getStore());
      return keys;
    });
    await context.run('first', () => Promise.all([ask(1), ask(2)]));
    await Promise.all([context.run('second', () => ask(3)), context.run('third', () => ask(4))]);
    expect(new Set(seen)).toEqual(new Set([undefined]));
  });

  it('does not begin a second batch for few: they go together with the next', async () => {
    const loads: number[][] = [];
    let answer = () => {};
    const stuck = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const ask = createBatcher(
      async (keys: readonly number[]) => {
        loads.push([...keys]);
        if (keys.includes(1)) await stuck;
        return keys;
      },
      { lanes: 2, most: 4 },
    );
    const turn = () => new Promise(setImmediate);
    const one = ask(1);
    await turn();
    const two = ask(2);
    const three = ask(3);
    await turn();
    expect(loads).toEqual([[1]]);
    // Enough for a batch of their own, and so they do not wait for one that is stuck.
    await Promise.all([two, three, ask(4)]);
    expect(loads).toEqual([[1], [2, 3, 4]]);
    answer();
    expect(await one).toBe(1);
  });

  it('never has more batches under way than lanes, nor more keys in one than allowed', async () => {
    let running = 0;
    let most = 0;
    const sizes: number[] = [];
    const ask = createBatcher(
      async (keys: readonly number[]) => {
        running += 1;
        most = Math.max(most, running);
        sizes.push(keys.length);
        await new Promise(setImmediate);
        running -= 1;
        return keys;
      },
      { lanes: 2, most: 5 },
    );
    const keys = Array.from({ length: 42 }, (_, index) => index);
    expect(await Promise.all(keys.map(ask))).toEqual(keys);
    expect(most).toBe(2);
    expect(Math.max(...sizes)).toBe(5);
  });
});
