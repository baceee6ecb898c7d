import { expect, test } from 'vitest';
import { createSettling } from '../../src/gate/settling.ts';

test('a file counts as changed once it was the same at two looks, and once only', () => {
  let stamp: string | undefined = '1';
  const look = createSettling(() => stamp);
  const seen = (next: string | undefined) => {
    stamp = next;
    return look();
  };
  expect([seen('1'), seen('1')]).toEqual([false, false]);
  expect([seen('half'), seen('whole'), seen('whole'), seen('whole')]).toEqual([false, false, true, false]);
  expect([seen(undefined), seen(undefined), seen('whole'), seen('whole')]).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect([seen(undefined), seen('next'), seen('next')]).toEqual([false, false, true]);
});
