import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identifyBrowser } from '../../src/http/requests.ts';
import type { Account } from '../../src/services/ports/people.ts';
import type { Device } from '../../src/services/ports/policy.ts';
import {
  type DeviceDeps,
  forgetDevice,
  isRemembered,
  listDevices,
  renewDevice,
} from '../../src/services/remembered-devices.ts';
import { endAllSessions } from '../../src/services/sessions.ts';
import { noPostgres, testVault } from '../support/database.ts';
import { audited, createPerson, createWorld, type FactorWorld } from '../support/factor-world.ts';

const DAY = 86_400;

describe.skipIf(noPostgres)('remembered devices', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.database.drop());

  const device = (remembered: readonly string[]): Device => ({
    browserHash: 'browser',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    address: '192.0.2.1',
    remembered,
  });
  const known = (account: Account, tokens: readonly string[]) =>
    isRemembered(world.deps, account.id, device(tokens));
  /** The end of a sign-in in a browser that brings these tokens. */
  const signIn = (account: Account, tokens: readonly string[], { wished = false, deps = world.deps } = {}) =>
    renewDevice(deps as DeviceDeps, {
      accountId: account.id,
      sessionUid: 'session',
      clientId: 'bank',
      device: device(tokens),
      wished,
    });
  const remember = async (account: Account, tokens: readonly string[] = []): Promise<readonly string[]> =>
    (await signIn(account, tokens, { wished: true })) ?? [];
  const context = (account: Account) => ({
    accountId: account.id,
    sessionUid: 'session',
    correlationId: null,
  });

  test('only who wishes it is remembered, and the secret is kept by its hash alone', async () => {
    const account = await createPerson(world);
    expect(await signIn(account, [])).toBeUndefined();
    expect(await listDevices(world.deps, account.id)).toEqual([]);
    const tokens = await remember(account);
    expect(await known(account, tokens)).toBe(true);
    expect(await known(account, [])).toBe(false);
    const { rows } = await world.database.db.query('SELECT * FROM "remembered_device"');
    expect(JSON.stringify(rows)).not.toContain(tokens[0]?.split('.')[1]);
  });

  test('the secret is replaced at every sign-in that brings it', async () => {
    const account = await createPerson(world);
    const first = await remember(account);
    const second = await signIn(account, first);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
    expect(await known(account, second ?? [])).toBe(true);
    expect(await listDevices(world.deps, account.id)).toHaveLength(1);
  });

  test('a device knows its browser, from when it was remembered and from each use', async () => {
    const account = await createPerson(world);
    const browsers = async () =>
      (await world.deps.devices.byAccount(account.id, world.deps.clock.now())).map(
        ({ browserHash }) => browserHash,
      );
    const tokens = await remember(account);
    expect(await browsers()).toEqual(['browser']);
    await world.database.db.query('UPDATE "remembered_device" SET "browser_hash" = NULL');
    await signIn(account, tokens);
    expect(await browsers()).toEqual(['browser']);
  });

  test('a replaced secret counts a minute, for a parallel tab, and the cookie stays as it is', async () => {
    const account = await createPerson(world);
    const first = await remember(account);
    const second = (await signIn(account, first)) ?? [];
    world.pass(60);
    expect(await known(account, first)).toBe(true);
    expect(await signIn(account, first)).toBeUndefined();
    expect(await known(account, second)).toBe(true);
    world.pass(1);
    expect(await known(account, first)).toBe(false);
  });

  test('a copied secret ends the device, for the thief and for its owner, and the audit says so', async () => {
    const account = await createPerson(world);
    const first = await remember(account);
    const second = (await signIn(account, first)) ?? [];
    world.pass(61);
    expect(await signIn(account, first)).toEqual([]);
    expect(await known(account, second)).toBe(false);
    expect(await listDevices(world.deps, account.id)).toEqual([]);
    expect((await audited(world, 'device_remembered')).at(-1)).toMatchObject({
      account_id: account.id,
      outcome: 'denied',
      data: { reason: 'copied', device: first[0]?.split('.')[0] },
    });
  });

  test('of secrets replaced twice within a minute the older is a copy', async () => {
    const account = await createPerson(world);
    const first = await remember(account);
    const second = (await signIn(account, first)) ?? [];
    const third = (await signIn(account, second)) ?? [];
    expect([await known(account, first), await known(account, second), await known(account, third)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('a guessed secret of a device that exists is not remembered', async () => {
    const account = await createPerson(world);
    const [token = ''] = await remember(account);
    expect(await known(account, [`${token.split('.')[0]}.guess`])).toBe(false);
  });

  test('of two sign-ins at once one replaces the secret, and both are remembered', async () => {
    const account = await createPerson(world);
    const first = await remember(account);
    const deps = { ...world.deps, devices: { ...world.deps.devices, rotate: together(2) } };
    const both = await Promise.all([signIn(account, first, { deps }), signIn(account, first, { deps })]);
    const replaced = both.filter((tokens) => tokens !== undefined);
    expect(replaced).toHaveLength(1);
    expect(await known(account, replaced[0] ?? [])).toBe(true);
    expect(await known(account, first)).toBe(true);
  });

  /** The store's rotation, once so many have come to it. */
  function together(many: number): FactorWorld['deps']['devices']['rotate'] {
    let go = () => {};
    const all = new Promise<void>((resolve) => {
      go = resolve;
    });
    let come = 0;
    return async (renewed) => {
      come += 1;
      if (come === many) go();
      await all;
      return world.deps.devices.rotate(renewed);
    };
  }

  test('it is forgotten 180 days after its last use', async () => {
    const [used, unused] = [await createPerson(world), await createPerson(world)];
    const [first, other] = [await remember(used), await remember(unused)];
    world.pass(179 * DAY);
    const second = (await signIn(used, first)) ?? [];
    world.pass(DAY);
    expect(await known(used, second)).toBe(true);
    expect(await known(unused, other)).toBe(false);
    expect(await signIn(unused, other)).toBeUndefined();
  });

  test('five people in one browser, each remembered for oneself; a sixth takes the place of the first', async () => {
    const people: Account[] = [];
    let tokens: readonly string[] = [];
    for (let index = 0; index < 5; index += 1) {
      const account = await createPerson(world);
      people.push(account);
      tokens = await remember(account, tokens);
    }
    expect(tokens).toHaveLength(5);
    for (const account of people) expect(await known(account, tokens)).toBe(true);
    const sixth = await createPerson(world);
    tokens = await remember(sixth, tokens);
    expect(tokens).toHaveLength(5);
    expect(await known(sixth, tokens)).toBe(true);
    expect(await known(people[0] as Account, tokens)).toBe(false);
    expect(await known(people[1] as Account, tokens)).toBe(true);
  });

  test('a sign-in replaces its own secret and leaves those of the others', async () => {
    const [ada, bob] = [await createPerson(world), await createPerson(world)];
    const tokens = await remember(bob, await remember(ada));
    const next = (await signIn(ada, tokens)) ?? [];
    expect(next).toHaveLength(2);
    expect(next).toContain(tokens[0]);
    expect(await known(bob, next)).toBe(true);
  });

  test('another person’s secret remembers nobody, and is not touched', async () => {
    const [ada, bob] = [await createPerson(world), await createPerson(world)];
    const tokens = await remember(ada);
    expect(await known(bob, tokens)).toBe(false);
    expect(await signIn(bob, tokens)).toBeUndefined();
    expect(await known(ada, tokens)).toBe(true);
    const id = tokens[0]?.split('.')[0] ?? '';
    expect(await forgetDevice(world.deps, context(bob), id)).toBe(false);
    expect(await known(ada, tokens)).toBe(true);
  });

  test('signed out everywhere it is forgotten; signed out elsewhere it is not', async () => {
    const [ada, bob] = [await createPerson(world), await createPerson(world)];
    const [hers, his] = [await remember(ada), await remember(bob)];
    await endAllSessions(world.deps, context(ada), { keepCurrent: true });
    expect(await known(ada, hers)).toBe(true);
    await endAllSessions(world.deps, context(ada), { keepCurrent: false });
    expect(await known(ada, hers)).toBe(false);
    expect(await known(bob, his)).toBe(true);
  });

  test.each([['a'], ['.b'], ['a.'], ['a.b.c'], ['']])('%j is no token of ours', async (token) => {
    const account = await createPerson(world);
    expect(await known(account, [token])).toBe(false);
    expect(await signIn(account, [token])).toBeUndefined();
  });

  test('a forged cookie is ignored, and so is one with a token put in', async () => {
    const app = new Koa();
    const mac = (text: string, purpose: string) => testVault.mac(text, purpose);
    app.use(identifyBrowser({ newId: world.deps.random.id, mac, https: false }));
    app.use(async (ctx) => {
      if (ctx.query['set']) ctx.state['remembered'] = [ctx.query['set']];
      ctx.body = ctx.state['device'].remembered;
    });
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/account`;
    const brought = async (cookie: string) => (await fetch(url, { headers: { Cookie: cookie } })).json();
    const answer = await fetch(`${url}?set=a.secret`);
    const [cookie = ''] = answer.headers
      .getSetCookie()
      .flatMap((line) => line.match(/^stile_remembered=[^;]*/) ?? []);
    expect(await brought(cookie)).toEqual(['a.secret']);
    expect(await brought(cookie.replace('a.secret', 'b.secret'))).toEqual([]);
    expect(await brought(cookie.replace('a.secret', 'a.secret|b.secret'))).toEqual([]);
    expect(await brought('stile_remembered=a.secret')).toEqual([]);
    await new Promise((resolve) => server.close(resolve));
  });
});
