import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AttemptContext, attempt } from '../../src/services/attempt.ts';
import { beginPasskey, passkeyFactor } from '../../src/services/factors/passkey.ts';
import { registrationOptions, verifyRegistration } from '../../src/services/factors/passkey-registration.ts';
import { isStrongEnough } from '../../src/services/factors/password-strength.ts';
import { noPostgres } from '../support/database.ts';
import {
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  ORIGIN,
  openTransaction,
  signIn,
} from '../support/factor-world.ts';
import {
  addPasskey,
  addTotp,
  currentCode,
  mailedCode,
  passkeyAnswer,
  useEmailCode,
  usePasskey,
  useTotp,
} from '../support/factors.ts';
import { createAuthenticator, type Twist } from '../support/webauthn.ts';

let world: FactorWorld;

beforeAll(async () => {
  if (noPostgres) return;
  const throttle = {
    address: { attempts: 100_000, window: 900 },
    account: { attempts: 1000, window: 900 },
  };
  world = await createWorld({ config: { throttle } });
});
afterAll(() => world?.database.drop());

describe.skipIf(noPostgres)('TOTP', () => {
  test('a step is accepted once, also when it is sent twenty times at once', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const contexts = await Promise.all(Array.from({ length: 20 }, () => signIn(world, account)));
    const code = currentCode(world, app);
    const answers = await Promise.all(contexts.map((context) => useTotp(world, context, code)));
    expect(answers.filter((answer) => answer === 'none')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'wrong_code')).toHaveLength(19);
  });

  test('an earlier step is refused after a later one', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const context = await signIn(world, account);
    expect(await useTotp(world, context, currentCode(world, app, 1))).toBe('none');
    expect(await useTotp(world, context, currentCode(world, app, 0))).toBe('wrong_code');
    world.pass(60);
    expect(await useTotp(world, context, currentCode(world, app))).toBe('none');
  });

  test.each([
    [-2, 'wrong_code'],
    [-1, 'none'],
    [0, 'none'],
    [1, 'none'],
    [2, 'wrong_code'],
  ])('the documented window: a code %i steps away is answered %s', async (away, answer) => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const context = await signIn(world, account);
    expect(await useTotp(world, context, currentCode(world, app, away))).toBe(answer);
  });

  test('any of several apps will do, and each has steps of its own', async () => {
    const account = await createPerson(world);
    const apps = [await addTotp(world, account), await addTotp(world, account)];
    const context = await signIn(world, account);
    for (const app of apps) expect(await useTotp(world, context, currentCode(world, app))).toBe('none');
    for (const app of apps) expect(await useTotp(world, context, currentCode(world, app))).toBe('wrong_code');
  });

  test('another person’s code is refused', async () => {
    const [account, other] = [await createPerson(world), await createPerson(world)];
    await addTotp(world, account);
    const theirs = await addTotp(world, other);
    const context = await signIn(world, account);
    expect(await useTotp(world, context, currentCode(world, theirs))).toBe('wrong_code');
  });

  test('a seed is not readable in the database', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const { rows } = await world.database.db.query('SELECT "secret" FROM "credential" WHERE "id" = $1', [
      app.id,
    ]);
    const stored = Buffer.from(String(rows[0]?.['secret']), 'base64');
    expect(stored.includes(Buffer.from(app.seed))).toBe(false);
  });
});

