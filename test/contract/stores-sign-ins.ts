import { describe, expect, test } from 'vitest';
import { purge } from '../../src/infra/purge.ts';
import type { Located, NetworkLookup } from '../../src/services/ports/machine.ts';
import {
  assessSignIn,
  createAddressKeys,
  createOverallCounts,
  type RiskDeps,
  rememberFailure,
  rememberSignIn,
  type SignInRequest,
  visitOf,
} from '../../src/services/risk.ts';
import { daily, overallOf, visit } from '../domain/risk-support.ts';
import { testVault } from '../support/database.ts';
import { addAccount, NOW, random, remaining } from '../support/rows.ts';
import type { Subject } from './stores.ts';

const DAY = 86_400;
const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0';

/** Two places and what belongs to neither; the real lookup is tested with its files. */
const network: NetworkLookup = {
  of: (address) => {
    const known: Partial<Located> = address.startsWith('192.0.2.')
      ? { country: 'GB', asn: 64496, place: { latitude: 51.512_345, longitude: -0.09, radiusKm: 20.4 } }
      : address.startsWith('203.0.113.')
        ? { country: 'AU', asn: 64511, place: { latitude: -33.9, longitude: 151.2, radiusKm: 50 } }
        : {};
    const nowhere = {
      country: '',
      asn: 0,
      organisation: '',
      private: false,
      listed: false,
      anonymising: false,
    };
    return { ...nowhere, address, place: null, ...known };
  },
};

export function signInsContract(get: () => Subject): void {
  describe('the store', () => store(get));
  describe('the service', () => service(get));
}

