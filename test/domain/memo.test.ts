import { expect, test } from 'vitest';
import { memoised } from '../../src/domain/memo.ts';

test('what was asked before is answered without being made again, until the oldest has to go', () => {
  const made: string[] = [];
  const ask = memoised(2, (key) => {
    made.push(key);
    return { key };
  });
  const first = ask('a');
  expect(ask('a')).toBe(first);
  ask('b');
  ask('c');
  expect(made).toEqual(['a', 'b', 'c']);
  expect(ask('c')).toEqual({ key: 'c' });
  expect(ask('a')).toEqual({ key: 'a' });
  expect(made).toEqual(['a', 'b', 'c', 'a']);
});
