import { expect, test } from 'vitest';
import type { Ceremony } from '../../src/services/ports/assurance.ts';
import { NOW, random } from '../support/rows.ts';
import type { Subject } from './stores.ts';

export function attemptsContract(get: () => Subject): void {
  windows(get);
  consecutive(get);
  ceremonies(get);
}

const limit = { attempts: 10, window: 900 };
const bucket = () => `factor:${random.id()}:strangers:password`;

function windows(get: () => Subject): void {
  test('a hundred parallel attempts get no more tries than a hundred serial ones', async () => {
    const { throttle } = get().stores;
    const [parallel, serial] = [bucket(), bucket()];
    const answers = await Promise.all(Array.from({ length: 100 }, () => throttle.take(parallel, limit, NOW)));
    expect(answers.filter(({ open }) => open)).toHaveLength(10);
    expect(new Set(answers.filter(({ open }) => open).map(({ inWindow }) => inWindow)).size).toBe(10);
    let tries = 0;
    for (let n = 0; n < 100; n += 1) tries += (await throttle.take(serial, limit, NOW)).open ? 1 : 0;
    expect(tries).toBe(10);
  });

  test('a full bucket says when its window ends, and opens again then', async () => {
    const { throttle } = get().stores;
    const name = bucket();
    for (let n = 0; n < 10; n += 1) await throttle.take(name, limit, NOW + n);
    const closed = { open: false, inWindow: 10, consecutive: 10, retryAfter: 800 };
    expect(await throttle.take(name, limit, NOW + 100)).toEqual(closed);
    expect(await throttle.take(name, limit, NOW + 899)).toMatchObject({ open: false, retryAfter: 1 });
    expect(await throttle.take(name, limit, NOW + 900)).toEqual({ open: true, inWindow: 1, consecutive: 11 });
  });

  test('a success takes its own attempt back and ends the row of failures', async () => {
    const { throttle } = get().stores;
    const name = bucket();
    for (let n = 0; n < 3; n += 1) await throttle.take(name, limit, NOW);
    await throttle.succeed(name, NOW);
    expect(await throttle.take(name, limit, NOW)).toEqual({ open: true, inWindow: 3, consecutive: 1 });
  });

  test('an attempt is never counted inside a transaction, whose rollback would forget it', async () => {
    const { db, stores } = get();
    const inside = db.transaction(() => stores.throttle.take(bucket(), limit, NOW));
    await expect(inside).rejects.toThrow('before the transaction opens');
  });
}

function consecutive(get: () => Subject): void {
  const strict = { attempts: 1000, window: 10, consecutive: 5 };

  test('after too many failures in a row a bucket stays closed until it is reopened, however long', async () => {
    const { throttle } = get().stores;
    const name = bucket();
    for (let n = 0; n < 5; n += 1) expect((await throttle.take(name, strict, NOW + n * 100)).open).toBe(true);
    const shut = await throttle.take(name, strict, NOW + 10 ** 9);
    expect(shut).toEqual({ open: false, inWindow: 1, consecutive: 5 });
    await throttle.reopen(name.slice(0, -'password'.length));
    expect((await throttle.take(name, strict, NOW + 10 ** 9)).open).toBe(true);
  });

  test('reopening touches the buckets of its prefix and no others', async () => {
    const { throttle } = get().stores;
    const owner = random.id();
    const names = ['a:strangers:totp', 'a:strangers:password', 'a:browser.x:totp', 'b:strangers:totp'].map(
      (tail) => `factor:${owner}.${tail}`,
    );
    for (const name of names) await throttle.take(name, strict, NOW);
    await throttle.reopen(`factor:${owner}.a:strangers:`);
    const states = [];
    for (const name of names) states.push((await throttle.take(name, strict, NOW)).consecutive);
    expect(states).toEqual([1, 1, 2, 2]);
  });
}

function ceremonies(get: () => Subject): void {
  const begun = (changes: Partial<Ceremony> = {}): Omit<Ceremony, 'tries'> => ({
    id: random.id(),
    purpose: 'email',
    owner: `tx:${random.id()}`,
    accountId: null,
    secret: 'the secret',
    createdAt: NOW,
    expiresAt: NOW + 60,
    ...changes,
  });

  test('a ceremony is used once, of twenty uses that come at the same time', async () => {
    const { ceremonies } = get().stores;
    const ceremony = begun();
    await ceremonies.begin(ceremony);
    expect(await ceremonies.peek(ceremony.owner, 'email', NOW)).toEqual({ ...ceremony, tries: 0 });
    const uses = await Promise.all(Array.from({ length: 20 }, () => ceremonies.consume(ceremony.id, NOW)));
    expect(uses.filter(Boolean)).toHaveLength(1);
    expect(await ceremonies.peek(ceremony.owner, 'email', NOW)).toBeUndefined();
  });

  test('a ceremony ends on its second, not after it', async () => {
    const { ceremonies } = get().stores;
    const ceremony = begun();
    await ceremonies.begin(ceremony);
    expect(await ceremonies.peek(ceremony.owner, 'email', NOW + 59)).toBeDefined();
    expect(await ceremonies.peek(ceremony.owner, 'email', NOW + 60)).toBeUndefined();
    expect(await ceremonies.tryOnce(ceremony.owner, 'email', 5, NOW + 60)).toBeUndefined();
    expect(await ceremonies.consume(ceremony.id, NOW + 60)).toBe(false);
  });

  test('parallel tries of one code are no more than it allows, and none is counted in a transaction', async () => {
    const { db, stores } = get();
    const { owner, ...rest } = begun();
    await stores.ceremonies.begin({ owner, ...rest });
    const attempt = () => stores.ceremonies.tryOnce(owner, 'email', 5, NOW);
    const tries = await Promise.all(Array.from({ length: 30 }, attempt));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(5);
    await expect(db.transaction(attempt)).rejects.toThrow('before the transaction opens');
  });

  test('a new ceremony replaces the one of the same owner and purpose, and no other', async () => {
    const { ceremonies } = get().stores;
    const first = begun();
    const second = begun({ owner: first.owner, secret: 'another' });
    const other = begun({ owner: first.owner, purpose: 'passkey' });
    for (const ceremony of [first, other, second]) await ceremonies.begin(ceremony);
    expect(await ceremonies.consume(first.id, NOW)).toBe(false);
    expect((await ceremonies.peek(first.owner, 'email', NOW))?.secret).toBe('another');
    expect((await ceremonies.peek(first.owner, 'passkey', NOW))?.id).toBe(other.id);
  });

  test('a ceremony’s secret is sealed at rest', async () => {
    const { db, stores } = get();
    const ceremony = begun({ secret: 'very secret indeed' });
    await stores.ceremonies.begin(ceremony);
    const { rows } = await db.query('SELECT * FROM "ceremony" WHERE "id" = $1', [ceremony.id]);
    const sealed: Buffer = rows[0]?.['sealed'];
    expect(sealed.includes('very secret')).toBe(false);
  });
}
