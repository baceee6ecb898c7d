/** Whoever had the old password or factor may have made browsers familiar: a change forgets all but the one it is made in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attempt } from '../../src/services/attempt.ts';
import { removeCredential } from '../../src/services/credential-changes.ts';
import { setPassword } from '../../src/services/password-change.ts';
import { KEPT } from '../../src/services/policy.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { rememberSignIn, visitOf } from '../../src/services/risk.ts';
import { noPostgres } from '../support/database.ts';
import {
  browser,
  changing,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  openTransaction,
  PASSWORD,
  password,
  signIn,
} from '../support/factor-world.ts';
import { addTotp, currentCode, useTotp } from '../support/factors.ts';
import { addSession } from '../support/rows.ts';

const NEXT = 'a punt on the broad water';
const [HERE, THERE] = [browser('here'), browser('there')];

describe.skipIf(noPostgres)('browsers after a change', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  type Deps = FactorWorld['deps'];
  type Change = (account: Account, browserHash: string | null, deps?: Deps) => Promise<void>;

  /** A session in which the password and a code of the app were given just now. */
  async function proved(account: Account, browserHash: string | null) {
    const app = await addTotp(world, account);
    const sessionUid = await addSession(world.database.db, {
      uid: world.deps.random.id(),
      accountId: account.id,
    });
    const context = await signIn(world, account, { sessionUid });
    expect(await useTotp(world, context, currentCode(world, app))).toBe('none');
    await world.deps.proofs.promote(context.transactionId, sessionUid, null);
    const change = await changing(world, context);
    return { app, change: { ...change, sessionUid, device: { ...change.device, browserHash } } };
  }

  const changePassword: Change = async (account, browserHash, deps = world.deps) =>
    setPassword(deps, (await proved(account, browserHash)).change, NEXT);
  const removeFactor: Change = async (account, browserHash, deps = world.deps) => {
    const { app, change } = await proved(account, browserHash);
    await removeCredential(deps, change, app.id);
  };
  const changes: readonly (readonly [what: string, change: Change])[] = [
    ['a changed password', changePassword],
    ['a removed factor', removeFactor],
  ];

  /** A person whom both browsers are familiar to, each in every way; and a device of nobody knows which. */
  async function familiar(): Promise<Account> {
    const account = await createPerson(world);
    for (const hash of [HERE, THERE]) {
      await visit(account, hash);
      await remember(account, hash);
      for (const key of [hash, `${hash}.possession`])
        await world.deps.browsers.remember(key, account.id, world.deps.clock.now());
    }
    await remember(account, null);
    return account;
  }

  async function visit({ id: accountId }: Account, browserHash: string, sessionUid: string | null = null) {
    const request = { sessionUid, address: '192.0.2.1', headers: { userAgent: null }, browserHash };
    const { visit: seen } = visitOf(world.deps.risk, request);
    await rememberSignIn(world.deps.risk, { accountId, sessionUid, visit: seen, vouched: true });
  }

  const remember = ({ id: accountId }: Account, browserHash: string | null) => {
    const { devices, random, clock } = world.deps;
    const createdAt = clock.now();
    const device = {
      id: random.id(),
      accountId,
      secretHash: 'hash',
      browserHash,
      userAgent: null,
      createdAt,
    };
    return devices.add({ ...device, expiresAt: createdAt + 1000 });
  };

  const known = async ({ id }: Account) => {
    const keys = [HERE, `${HERE}.possession`, THERE, `${THERE}.possession`];
    return Promise.all(keys.map((key) => world.deps.browsers.knows(key, id)));
  };
  const visits = async ({ id }: Account) => {
    const sql = 'SELECT * FROM "sign_in_history" WHERE "account_id" = $1 ORDER BY "id"';
    return (await world.database.db.query(sql, [id])).rows;
  };
  const remembered = async ({ id }: Account) =>
    (await world.deps.devices.byAccount(id, world.deps.clock.now())).map((device) => device.browserHash);

  describe.each(changes)('%s', (_, change) => {
    test('leaves only the browser it is made in known to throttling', async () => {
      const [account, other] = [await familiar(), await familiar()];
      await change(account, HERE);
      expect(await known(account)).toEqual([true, true, false, false]);
      expect(await known(other)).toEqual([true, true, true, true]);
    });

    test('takes the browser from the sign-ins elsewhere, and nothing else', async () => {
      const [account, other] = [await familiar(), await familiar()];
      const [before, others] = [await visits(account), await visits(other)];
      expect(before.map((row) => row['device_hash'])).toEqual([HERE, THERE]);
      await change(account, HERE);
      expect(await visits(account)).toEqual([before[0], { ...before[1], forgotten: true }]);
      expect(await visits(other)).toEqual(others);
    });

    test('lets a session that lives on be told from one in another browser', async () => {
      const account = await familiar();
      await visit(account, THERE, 'phone');
      await change(account, HERE);
      const facts = await world.deps.signIns.load({
        accountId: account.id,
        address: '',
        network: '',
        session: 'phone',
        failuresSince: 0,
        most: { visits: 10, failures: 10 },
      });
      expect(facts?.proved?.device).toBe(THERE);
      expect(facts?.history.map(({ device }) => device).sort()).toEqual(['', '', HERE]);
    });

    test('leaves only this browser remembered; one of which nobody knows whose it is goes', async () => {
      const [account, other] = [await familiar(), await familiar()];
      await change(account, HERE);
      expect(await remembered(account)).toEqual([HERE]);
      expect(await remembered(other)).toHaveLength(3);
    });

    test('made in a browser that was a stranger, makes nothing of it', async () => {
      const account = await familiar();
      await change(account, browser('new here'));
      expect(await known(account)).toEqual([false, false, false, false]);
      expect(await world.deps.browsers.knows(browser('new here'), account.id)).toBe(false);
    });

    test('made without the cookie of a browser, forgets every one', async () => {
      const account = await familiar();
      await change(account, null);
      expect(await known(account)).toEqual([false, false, false, false]);
      expect((await visits(account)).map((row) => row['forgotten'])).toEqual([true, true]);
      expect(await remembered(account)).toEqual([]);
    });

    test('that is not completed forgets nothing', async () => {
      const account = await familiar();
      const append = () => Promise.reject(new Error('no audit'));
      const failing = { ...world.deps, audit: { ...world.deps.audit, append } };
      await expect(change(account, HERE, failing)).rejects.toThrow('no audit');
      expect(await known(account)).toEqual([true, true, true, true]);
      expect((await visits(account)).map((row) => row['forgotten'])).toEqual([false, false]);
      expect(await remembered(account)).toHaveLength(3);
    });

    test('has what was found out in a sign-in under way found out anew', async () => {
      const [account, other] = [await familiar(), await familiar()];
      const { transactions } = world.deps;
      const open = async ({ id: accountId }: Account) => {
        const { transactionId } = await openTransaction(world, { accountId });
        await transactions.setState(transactionId, { [KEPT]: { device: { known: true } }, enrol: 'totp' });
        return async () => (await transactions.byId(transactionId, world.deps.clock.now()))?.state;
      };
      const [mine, theirs] = [await open(account), await open(other)];
      await change(account, HERE);
      expect(await mine()).toEqual({ enrol: 'totp' });
      expect(await theirs()).toHaveProperty(KEPT);
    });
  });

  test('a browser that signs in while the password is changed is no more familiar for it, and nobody waits in a circle', async () => {
    for (let round = 0; round < 5; round += 1) {
      const account = await familiar();
      const { change } = await proved(account, HERE);
      const uses = Array.from({ length: 4 }, () =>
        codeOf(signIn(world, account, { browserHash: THERE, accountId: account.id })),
      );
      expect(await codeOf(setPassword(world.deps, change, NEXT))).toBe('none');
      for (const code of await Promise.all(uses)) expect(['none', 'wrong_credentials']).toContain(code);
      expect(await known(account)).toEqual([true, true, false, false]);
    }
  });

  test('a password that is changed between its check and its use makes no browser known, and proves nothing', async () => {
    const account = await familiar();
    const { change } = await proved(account, HERE);
    const context = await openTransaction(world, { identifier: account.username, browserHash: THERE });
    const factor = password(world, context, PASSWORD);
    const verify = async () => {
      const verified = await factor.verify();
      await setPassword(world.deps, change, NEXT);
      return verified;
    };
    expect(await codeOf(attempt(world.deps, context, { ...factor, verify }))).toBe('wrong_credentials');
    expect(await known(account)).toEqual([true, true, false, false]);
    const now = world.deps.clock.now();
    expect(await world.deps.proofs.ofTransaction(context.transactionId, now)).toEqual([]);
  });

  test('a refused change forgets nothing', async () => {
    const account = await familiar();
    const { change } = await proved(account, HERE);
    expect(await codeOf(setPassword(world.deps, change, PASSWORD))).toBe('password_unchanged');
    expect(await known(account)).toEqual([true, true, true, true]);
  });
});
