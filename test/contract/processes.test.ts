import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStores, type Stores } from '../../src/infra/stores/index.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase, testVault } from '../support/database.ts';
import { addAccount, NOW, random, totpOf } from '../support/rows.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(noPostgres)('two processes on one database', () => {
  let fresh: OpenTestDatabase;
  let stores: Stores;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
    stores = createStores(fresh.db, testVault);
  });
  afterAll(() => fresh.drop());

  async function start(race: string, id: string): Promise<ChildProcess> {
    const racer = fork(here('../support/run-ts.mjs'), [here('../support/racer.ts'), fresh.url, race, id]);
    await once(racer, 'message');
    return racer;
  }

  /** Both are ready before either may begin. */
  async function race(name: string, id: string): Promise<unknown[]> {
    const racers = await Promise.all([start(name, id), start(name, id)]);
    const results = racers.map(async (racer) => {
      const [message] = await once(racer, 'message');
      await once(racer, 'exit');
      return message.result;
    });
    for (const racer of racers) racer.send('go');
    return Promise.all(results);
  }

  const total = (results: unknown[]) => results.reduce<number>((sum, won) => sum + Number(won), 0);

  test('count attempts together: fifty parallel guesses get the ten tries of one', async () => {
    expect(total(await race('throttle', `factor:${random.id()}:strangers:totp`))).toBe(10);
  });

  test('accept a TOTP step once between them', async () => {
    const totp = totpOf(await addAccount(stores));
    await stores.credentials.add(totp);
    expect(total(await race('totp', totp.id))).toBe(1);
  });

  test('use a ceremony once between them', async () => {
    const id = random.id();
    await stores.ceremonies.begin({
      id,
      purpose: 'passkey',
      owner: `tx:${id}`,
      accountId: null,
      secret: 'challenge',
      createdAt: NOW,
      expiresAt: NOW + 60,
    });
    expect(total(await race('ceremony', id))).toBe(1);
  });

  test('agree on the server’s keys when both start for the first time', async () => {
    const [one, two] = await race('keys', '');
    expect(one).toEqual(two);
    expect(one).toMatchObject({ keys: [{}, {}, {}] });
  });
});