describe.skipIf(noPostgres)('passkeys', () => {
  test('a discoverable passkey signs in without a name', async () => {
    const account = await createPerson(world);
    const { authenticator, credential } = await addPasskey(world, account);
    const context = await openTransaction(world);
    const proof = await attempt(world.deps, context, await passkeyAnswer(world, context, authenticator));
    expect(proof).toMatchObject({
      method: 'passkey',
      credentialId: credential.id,
      kinds: ['possession', 'verification'],
      phishingResistant: true,
      userVerified: true,
    });
    expect(await world.deps.transactions.byId(context.transactionId, world.deps.clock.now())).toMatchObject({
      accountId: account.id,
    });
  });

  test('user verification is recorded as the authenticator reports it', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account, { userVerified: false });
    const context = await openTransaction(world);
    const proof = await attempt(world.deps, context, await passkeyAnswer(world, context, authenticator));
    expect(proof).toMatchObject({ kinds: ['possession'], userVerified: false });
  });

  test('where user verification is required an answer without it is refused', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account, { userVerified: false });
    const context = await openTransaction(world);
    const owner = `tx:${context.transactionId}`;
    const options = await beginPasskey(world.deps, { owner, accountId: null, userVerification: 'required' });
    expect(options.userVerification).toBe('required');
    const response = authenticator.authenticate(options, ORIGIN);
    const factor = passkeyFactor(world.deps, { owner, response, requireUserVerification: true });
    expect(await codeOf(attempt(world.deps, context, factor))).toBe('passkey_failed');
  });

  test('an answer is accepted once: replayed, or sent ten times at once, it is refused', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const context = await openTransaction(world);
    const answer = await passkeyAnswer(world, context, authenticator);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => codeOf(attempt(world.deps, context, answer))),
    );
    expect(answers.filter((code) => code === 'none')).toHaveLength(1);
    expect(await codeOf(attempt(world.deps, context, answer))).toBe('passkey_failed');
  });

  test('an answer to another transaction’s challenge is refused', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const [one, other] = [await openTransaction(world), await openTransaction(world)];
    const begin = (owner: string) =>
      beginPasskey(world.deps, { owner, accountId: null, userVerification: 'preferred' });
    const response = authenticator.authenticate(await begin(`tx:${one.transactionId}`), ORIGIN);
    await begin(`tx:${other.transactionId}`);
    const answerIn = (context: AttemptContext) => {
      const owner = `tx:${context.transactionId}`;
      const factor = passkeyFactor(world.deps, { owner, response, requireUserVerification: false });
      return codeOf(attempt(world.deps, context, factor));
    };
    expect(await answerIn(other)).toBe('passkey_failed');
    expect(await answerIn(one)).toBe('none');
  });

  test('two tabs of one transaction share a challenge, so that either can be used', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const context = await openTransaction(world);
    const first = await passkeyAnswer(world, context, authenticator);
    await passkeyAnswer(world, context, authenticator);
    expect(await codeOf(attempt(world.deps, context, first))).toBe('none');
  });

  test('an expired challenge is refused', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const context = await openTransaction(world);
    const answer = await passkeyAnswer(world, context, authenticator);
    world.pass(1801);
    expect(await codeOf(attempt(world.deps, context, answer))).toBe('passkey_failed');
  });

  test.each<[string, Twist]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another challenge', { challenge: 'AAAA' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['a registration', { type: 'webauthn.create' }],
    ['a frame of another site', { crossOrigin: true }],
    ['no presence', { userPresent: false }],
    ['another person’s handle', { userHandle: Buffer.from('somebody else').toString('base64url') }],
    ['backup eligibility that changed', { backupEligible: true }],
  ])('an answer with %s is refused', async (_, twist) => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    const context = await openTransaction(world);
    expect(await usePasskey(world, context, authenticator, twist)).toBe('passkey_failed');
    expect(await usePasskey(world, context, authenticator)).toBe('none');
  });

  test.each([
    [null],
    ['text'],
    [{}],
    [{ id: 'x', rawId: 'x', type: 'public-key', response: {} }],
    [[]],
    [42],
  ])('what is no answer at all is refused: %j', async (response) => {
    const context = await openTransaction(world);
    const owner = `tx:${context.transactionId}`;
    await beginPasskey(world.deps, { owner, accountId: null, userVerification: 'preferred' });
    const factor = passkeyFactor(world.deps, { owner, response, requireUserVerification: false });
    expect(await codeOf(attempt(world.deps, context, factor))).toBe('passkey_failed');
  });

  test('a counter that does not advance is taken for a clone', async () => {
    const account = await createPerson(world);
    const { authenticator, credential } = await addPasskey(world, account, { counter: 7 });
    const context = await openTransaction(world);
    expect(await usePasskey(world, context, authenticator)).toBe('none');
    authenticator.setCounter(8);
    expect(await usePasskey(world, context, authenticator)).toBe('passkey_cloned');
    authenticator.setCounter(3);
    expect(await usePasskey(world, context, authenticator)).toBe('passkey_cloned');
    expect(await world.deps.credentials.byId(credential.id)).toMatchObject({ counter: 8 });
    authenticator.setCounter(20);
    expect(await usePasskey(world, context, authenticator)).toBe('none');
  });

  test('nobody learns that a counter is behind without the key: a bad signature is a bad signature', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account, { counter: 7 });
    authenticator.setCounter(1);
    const context = await openTransaction(world);
    expect(await usePasskey(world, context, authenticator, { challenge: 'AAAA' })).toBe('passkey_failed');
  });

  test('authenticators without a counter are accepted again and again', async () => {
    const account = await createPerson(world);
    const { authenticator } = await addPasskey(world, account);
    for (let used = 0; used < 3; used += 1) {
      expect(await usePasskey(world, await openTransaction(world), authenticator)).toBe('none');
    }
  });

  test('backup state is recorded at registration and at use', async () => {
    const account = await createPerson(world);
    const { authenticator, credential } = await addPasskey(world, account, { backupEligible: true });
    expect(credential).toMatchObject({ backupEligible: true, backedUp: false });
    const context = await openTransaction(world);
    expect(await usePasskey(world, context, authenticator, { backedUp: true })).toBe('none');
    const stored = await world.deps.credentials.byId(credential.id);
    expect(stored).toMatchObject({ backupEligible: true, backedUp: true });
  });

  test('before a first proof no passkey of an account is named; after it, all of its own are', async () => {
    const account = await createPerson(world);
    const { credential } = await addPasskey(world, account);
    const begin = (accountId: string | null, credentialIds?: string[]) =>
      beginPasskey(world.deps, {
        owner: `tx:${world.deps.random.id()}`,
        accountId,
        userVerification: 'preferred',
        ...(credentialIds ? { credentialIds } : {}),
      });
    expect((await begin(null)).allowCredentials ?? []).toEqual([]);
    expect(await begin(account.id)).toMatchObject({
      allowCredentials: [{ id: credential.webauthnId, type: 'public-key', transports: ['usb', 'nfc'] }],
    });
    expect((await begin(account.id, ['another'])).allowCredentials).toEqual([]);
  });
});

