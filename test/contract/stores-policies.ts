import { beforeEach, expect, test } from 'vitest';
import { NOW } from '../support/rows.ts';
import type { Subject } from './stores.ts';

export function policiesContract(get: () => Subject): void {
  beforeEach(() => get().db.query('DELETE FROM "policy_version"'));

  const add = (text: string, note: string | null = null) =>
    get().stores.policies.add({ text, note, createdAt: NOW, createdBy: 'alex' });

  test('a new version is in force, and no other', async () => {
    const { policies } = get().stores;
    expect(await policies.newer(0)).toBeUndefined();
    expect(await add('one', 'the first')).toBe(1);
    expect(await add('two')).toBe(2);
    expect(await policies.list()).toEqual([
      { id: 2, note: null, createdAt: NOW, createdBy: 'alex', active: true },
      { id: 1, note: 'the first', createdAt: NOW, createdBy: 'alex', active: false },
    ]);
    expect(await policies.newer(1)).toEqual({ id: 2, text: 'two' });
    expect(await policies.newer(2)).toBeUndefined();
  });

  test('an earlier version comes into force again; one that never was does not', async () => {
    const { policies } = get().stores;
    await add('one');
    await add('two');
    expect(await policies.activate(1)).toBe(true);
    expect(await policies.newer(2)).toEqual({ id: 1, text: 'one' });
    expect(await policies.activate(3)).toBe(false);
    expect(await policies.newer(0)).toEqual({ id: 1, text: 'one' });
    expect(await policies.byId(2)).toEqual({ id: 2, text: 'two' });
    expect(await policies.byId(3)).toBeUndefined();
  });

  test('of versions applied at once each has its own id, and one is in force', async () => {
    const ids = await Promise.all(['a', 'b', 'c', 'd'].map((text) => add(text)));
    expect(ids.toSorted()).toEqual([1, 2, 3, 4]);
    const active = (await get().stores.policies.list()).filter((version) => version.active);
    expect(active.map(({ id }) => id)).toEqual([4]);
  });
}