function store(get: () => Subject): void {
  const query = (accountId: string) => ({
    accountId,
    address: 'address-1',
    network: 'network-1',
    session: 's',
    failuresSince: NOW - 3600,
    most: { visits: 100, failures: 5 },
  });
  const add = async (accountId: string, at: number, most = 100, vouched = true) => {
    const { signIns } = get().stores;
    await signIns.add({ id: random.sortableId(), accountId, visit: visit({ at }), vouched, most });
  };

  test('a visit comes back as it was, with and without a place', async () => {
    const { signIns } = get().stores;
    const accountId = await addAccount(get().stores);
    const place = { latitude: 51.5, longitude: -0.1, radiusKm: 20 };
    const visits = [visit({ at: NOW, place, session: 's' }), visit({ at: NOW - 5, asn: 4_200_000_000 })];
    for (const each of visits)
      await signIns.add({ id: random.sortableId(), accountId, visit: each, vouched: true, most: 100 });
    expect(await signIns.load(query(accountId))).toEqual({
      history: visits,
      proved: visits[0],
      lastSignInAt: NOW,
      failures: { account: 0, address: 0, network: 0 },
    });
    expect(await signIns.load(query('nobody'))).toBeUndefined();
  });

  test('the newest are kept, of this person alone, and the last sign-in whatever is kept', async () => {
    const { signIns } = get().stores;
    const [ada, bob] = [await addAccount(get().stores), await addAccount(get().stores)];
    await add(bob, NOW - 100);
    for (const ago of [1, 5, 3, 4, 2]) await add(ada, NOW - ago, 3);
    const { history, lastSignInAt } = (await signIns.load(query(ada))) ?? {};
    expect(history?.map(({ at }) => NOW - at)).toEqual([1, 2, 3]);
    expect(lastSignInAt).toBe(NOW - 1);
    expect((await signIns.load(query(bob)))?.history).toHaveLength(1);
  });

  test('what nobody vouched for is in no history and displaces nothing of it, but tells where its session was proved', async () => {
    const { signIns } = get().stores;
    const accountId = await addAccount(get().stores);
    await add(accountId, NOW - 9, 3);
    for (const ago of [5, 4, 3, 2]) await add(accountId, NOW - ago, 3, false);
    const other = visit({ at: NOW - 1, country: 'AU', session: 's' });
    await signIns.add({ id: random.sortableId(), accountId, visit: other, vouched: false, most: 3 });
    const { history, proved, lastSignInAt } = (await signIns.load(query(accountId))) ?? {};
    expect(history?.map(({ at }) => NOW - at)).toEqual([9]);
    expect([proved, lastSignInAt]).toEqual([other, NOW - 1]);
    expect((await signIns.load({ ...query(accountId), session: '' }))?.proved).toBeNull();
    const { rows } = await get().db.query('SELECT 1 FROM "sign_in_history" WHERE "account_id" = $1', [
      accountId,
    ]);
    expect(rows).toHaveLength(4);
  });

  test('twenty sign-ins of one person at once all count, and no more than the most remain', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    const all = Array.from({ length: 20 }, (_, index) =>
      stores.transactions.run(async () => {
        await stores.accounts.setLastMethod(accountId, 'password', NOW);
        await add(accountId, NOW + index, 30);
      }),
    );
    await Promise.all(all);
    await add(accountId, NOW + 20, 10);
    const facts = await stores.signIns.load(query(accountId));
    expect(facts?.history.map(({ at }) => at - NOW)).toEqual([20, 19, 18, 17, 16, 15, 14, 13, 12, 11]);
  });

  test('failures of the last hour count by account, address and network, up to the most', async () => {
    const { signIns } = get().stores;
    const [ada, bob] = [await addAccount(get().stores), await addAccount(get().stores)];
    const [address, around] = [random.id(), random.id()];
    const fail = (accountId: string | null, at: number, from: string, network: string) =>
      signIns.addFailure({ id: random.sortableId(), at, accountId, address: from, network });
    await fail(ada, NOW, address, around);
    await fail(ada, NOW - 3600, address, around);
    await fail(null, NOW - 10, address, around);
    for (let index = 0; index < 7; index += 1) await fail(bob, NOW - index, random.id(), around);
    const failures = async (accountId: string, changes = {}) =>
      (await signIns.load({ ...query(accountId), address, network: around, ...changes }))?.failures;
    expect(await failures(ada)).toEqual({ account: 1, address: 2, network: 5 });
    expect(await failures(bob, { address: '', network: '' })).toEqual({ account: 5, address: 0, network: 0 });
  });

  test('what everybody has in common is counted as the pure count does', async () => {
    const { db, stores } = get();
    await db.query('DELETE FROM "sign_in_history"');
    const chrome = { browser: 'Chrome', version: 130, os: '', kind: 'unknown' } as const;
    const people = [daily(5), daily(3, { country: '', asn: 0 }), daily(2, { agent: chrome, address: 'a' })];
    for (const visits of people) {
      const accountId = await addAccount(stores);
      for (const each of visits)
        await stores.signIns.add({ id: random.sortableId(), accountId, visit: each, vouched: true, most: 9 });
    }
    expect(await stores.signIns.overall({ signIns: 100, values: 100 })).toEqual(overallOf(people.flat(), 3));
    const { signIns, features } = await stores.signIns.overall({ signIns: 100, values: 1 });
    expect([signIns, features.browser.distinct, [...features.browser.counts]]).toEqual([
      10,
      2,
      [['Firefox', 8]],
    ]);
    expect(await stores.signIns.overall({ signIns: 4, values: 100 })).toMatchObject({ signIns: 4 });
  });

  test('goes with its account, and with time', async () => {
    const { db, stores } = get();
    const [kept, gone] = [await addAccount(stores), await addAccount(stores)];
    const ids = await Promise.all(
      [kept, kept, gone].map(async (accountId, index) => {
        const id = random.sortableId();
        const each = visit({ at: NOW - 31 * DAY * index });
        await stores.signIns.add({ id, accountId, visit: each, vouched: true, most: 100 });
        return id;
      }),
    );
    const failure = { accountId: gone, address: 'a', network: 'n' };
    const failures = [random.sortableId(), random.sortableId()];
    for (const [index, id] of failures.entries())
      await stores.signIns.addFailure({ ...failure, id, accountId: kept, at: NOW - index * 7200 });
    const counts = await purge(db, { now: NOW, history: 30 * DAY });
    expect(counts['sign_in_history']).toBeGreaterThanOrEqual(2);
    expect(await remaining(db, 'sign_in_history', ids)).toEqual([ids[0]]);
    expect(await remaining(db, 'sign_in_failure', failures)).toEqual([failures[0]]);
    expect((await stores.signIns.load(query(gone)))?.lastSignInAt).toBe(NOW - 62 * DAY);
    await db.query('DELETE FROM "account" WHERE "id" = $1', [kept]);
    expect(await remaining(db, 'sign_in_history', ids)).toEqual([]);
    expect(await remaining(db, 'sign_in_failure', failures)).toEqual([]);
  });
}