describe.skipIf(noPostgres)('registering passkeys', () => {
  async function register(twist: Twist, at = ORIGIN) {
    const account = await createPerson(world);
    const owner = `tx:${world.deps.random.id()}`;
    const options = await registrationOptions(world.deps, owner, account);
    const json = createAuthenticator().register(options, at, twist);
    return verifyRegistration(world.deps, { owner, account, json });
  }

  test('asks for a discoverable key, by an opaque handle, and for none that is already registered', async () => {
    const account = await createPerson(world);
    const { credential } = await addPasskey(world, account);
    const options = await registrationOptions(world.deps, 'tx:x', account);
    expect(options).toMatchObject({
      rp: { id: 'id.example.test', name: 'Harbour' },
      user: { name: account.username, id: Buffer.from(account.id).toString('base64url') },
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      excludeCredentials: [{ id: credential.webauthnId, type: 'public-key' }],
      attestation: 'none',
    });
  });

  test('a sound registration verifies', async () => {
    expect(await register({})).toMatchObject({ userVerified: true });
  });

  test.each<[string, Twist]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another challenge', { challenge: 'AAAA' }],
    ['another relying party', { rpId: 'evil.example' }],
    ['an assertion', { type: 'webauthn.get' }],
    ['a frame of another site', { crossOrigin: true }],
    ['no presence', { userPresent: false }],
  ])('a registration with %s is refused', async (_, twist) => {
    expect(await register(twist)).toBeUndefined();
  });

  test('a registration begun for one account is refused for another', async () => {
    const [account, other] = [await createPerson(world), await createPerson(world)];
    const owner = `tx:${world.deps.random.id()}`;
    const json = createAuthenticator().register(
      await registrationOptions(world.deps, owner, account),
      ORIGIN,
    );
    expect(await verifyRegistration(world.deps, { owner, account: other, json })).toBeUndefined();
  });
});

