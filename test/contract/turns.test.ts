/** Hashing passwords leaves the process room for everything else. */
import { expect, it } from 'vitest';
import { createPasswordHasher } from '../../src/infra/system.ts';
import { inTurns } from '../../src/infra/turns.ts';

/** Work that ends when it is told to. */
function held() {
  const ends: (() => void)[] = [];
  let running = 0;
  return {
    running: () => running,
    work: async (): Promise<void> => {
      running += 1;
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
    },
    end: () => ends.shift()?.(),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('security: no more of the same heavy work runs at once than was allowed, and all of it in the end', async () => {
  const { running, work, end } = held();
  const turn = inTurns({ running: 2, waiting: 10 });
  const all = Array.from({ length: 5 }, () => turn(work));
  const seen: number[] = [];
  for (const _ of all) {
    await settled();
    seen.push(running());
    end();
  }
  await Promise.all(all);
  expect(seen).toEqual([2, 2, 2, 2, 1]);
});

it('security: work that fails gives its turn back', async () => {
  const turn = inTurns({ running: 1, waiting: 1 });
  await expect(turn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turn(async () => 'next')).toBe('next');
});

it('security: a flood of passwords is told to come back, and those before it are answered', async () => {
  const hasher = createPasswordHasher({ memoryKiB: 19_456, iterations: 2, parallelism: 1 });
  const answers = await Promise.allSettled(Array.from({ length: 150 }, () => hasher.pretend('a password')));
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
  expect(refused).toHaveLength(47);
  expect(refused[0]).toMatchObject({ code: 'unavailable', status: 503, retryAfter: 2 });
  await hasher.pretend('another');
});
