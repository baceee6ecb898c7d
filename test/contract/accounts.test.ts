import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccount, findAccount, setAccountStatus } from '../../src/services/accounts.ts';
import { deviceName } from '../../src/services/device-name.ts';
import { endAllSessions, endElevation, endSession, listSessions } from '../../src/services/sessions.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  PASSWORD,
} from '../support/factor-world.ts';
import { addArtifact, addSession, proofOf, recordOf, remaining } from '../support/rows.ts';

let world: FactorWorld;

beforeAll(async () => {
  if (!noPostgres) world = await createWorld();
});
afterAll(() => world?.database.drop());

describe.skipIf(noPostgres)('accounts', () => {
  test('are found by username and by address, however these are written', async () => {
    const { id } = await createAccount(world.deps, { username: 'Grace.Hopper', email: 'Grace@Example.TEST' });
    for (const typed of ['grace.hopper', ' GRACE.HOPPER ', 'grace@example.test', 'ＧＲＡＣＥ@example.test']) {
      expect((await findAccount(world.deps, typed))?.id).toBe(id);
    }
    expect(await findAccount(world.deps, 'nobody')).toBeUndefined();
  });

  test('a password is bound at the weakest level, by an administrator', async () => {
    const account = await createPerson(world);
    expect(await world.deps.credentials.byAccount(account.id)).toEqual([
      expect.objectContaining({ method: 'password', boundAt: 'urn:stile:acr:1fa', boundBy: 'admin' }),
    ]);
    expect((await audited(world, 'account_created')).at(-1)).toMatchObject({ account_id: account.id });
  });

  test.each([
    [{ username: '' }],
    [{ username: 'a b' }],
    [{ username: '-a' }],
    [{ username: 'someone@else.test' }],
    [{ username: 'x'.repeat(65) }],
    [{ username: 'ok', email: 'nowhere' }],
    [{ username: 'ok', email: 'a@b@c' }],
    [{ username: 'ok', email: 'a b@c.test' }],
    [{ username: 'ok', email: `${'x'.repeat(65)}@c.test` }],
    [{ username: 'ok', email: 'a@b.test\nBcc: c@d.test' }],
  ])('%j is not valid', async (input) => {
    expect(await codeOf(createAccount(world.deps, input))).toBe('account_invalid');
  });

  test('a weak password is refused, and no account is left behind', async () => {
    const input = { username: 'weak', password: 'password123' };
    expect(await codeOf(createAccount(world.deps, input))).toBe('password_too_weak');
    expect(await findAccount(world.deps, 'weak')).toBeUndefined();
  });

  test('a taken username or address is refused', async () => {
    const account = await createPerson(world);
    expect(await codeOf(createAccount(world.deps, { username: account.username }))).toBe('account_exists');
    const sameAddress = { username: 'another', email: account.email ?? '' };
    expect(await codeOf(createAccount(world.deps, sameAddress))).toBe('account_exists');
  });

  test('an account and its password are made together or not at all', async () => {
    const credentials = {
      ...world.deps.credentials,
      add: async () => {
        throw new Error('the disk is full');
      },
    };
    const input = { username: 'halfway', password: PASSWORD };
    await expect(createAccount({ ...world.deps, credentials }, input)).rejects.toThrow('the disk is full');
    expect(await findAccount(world.deps, 'halfway')).toBeUndefined();
  });

  test('rule 4: disabling ends sessions and stored tokens, with an audit', async () => {
    const account = await createPerson(world);
    const { db } = world.database;
    const uid = await addSession(db, { uid: world.deps.random.id(), accountId: account.id });
    const token = await addArtifact(db, { accountId: account.id });
    await setAccountStatus(world.deps, account.id, { status: 'disabled' });
    expect(await remaining(db, 'session', [uid], 'uid')).toEqual([]);
    expect(await remaining(db, 'artifact', [token])).toEqual([]);
    const events = await audited(world, 'account_status');
    expect(events.at(-1)).toMatchObject({ account_id: account.id, data: { status: 'disabled' } });
  });
});

