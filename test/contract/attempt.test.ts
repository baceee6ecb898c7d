import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Method } from '../../src/domain/proofs.ts';
import { factorBucket } from '../../src/domain/throttle.ts';
import { createPasswordHasher } from '../../src/infra/system.ts';
import { setAccountStatus } from '../../src/services/accounts.ts';
import { attempt } from '../../src/services/attempt.ts';
import { passwordFactor } from '../../src/services/factors/password.ts';
import { totpFactor } from '../../src/services/factors/totp.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
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
import { addPasskey, addTotp, currentCode, passkeyAnswer, usePasskey, useTotp } from '../support/factors.ts';

describe.skipIf(noPostgres)('an attempt', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    const throttle = { address: { attempts: 100_000, window: 900 } };
    world = await createWorld({ config: { throttle } });
  });
  afterAll(() => world.database.drop());

  const proofsOf = (transactionId: string) =>
    world.deps.proofs.ofTransaction(transactionId, world.deps.clock.now());

  const inWindow = async (accountId: string, method: Method) => {
    const sql = `SELECT "in_window" FROM "throttle" WHERE "bucket" = $1`;
    const { rows } = await world.database.db.query(sql, [
      factorBucket({ owner: accountId, browser: null, method }),
    ]);
    return rows[0]?.['in_window'];
  };

  test('a success records one proof of what was shown, at the time it was shown', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    expect(await proofsOf(context.transactionId)).toEqual([
      expect.objectContaining({
        accountId: account.id,
        method: 'password',
        at: world.deps.clock.now(),
        kinds: ['knowledge'],
        transaction: context.transactionId,
        phishingResistant: false,
        userVerified: false,
      }),
    ]);
  });

  test('a failure records no proof', async () => {
    const account = await createPerson(world);
    const context = await openTransaction(world, { identifier: account.username });
    expect(await codeOf(attempt(world.deps, context, password(world, context, 'wrong')))).toBe(
      'wrong_credentials',
    );
    expect(await proofsOf(context.transactionId)).toEqual([]);
  });

  test('a proof lives as long as a session may', async () => {
    const account = await createPerson(world);
    const { transactionId } = await signIn(world, account);
    const sql = 'SELECT "expires_at" - "created_at" AS "life" FROM "proof" WHERE "transaction_id" = $1';
    const { rows } = await world.database.db.query(sql, [transactionId]);
    expect(rows[0]?.['life']).toBe(world.deps.settings.session.absolute);
  });

  test('the count is committed on its own: it survives a transaction that fails after verifying', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const context = await signIn(world, account);
    const failing = {
      ...world.deps,
      audit: {
        append: async () => {
          throw new Error('the disk is full');
        },
      },
    };
    const factor = {
      method: 'totp' as const,
      wrong: 'wrong_code' as const,
      verify: async () => ({ accountId: account.id, credentialId: app.id, consume: async () => undefined }),
    };
    await expect(attempt(failing, context, factor)).rejects.toThrow('the disk is full');
    expect(await inWindow(account.id, 'totp')).toBe(1);
    expect((await proofsOf(context.transactionId)).map(({ method }) => method)).toEqual(['password']);
  });

  test('what is shown is used up and recorded together or not at all', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const context = await signIn(world, account);
    const failing = {
      ...world.deps,
      proofs: {
        ...world.deps.proofs,
        add: async () => {
          throw new Error('the disk is full');
        },
      },
    };
    const code = currentCode(world, app);
    const factor = totpFactor(world.deps, { accountId: account.id, code });
    await expect(attempt(failing, context, factor)).rejects.toThrow('the disk is full');
    expect(await useTotp(world, context, code)).toBe('none');
  });

  test('rule 7: in a pinned transaction another account’s password is refused', async () => {
    const [pinned, other] = [await createPerson(world), await createPerson(world)];
    const context = await openTransaction(world, { accountId: pinned.id, pinned: true });
    const theirs = passwordFactor(world.deps, {
      accountId: null,
      identifier: other.username,
      password: PASSWORD,
    });
    expect(await codeOf(attempt(world.deps, context, theirs))).toBe('subject_mismatch');
    expect(await proofsOf(context.transactionId)).toEqual([]);
  });

  test('rule 7: another account’s passkey is refused before it is used up', async () => {
    const [pinned, other] = [await createPerson(world), await createPerson(world)];
    const { authenticator, credential } = await addPasskey(world, other, { counter: 5 });
    const context = await openTransaction(world, { accountId: pinned.id, pinned: true });
    const answer = await passkeyAnswer(world, { ...context, accountId: null }, authenticator);
    expect(await codeOf(attempt(world.deps, context, answer))).toBe('subject_mismatch');
    expect(await world.deps.credentials.byId(credential.id)).toMatchObject({ counter: 5, lastUsedAt: null });
    const challenge = await world.deps.ceremonies.peek(
      `tx:${context.transactionId}`,
      'passkey',
      world.deps.clock.now(),
    );
    expect(challenge).toBeDefined();
  });

  test('rule 7: the first proof names the person, and nobody else’s is taken after it', async () => {
    const [first, second] = [await createPerson(world), await createPerson(world)];
    const { authenticator } = await addPasskey(world, second);
    const context = await signIn(world, first);
    expect(await usePasskey(world, { ...context, accountId: null }, authenticator)).toBe('subject_mismatch');
  });

  test('a code is never a first factor', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const context = await openTransaction(world, { accountId: account.id, pinned: true });
    expect(await useTotp(world, context, currentCode(world, app))).toBe('bad_request');
  });

  test('a disabled account gets the answer that a wrong password gets, and no proof', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    await setAccountStatus(world.deps, account.id, { status: 'disabled' });
    const context = await openTransaction(world, { identifier: account.username });
    expect(await codeOf(attempt(world.deps, context, password(world, context, PASSWORD)))).toBe(
      'wrong_credentials',
    );
    expect(await usePasskey(world, context, authenticator)).toBe('passkey_failed');
    expect(await proofsOf(context.transactionId)).toEqual([]);
    await setAccountStatus(world.deps, account.id, { status: 'active' });
    expect(await usePasskey(world, context, authenticator)).toBe('none');
  });

  test('an ended transaction takes no proof', async () => {
    const account = await createPerson(world);
    const context = await openTransaction(world, { identifier: account.username });
    await world.deps.transactions.end(context.transactionId, world.deps.clock.now());
    expect(await codeOf(attempt(world.deps, context, password(world, context, PASSWORD)))).not.toBe('none');
    expect(await proofsOf(context.transactionId)).toEqual([]);
  });

  test('names of nobody and accounts without a password get the answer of a wrong password', async () => {
    const withoutPassword = await createPerson(world, { password: null });
    for (const identifier of [withoutPassword.username, 'nobody', '', 'a'.repeat(300)]) {
      const context = await openTransaction(world, { identifier });
      expect(await codeOf(attempt(world.deps, context, password(world, context, PASSWORD)))).toBe(
        'wrong_credentials',
      );
    }
  });

  test('names of nobody cost a verification, too', async () => {
    const calls: string[] = [];
    const hasher = {
      ...world.deps.hasher,
      pretend: async () => {
        calls.push('pretend');
      },
    };
    const withoutPassword = await createPerson(world, { password: null });
    for (const identifier of ['nobody', withoutPassword.username]) {
      const context = await openTransaction(world, { identifier });
      const factor = passwordFactor(
        { ...world.deps, hasher },
        { accountId: null, identifier, password: 'x' },
      );
      expect(await codeOf(attempt(world.deps, context, factor))).toBe('wrong_credentials');
    }
    expect(calls).toEqual(['pretend', 'pretend']);
  });

  test('a password of another parameters’ hash is accepted and hashed anew', async () => {
    const account = await createPerson(world);
    const [before] = await world.deps.credentials.byAccount(account.id);
    const hasher = createPasswordHasher({ memoryKiB: 2048, iterations: 1, parallelism: 1 });
    const context = await openTransaction(world, { identifier: account.username });
    const input = { accountId: null, identifier: account.username, password: PASSWORD };
    await attempt(world.deps, context, passwordFactor({ ...world.deps, hasher }, input));
    const [after] = await world.deps.credentials.byAccount(account.id);
    expect(before).toMatchObject({ hash: expect.stringContaining('m=1024,') });
    expect(after).toMatchObject({ hash: expect.stringContaining('m=2048,') });
    expect(await codeOf(signIn(world, account))).toBe('none');
  });

  test('the same password typed on another keyboard is the same password', async () => {
    const account = await createPerson(world, { password: 'Caf\u00e9 am Hafen 9' });
    const context = await openTransaction(world, { identifier: account.username });
    const typed = password(world, context, 'Cafe\u0301 am Hafen 9');
    expect(await codeOf(attempt(world.deps, context, typed))).toBe('none');
  });

  test('the last used factor is remembered, and when each was used', async () => {
    const account = await createPerson(world);
    const { authenticator, credential } = await addPasskey(world, account);
    const context = await signIn(world, account);
    expect(await usePasskey(world, context, authenticator)).toBe('none');
    expect(await world.deps.accounts.byId(account.id)).toMatchObject({ lastMethod: 'passkey' });
    const { facts } = await changing(world, context);
    expect(facts.credentials.map(({ lastUsedAt }) => lastUsedAt)).toEqual([
      world.deps.clock.now(),
      world.deps.clock.now(),
    ]);
    expect(facts.credentials.some(({ id }) => id === credential.id)).toBe(true);
  });

  test('a browser is known after a success and not after a failure', async () => {
    const account = await createPerson(world);
    const about = { identifier: account.username, browserHash: browser('knows') };
    const context = await openTransaction(world, about);
    await codeOf(attempt(world.deps, context, password(world, context, 'wrong')));
    expect(await world.deps.browsers.knows(about.browserHash, account.id)).toBe(false);
    await signIn(world, account, about);
    expect(await world.deps.browsers.knows(about.browserHash, account.id)).toBe(true);
  });

  test('every attempt is in the audit trail, and no secret with it', async () => {
    const account = await createPerson(world);
    const about = { identifier: account.username, correlationId: 'corr-1', clientId: 'bank' };
    const context = await openTransaction(world, about);
    await codeOf(attempt(world.deps, context, password(world, context, 'a wrong secret')));
    await attempt(world.deps, context, password(world, context, PASSWORD));
    const events = (await audited(world, 'attempt')).filter((event) => event['account_id'] === account.id);
    expect(events).toEqual([
      expect.objectContaining({ outcome: 'failure', client_id: 'bank', correlation_id: 'corr-1' }),
      expect.objectContaining({ outcome: 'success', client_id: 'bank', correlation_id: 'corr-1' }),
    ]);
    expect(events[0]?.['data']).toMatchObject({ method: 'password', error: 'wrong_credentials' });
    expect(JSON.stringify(events)).not.toMatch(/secret|heron/);
  });

  test('parallel successes of one person in two tabs all succeed', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const contexts = await Promise.all(
      Array.from({ length: 8 }, () => signIn(world, account, { browserHash: browser('tabs') })),
    );
    const answers = await Promise.all(contexts.map((context) => usePasskey(world, context, authenticator)));
    expect(answers).toEqual(contexts.map(() => 'none'));
  });
});
