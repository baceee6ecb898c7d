import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/domain/errors.ts';
import { StileError } from '../../src/domain/errors.ts';
import { type AttemptContext, attempt } from '../../src/services/attempt.ts';
import { totpFactor } from '../../src/services/factors/totp.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  browser,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  openTransaction,
  PASSWORD,
  password,
  signIn,
} from '../support/factor-world.ts';
import { addTotp, currentCode, type TestApp } from '../support/factors.ts';

describe.skipIf(noPostgres)('throttling', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    // The network's own limit is tested apart.
    const throttle = { address: { attempts: 100_000, window: 900 } };
    world = await createWorld({ config: { throttle } });
  });
  afterAll(() => world.database.drop());

  /** Guesses as a stranger, each in a transaction of its own. */
  async function guess(identifier: string, about: Partial<AttemptContext> = {}): Promise<ErrorCode | 'none'> {
    const context = await openTransaction(world, { identifier, ...about });
    return codeOf(attempt(world.deps, context, password(world, context, 'not the password')));
  }

  async function tryPassword(
    account: Account,
    about: Partial<AttemptContext> = {},
  ): Promise<ErrorCode | 'none'> {
    const context = await openTransaction(world, { identifier: account.username, ...about });
    return codeOf(attempt(world.deps, context, password(world, context, PASSWORD)));
  }

  async function guessInARow(count: number, identifier: string, about: Partial<AttemptContext> = {}) {
    for (let made = 0; made < count; made += 1) {
      if (made > 0 && made % 10 === 0) world.pass(900);
      expect(await guess(identifier, about)).toBe('wrong_credentials');
    }
  }

  async function appFor(account: Account): Promise<TestApp> {
    return addTotp(world, account);
  }

  async function tryTotp(context: AttemptContext, code: string): Promise<ErrorCode | 'none'> {
    return codeOf(
      attempt(world.deps, context, totpFactor(world.deps, { accountId: context.accountId, code })),
    );
  }

  test('100 parallel guesses at a password get exactly as many tries as 100 serial ones', async () => {
    const account = await createPerson(world);
    const answers = await Promise.all(Array.from({ length: 100 }, () => guess(account.username)));
    expect(answers.filter((answer) => answer === 'wrong_credentials')).toHaveLength(10);
    expect(answers.filter((answer) => answer === 'too_many_attempts')).toHaveLength(90);
  });

  test('a name of nobody is throttled as the name of somebody is, in the same words', async () => {
    const account = await createPerson(world);
    for (const identifier of [account.username, 'nobody-at-all']) {
      await guessInARow(10, identifier);
      expect(await guess(identifier)).toBe('too_many_attempts');
    }
  });

  test('a closed username says nothing about the address of the same person', async () => {
    const account = await createPerson(world);
    await guessInARow(10, account.username);
    expect(await guess(account.username)).toBe('too_many_attempts');
    expect(await guess(account.email ?? '')).toBe('wrong_credentials');
  });

  test('however a name is written, its guesses are counted together', async () => {
    const account = await createPerson(world);
    await guessInARow(10, account.username);
    expect(await guess(`  ${account.username.toUpperCase()} `)).toBe('too_many_attempts');
  });

  test('a full window says when it ends, and then it is open again', async () => {
    const account = await createPerson(world);
    await guessInARow(10, account.username);
    world.pass(300);
    const context = await openTransaction(world, { identifier: account.username });
    const refused = await attempt(world.deps, context, password(world, context, PASSWORD)).catch(
      (error) => error,
    );
    expect(refused).toBeInstanceOf(StileError);
    expect(refused).toMatchObject({ code: 'too_many_attempts', retryAfter: 600 });
    world.pass(600);
    expect(await tryPassword(account)).toBe('none');
  });

  test('a success is not counted, and ends a row of failures', async () => {
    const account = await createPerson(world);
    for (let made = 0; made < 30; made += 1) expect(await tryPassword(account)).toBe('none');
    await guessInARow(9, account.username);
    expect(await tryPassword(account)).toBe('none');
    const { rows } = await world.database.db.query(
      `SELECT max("consecutive") AS "most" FROM "throttle" WHERE "bucket" LIKE '%:password:%' AND "in_window" = 9`,
    );
    expect(rows[0]?.['most']).toBe(0);
  });

  test('a flood by strangers closes a password to strangers, never to a browser that signed in before', async () => {
    const account = await createPerson(world);
    const known = { browserHash: browser('known') };
    expect(await tryPassword(account, known)).toBe('none');
    await guessInARow(10, account.username);
    expect(await tryPassword(account)).toBe('too_many_attempts');
    expect(await tryPassword(account, { browserHash: browser('new') })).toBe('too_many_attempts');
    expect(await tryPassword(account, known)).toBe('none');
  });

  test('a flood closes one factor and leaves the person’s others open', async () => {
    const account = await createPerson(world);
    const app = await appFor(account);
    const context = await signIn(world, account, { browserHash: browser('at home') });
    await guessInARow(10, account.username);
    expect(await tryPassword(account)).toBe('too_many_attempts');
    expect(await tryTotp(context, currentCode(world, app))).toBe('none');
  });

  test('a known browser has a limit of its own', async () => {
    const account = await createPerson(world);
    const known = { browserHash: browser('known and stolen') };
    expect(await tryPassword(account, known)).toBe('none');
    await guessInARow(10, account.username, known);
    expect(await tryPassword(account, known)).toBe('too_many_attempts');
    expect(await tryPassword(account)).toBe('none');
  });

  test('with a stolen password no number of new browsers buys more guesses at the second factor', async () => {
    const account = await createPerson(world);
    await appFor(account);
    const answers: string[] = [];
    for (let made = 0; made < 15; made += 1) {
      const context = await signIn(world, account, { browserHash: browser(`fresh ${made}`) });
      answers.push(await tryTotp(context, '000000'));
    }
    expect(answers.filter((answer) => answer === 'wrong_code')).toHaveLength(10);
    expect(answers.slice(10)).toEqual(Array.from({ length: 5 }, () => 'too_many_attempts'));
  });

  test('a browser in which the second factor was used is known for it', async () => {
    const account = await createPerson(world);
    const app = await appFor(account);
    const home = { browserHash: browser('with the phone beside it') };
    expect(await tryTotp(await signIn(world, account, home), currentCode(world, app))).toBe('none');
    const stranger = await signIn(world, account);
    for (let made = 0; made < 10; made += 1) expect(await tryTotp(stranger, '000000')).toBe('wrong_code');
    world.pass(30);
    expect(await tryTotp(stranger, currentCode(world, app))).toBe('too_many_attempts');
    expect(await tryTotp(await signIn(world, account, home), currentCode(world, app))).toBe('none');
  });

  test('at 100 failures in a row a factor stays closed to strangers', async () => {
    const account = await createPerson(world);
    await guessInARow(100, account.username);
    world.pass(30 * 24 * 3600);
    const context = await openTransaction(world, { identifier: account.username });
    const refused = await attempt(world.deps, context, password(world, context, PASSWORD)).catch(
      (error) => error,
    );
    expect(refused).toMatchObject({ code: 'too_many_attempts' });
    expect(refused.retryAfter).toBeUndefined();
  });

  test('a known browser reopens what 100 failures in a row have closed', async () => {
    const account = await createPerson(world);
    const known = { browserHash: browser('reopens') };
    expect(await tryPassword(account, known)).toBe('none');
    await guessInARow(100, account.username);
    world.pass(900);
    expect(await tryPassword(account)).toBe('too_many_attempts');
    expect(await tryPassword(account, known)).toBe('none');
    expect(await tryPassword(account)).toBe('none');
  });

  test('another factor reopens what 100 failures in a row have closed', async () => {
    const account = await createPerson(world);
    const app = await appFor(account);
    const context = await signIn(world, account);
    await guessInARow(100, account.username);
    world.pass(900);
    expect(await tryPassword(account)).toBe('too_many_attempts');
    expect(await tryTotp(context, currentCode(world, app))).toBe('none');
    expect(await tryPassword(account)).toBe('none');
  });

  test('a password proved by a stranger does not reopen the second factor it is meant to protect', async () => {
    const account = await createPerson(world);
    await appFor(account);
    const context = await signIn(world, account);
    for (let made = 0; made < 100; made += 1) {
      if (made > 0 && made % 10 === 0) world.pass(900);
      expect(await tryTotp(context, '000000')).toBe('wrong_code');
    }
    world.pass(900);
    // However often: the second time the thief's browser is one that signed in before.
    for (let times = 0; times < 3; times += 1) {
      const again = await signIn(world, account, { browserHash: browser('thief') });
      expect(await tryTotp(again, '000000')).toBe('too_many_attempts');
    }
  });

  test('one account’s names together have no more failures in a row than one name, and the answer hides it', async () => {
    const account = await createPerson(world);
    await guessInARow(50, account.username);
    await guessInARow(50, account.email ?? '');
    world.pass(900);
    expect(await tryPassword(account)).toBe('wrong_credentials');
    expect(await guess(account.username)).toBe('wrong_credentials');
  });

  test('filling a bucket is in the audit trail once, not once for each request turned away', async () => {
    const account = await createPerson(world);
    await Promise.all(Array.from({ length: 40 }, () => guess(account.username)));
    const events = await audited(world, 'throttled');
    const own = events.filter((event) => event['account_id'] === account.id);
    expect(own).toHaveLength(1);
    expect(own[0]).toMatchObject({ outcome: 'denied', data: { method: 'password', bucket: 'account' } });
  });
});

describe.skipIf(noPostgres)('throttling a network', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 20, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  async function guessFrom(address: string, made: number): Promise<ErrorCode | 'none'> {
    const context = await openTransaction(world, { identifier: `somebody-${made}`, address });
    return codeOf(attempt(world.deps, context, password(world, context, 'not the password')));
  }

  test('one network has a limit over all names and factors, and an IPv6 household is one network', async () => {
    const answers: string[] = [];
    for (let made = 0; made < 25; made += 1)
      answers.push(await guessFrom(`2001:db8::${made.toString(16)}`, made));
    expect(answers.filter((answer) => answer === 'wrong_credentials')).toHaveLength(20);
    expect(await guessFrom('2001:db8:0:1::1', 99)).toBe('wrong_credentials');
  });
});