describe.skipIf(noPostgres)('sessions', () => {
  async function twoSessions() {
    const account = await createPerson(world);
    const { db } = world.database;
    const [here, there] = [world.deps.random.id(), world.deps.random.id()];
    for (const uid of [here, there]) await addSession(db, { uid, accountId: account.id });
    return { here, there, context: { accountId: account.id, sessionUid: here, correlationId: 'c' } };
  }

  const uidsOf = async (context: { accountId: string; sessionUid: string }) =>
    (await listSessions(world.deps, context)).map(({ uid }) => uid);

  test('are listed with the current one first', async () => {
    const { here, there, context } = await twoSessions();
    expect(await listSessions(world.deps, { ...context, sessionUid: there })).toMatchObject([
      { uid: there, current: true, device: { browser: null, system: null }, address: '::1' },
      { uid: here, current: false },
    ]);
  });

  test('one is ended alone, and nobody else’s', async () => {
    const [mine, theirs] = [await twoSessions(), await twoSessions()];
    expect(await endSession(world.deps, mine.context, theirs.here)).toBe(false);
    expect(await endSession(world.deps, mine.context, mine.there)).toBe(true);
    expect(await uidsOf(mine.context)).toEqual([mine.here]);
    expect(await uidsOf(theirs.context)).toHaveLength(2);
    expect((await audited(world, 'session_ended')).at(-1)).toMatchObject({ data: { ended: mine.there } });
  });

  test('all are ended, or all others', async () => {
    const { here, context } = await twoSessions();
    expect(await endAllSessions(world.deps, context, { keepCurrent: true })).toBe(1);
    expect(await uidsOf(context)).toEqual([here]);
    expect(await endAllSessions(world.deps, context, { keepCurrent: false })).toBe(1);
    expect(await uidsOf(context)).toEqual([]);
  });

  test('signed out everywhere, no browser is known any more; signed out elsewhere, all stay known', async () => {
    const [{ context }, other] = [await twoSessions(), await twoSessions()];
    const { browsers, clock } = world.deps;
    for (const key of ['stolen', 'stolen.possession'])
      await browsers.remember(key, context.accountId, clock.now());
    await browsers.remember('stolen', other.context.accountId, clock.now());
    await endAllSessions(world.deps, context, { keepCurrent: true });
    expect(await browsers.knows('stolen', context.accountId)).toBe(true);
    await endAllSessions(world.deps, context, { keepCurrent: false });
    expect(await browsers.knows('stolen', context.accountId)).toBe(false);
    expect(await browsers.knows('stolen.possession', context.accountId)).toBe(false);
    expect(await browsers.knows('stolen', other.context.accountId)).toBe(true);
  });

  test('rule 8: ending elevated access deletes by record, and leaves the sign-in', async () => {
    const { here, context } = await twoSessions();
    const { db } = world.database;
    const plain = recordOf(context.accountId, { sessionUid: here });
    const elevated = recordOf(context.accountId, { sessionUid: here, elevated: true });
    for (const record of [plain, elevated]) await world.deps.records.add(record);
    const expiresAt = world.deps.clock.now() + 1000;
    const [password, passkey] = [
      proofOf(context.accountId, { expiresAt }),
      proofOf(context.accountId, { expiresAt }),
    ];
    for (const proof of [password, passkey]) await world.deps.proofs.add(proof);
    await world.deps.proofs.promote(password.transaction, here, null);
    await world.deps.proofs.promote(passkey.transaction, here, 'bank');
    await endElevation(world.deps, context);
    expect(await remaining(db, 'assurance_record', [plain.id, elevated.id])).toEqual([plain.id]);
    expect(await remaining(db, 'proof', [password.id, passkey.id])).toEqual([password.id]);
    expect(await uidsOf(context)).toContain(here);
    expect((await audited(world, 'elevation_ended')).at(-1)).toMatchObject({ session_uid: here });
  });
});

describe('device names', () => {
  test.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
      'Firefox on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
      'Safari on macOS',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1',
      'Chrome on iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
      'Samsung Internet on Android',
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36',
      'Chrome on Linux',
    ],
    ['curl/8.5.0', null],
    ['', null],
    [null, null],
  ])('%s is %s', (userAgent, name) => {
    const { browser, system } = deviceName(userAgent);
    expect(browser && system ? `${browser} on ${system}` : (browser ?? system)).toBe(name);
  });
});