describe.skipIf(noPostgres)('emailed codes', () => {
  test('a code confirms the address it was sent to, once', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    const code = (await mailedCode(world, context)) ?? '';
    expect(world.mails.at(-1)).toMatchObject({ to: account.email });
    expect(await useEmailCode(world, context, code)).toBe('none');
    expect(await useEmailCode(world, context, code)).toBe('code_expired');
  });

  test('the mail’s subject, which is shown on locked screens, does not give the code away', async () => {
    const context = await signIn(world, await createPerson(world));
    const code = (await mailedCode(world, context)) ?? '';
    expect(world.mails.at(-1)?.subject).not.toContain(code);
  });

  test('an emailed code is no kind of factor', async () => {
    const context = await signIn(world, await createPerson(world));
    await useEmailCode(world, context, (await mailedCode(world, context)) ?? '');
    const proofs = await world.deps.proofs.ofTransaction(context.transactionId, world.deps.clock.now());
    expect(proofs.at(-1)).toMatchObject({ method: 'email', kinds: [] });
  });

  test('a code has five tries, also when they come at once, and then is dead', async () => {
    const context = await signIn(world, await createPerson(world));
    const code = (await mailedCode(world, context)) ?? '';
    const wrong = code === '00000000' ? '11111111' : '00000000';
    const answers = await Promise.all(Array.from({ length: 20 }, () => useEmailCode(world, context, wrong)));
    expect(answers.filter((answer) => answer === 'wrong_code')).toHaveLength(5);
    expect(await useEmailCode(world, context, code)).toBe('code_expired');
  });

  test('a code expires, is replaced by the next, and belongs to one transaction', async () => {
    const account = await createPerson(world);
    const [one, other] = [await signIn(world, account), await signIn(world, account)];
    const first = (await mailedCode(world, one)) ?? '';
    const second = (await mailedCode(world, one)) ?? '';
    const elsewhere = (await mailedCode(world, other)) ?? '';
    expect(await useEmailCode(world, one, first)).toBe('wrong_code');
    expect(await useEmailCode(world, other, second)).toBe('wrong_code');
    world.pass(600);
    expect(await useEmailCode(world, other, elsewhere)).toBe('code_expired');
  });

  test('sending is limited for each account, and counted before anything is sent', async () => {
    const context = await signIn(world, await createPerson(world));
    const before = world.mails.length;
    const answers = await Promise.all(Array.from({ length: 12 }, () => codeOf(mailedCode(world, context))));
    expect(answers.filter((answer) => answer === 'too_many_attempts')).toHaveLength(7);
    expect(world.mails.length - before).toBe(5);
  });

  test('the answer is the same when there is no verified address, or no mail can be sent', async () => {
    const unverified = await signIn(world, await createPerson(world, { emailVerified: false }));
    const none = await signIn(world, await createPerson(world, { email: null }));
    expect(await codeOf(mailedCode(world, unverified))).toBe('none');
    expect(await codeOf(mailedCode(world, none))).toBe('none');
    const down = {
      ...world,
      deps: {
        ...world.deps,
        mailer: {
          send: async () => {
            throw new Error('connection refused');
          },
        },
      },
    };
    expect(await codeOf(mailedCode(down, await signIn(world, await createPerson(world))))).toBe('none');
  });

  test('a code is not readable in the database', async () => {
    const context = await signIn(world, await createPerson(world));
    const code = (await mailedCode(world, context)) ?? '';
    const { rows } = await world.database.db.query('SELECT * FROM "ceremony" WHERE "owner" = $1', [
      `tx:${context.transactionId}`,
    ]);
    const ceremony = await world.deps.ceremonies.peek(
      `tx:${context.transactionId}`,
      'email-code',
      world.deps.clock.now(),
    );
    expect(JSON.stringify(rows)).not.toContain(code);
    expect(ceremony?.secret).not.toContain(code);
  });
});

describe('new passwords', () => {
  const context = { minLength: 10, names: ['annabelle', 'annabelle@example.test'] };
  test.each([
    ['short', false],
    ['password1234', false],
    ['Password1234!', false],
    ['qwertyuiop', false],
    ['aaaaaaaaaaaa', false],
    ['Annabelle', false],
    ['annabelle2026!', false],
    ['annabelle@example.test', false],
    ['heron over the fen', true],
    ['ℌ𝔢𝔯𝔬𝔫 𝔬𝔫𝔢', false],
    ['x'.repeat(257), false],
    ['a9!kw03mzpq', true],
  ])('%s will do: %s', (password, strong) => {
    expect(isStrongEnough(password, context)).toBe(strong);
  });
});
