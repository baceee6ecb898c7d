import { describe, expect, test } from 'vitest';
import {
  createClock,
  createPasswordHasher,
  createPool,
  createRandom,
  measureOffset,
} from '../../src/infra/system.ts';

describe('the clock', () => {
  test('rule 10: counts whole seconds and follows the database’s clock', async () => {
    const clock = createClock(() => 1_800_000_000_999);
    expect(clock.now()).toBe(1_800_000_000);
    clock.correct(1);
    expect(clock.now()).toBe(1_800_000_001);
  });

  test('rule 10: the offset is measured between question and answer', async () => {
    const times = [1000, 1200];
    expect(
      await measureOffset(
        async () => 6100,
        () => times.shift() ?? 0,
      ),
    ).toBe(5000);
  });
});

describe('random values', () => {
  test('sortable ids increase strictly, also while the clock stands or steps back', () => {
    let time = 1_800_000_000_000;
    const { sortableId } = createRandom(() => time);
    const ids: string[] = [];
    for (let n = 0; n < 20_000; n += 1) {
      if (n === 10_000) time -= 5000;
      if (n === 15_000) time += 60_000;
      ids.push(sortableId());
    }
    expect(ids.every((id, n) => n === 0 || id > (ids[n - 1] ?? ''))).toBe(true);
    const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(ids.every((id) => uuid7.test(id))).toBe(true);
    expect(Number.parseInt(ids[0]?.replace('-', '').slice(0, 12) ?? '', 16)).toBe(1_800_000_000_000);
  });

  test('a pool gives no byte twice, keeps none it gave, and is filled again when it runs out', () => {
    let filled = 0;
    let pool: Buffer = Buffer.alloc(0);
    const octets = createPool((buffer) => {
      filled += 1;
      pool = buffer;
      return buffer.fill(filled);
    });
    const cuts = Array.from({ length: 300 }, () => octets(16));
    expect(filled).toBe(2);
    expect(cuts.slice(0, 256).every((cut) => cut.equals(Buffer.alloc(16, 1)))).toBe(true);
    expect(cuts.slice(256).every((cut) => cut.equals(Buffer.alloc(16, 2)))).toBe(true);
    expect(pool.subarray(0, 44 * 16).every((byte) => byte === 0)).toBe(true);
    expect(pool.subarray(44 * 16).every((byte) => byte === 2)).toBe(true);
    const random = createRandom();
    expect(new Set(Array.from({ length: 5000 }, () => random.id())).size).toBe(5000);
  });

  test('ids, tokens and digits have the length they promise', () => {
    const random = createRandom();
    expect(random.id()).toMatch(/^[\w-]{22}$/);
    expect(random.token(32)).toMatch(/^[\w-]{43}$/);
    expect(random.digits(6)).toMatch(/^\d{6}$/);
  });
});

describe('passwords', () => {
  const parameters = { memoryKiB: 19_456, iterations: 2, parallelism: 1 };

  test('are hashed with argon2id; a hash of other parameters verifies and is stale', async () => {
    const hasher = createPasswordHasher(parameters);
    const hash = await hasher.hash('correct horse');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await hasher.verify(hash, 'correct horse')).toEqual({ ok: true, stale: false });
    expect(await hasher.verify(hash, 'wrong horse')).toEqual({ ok: false, stale: false });
    const stronger = createPasswordHasher({ ...parameters, iterations: 3 });
    expect(await stronger.verify(hash, 'correct horse')).toEqual({ ok: true, stale: true });
  });

  test('pretending runs a real verification of the same parameters', async () => {
    await expect(createPasswordHasher(parameters).pretend('anything')).resolves.toBeUndefined();
  });
});