function service(get: () => Subject): void {
  const clock = { time: NOW, now: () => clock.time };
  const deps = (): RiskDeps => {
    const { signIns } = get().stores;
    const overall = createOverallCounts({ clock, signIns });
    return { clock, random, addressKeys: createAddressKeys(testVault), network, signIns, overall };
  };
  const request = (accountId: string, changes: Partial<SignInRequest> = {}): SignInRequest => ({
    accountId,
    sessionUid: null,
    address: '192.0.2.7',
    headers: { userAgent: firefox },
    browserHash: 'browser',
    remembered: false,
    token: null,
    ...changes,
  });
  const signIn = async (accountId: string, changes: Partial<SignInRequest> = {}, vouched = true) => {
    const { visit } = visitOf(deps(), request(accountId, changes));
    await get().stores.transactions.run(async () => {
      await rememberSignIn(deps(), { accountId, sessionUid: changes.sessionUid ?? null, visit, vouched });
    });
  };
  const facts = async (accountId: string, changes: Partial<SignInRequest> = {}) => {
    const assessed = await assessSignIn(deps(), request(accountId, changes));
    const present = assessed?.risk.evidence.filter((each) => each.present).map(({ signal }) => signal);
    return { ...assessed, present };
  };

  test('a person signs in from home for a fortnight, then somebody from Sydney six hours later', async () => {
    const accountId = await addAccount(get().stores);
    for (let day = 14; day >= 0; day -= 1) {
      clock.time = NOW - day * DAY;
      await signIn(accountId);
    }
    clock.time = NOW + 6 * 3600;
    const home = await facts(accountId);
    expect(home.present).toEqual(['unusual_hour']);
    const away = await facts(accountId, {
      address: '203.0.113.9',
      browserHash: 'other',
      headers: { userAgent: 'curl/8' },
    });
    expect(away.present).toEqual([
      'new_device',
      'new_network',
      'new_country',
      'impossible_travel',
      'unusual_hour',
    ]);
    expect(away.risk?.score).toBeGreaterThan((home.risk?.score ?? 1) * 2);
    expect(away.device).toEqual({
      known: false,
      remembered: false,
      browser: 'curl',
      os: '',
      kind: 'unknown',
    });
    expect(away.network).toMatchObject({ address: '203.0.113.9', country: 'AU', asn: 64511 });
  });

  test('a browser is familiar once a sign-in was completed in it, and a stranger again once all are forgotten', async () => {
    const accountId = await addAccount(get().stores);
    await get().stores.browsers.remember('browser', accountId, clock.time);
    expect((await facts(accountId)).device?.known).toBe(false);
    await signIn(accountId);
    expect((await facts(accountId)).device?.known).toBe(true);
    await get().stores.browsers.forgetAll(accountId, []);
    expect((await facts(accountId)).device?.known).toBe(false);
  });

  test('what nobody vouched for makes neither browser, network nor country familiar, however often', async () => {
    const accountId = await addAccount(get().stores);
    await signIn(accountId);
    const thief = { address: '203.0.113.9', browserHash: 'thief', sessionUid: random.id() };
    const before = await facts(accountId, thief);
    for (let round = 0; round < 3; round += 1) await signIn(accountId, thief, false);
    const after = await facts(accountId, thief);
    expect(after.present).toEqual(['new_device', 'new_network', 'new_country', 'impossible_travel']);
    expect([after.device?.known, after.risk?.score]).toEqual([false, before.risk?.score]);
  });

  test('a remembered browser is not new, and a session is at home where it was proved', async () => {
    const accountId = await addAccount(get().stores);
    const sessionUid = random.id();
    await signIn(accountId, { sessionUid });
    expect((await facts(accountId, { browserHash: 'other', remembered: true })).present).not.toContain(
      'new_device',
    );
    const at = (changes: Partial<SignInRequest>) => facts(accountId, { sessionUid, ...changes });
    expect((await at({})).present).toEqual([]);
    expect((await at({ address: '203.0.113.9' })).present).toContain('session_elsewhere');
    expect((await at({ sessionUid: random.id(), address: '203.0.113.9' })).present).not.toContain(
      'session_elsewhere',
    );
  });

  test('failures are counted by whom and from where, IPv4 mapped into IPv6 included', async () => {
    const accountId = await addAccount(get().stores);
    for (const address of ['198.51.100.4', '::ffff:198.51.100.4', '198.51.100.5'])
      await rememberFailure(deps(), { accountId, address });
    await rememberFailure(deps(), { accountId: null, address: '198.51.100.4' });
    const { risk } = await facts(accountId, { address: '198.51.100.4' });
    const counts = risk?.evidence.flatMap(({ signal, values }) =>
      signal.startsWith('failures') ? [values['count']] : [],
    );
    expect(counts).toEqual([3, 3, 4]);
  });

  test('neither an address nor a street is kept', async () => {
    const accountId = await addAccount(get().stores);
    await signIn(accountId);
    await rememberFailure(deps(), { accountId, address: '192.0.2.7' });
    const { rows } = await get().db.query('SELECT * FROM "sign_in_history" WHERE "account_id" = $1', [
      accountId,
    ]);
    const failed = await get().db.query('SELECT * FROM "sign_in_failure" WHERE "account_id" = $1', [
      accountId,
    ]);
    expect(rows).toMatchObject([{ country: 'GB', place: { latitude: 51.5, longitude: -0.1, radiusKm: 20 } }]);
    expect(JSON.stringify([rows, failed.rows])).not.toMatch(/192\.0\.2|51\.51|Mozilla/);
  });

  test('everybody is counted at the first call and again when the count is old', async () => {
    const overall = createOverallCounts({ clock, signIns: get().stores.signIns });
    expect([overall.current().signIns, overall.countedAt()]).toEqual([0, 0]);
    await overall.refresh();
    const before = overall.current().signIns;
    expect([before > 0, overall.countedAt()]).toEqual([true, clock.time]);
    await signIn(await addAccount(get().stores));
    await overall.refresh();
    expect(overall.current().signIns).toBe(before);
    clock.time += 900;
    await overall.refresh();
    expect(overall.current().signIns).toBe(before + 1);
  });

  test('nobody’s account is not assessed', async () => {
    expect(await assessSignIn(deps(), request('nobody'))).toBeUndefined();
  });
}
