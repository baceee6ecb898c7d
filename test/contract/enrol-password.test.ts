/** A first password, added inside an interaction: rule 6 opens the gate, and then it counts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AttemptContext } from '../../src/services/attempt.ts';
import { enrolmentOffers, mayEnrol } from '../../src/services/change-gate.ts';
import { enrolPassword } from '../../src/services/enrol-password.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  changing,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  openTransaction,
  signIn,
} from '../support/factor-world.ts';
import { addPasskey, mailedCode, type TestPasskey, useEmailCode, usePasskey } from '../support/factors.ts';

const CHOSEN = 'a punt on the broad water';

describe.skipIf(noPostgres)('enrolling a password', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  interface KeyHolder {
    readonly account: Account;
    readonly key: TestPasskey;
    readonly context: AttemptContext;
  }

  /** Somebody without a password who has just used their only key. */
  async function keyHolder(userVerified: boolean, boundAt = 'urn:stile:acr:1fa'): Promise<KeyHolder> {
    const account = await createPerson(world, { password: null });
    const key = await addPasskey(world, account, { userVerified, bound: { boundAt } });
    const context = await openTransaction(world, { accountId: account.id });
    expect(await usePasskey(world, context, key.authenticator)).toBe('none');
    return { account, key, context };
  }

  /** The same, confirmed by the code sent to the verified address. */
  async function confirmed(): Promise<KeyHolder> {
    const holder = await keyHolder(false);
    const code = (await mailedCode(world, holder.context)) ?? '';
    expect(await useEmailCode(world, holder.context, code)).toBe('none');
    return holder;
  }

  const enrol = async (context: AttemptContext, typed = CHOSEN) =>
    enrolPassword(world.deps, await changing(world, context), typed);
  const passwordsOf = async ({ id }: Account) =>
    (await world.deps.credentials.byAccount(id)).filter(({ method }) => method === 'password');
  const offered = async (context: AttemptContext) =>
    enrolmentOffers(world.deps, (await changing(world, context)).facts).map(({ method }) => method);

  test('rule 6: beside a key that does not verify its user it is the first second factor, and is confirmed', async () => {
    const { account, context } = await keyHolder(false);
    expect(await offered(context)).toContain('password');
    expect((await changing(world, context)).facts.credentials).toHaveLength(1);
    expect(await codeOf(enrol(context))).toBe('step_up_required');
    expect((await audited(world, 'credential_added')).at(-1)).toMatchObject({
      outcome: 'denied',
      account_id: account.id,
      data: { method: 'password', error: 'step_up_required' },
    });
    expect(await passwordsOf(account)).toEqual([]);
    expect(await useEmailCode(world, context, (await mailedCode(world, context)) ?? '')).toBe('none');
    expect(await enrol(context)).toMatchObject({ boundAt: 'urn:stile:acr:1fa', boundBy: 'email_code' });
  });

  test('rule 6: and the key is to be proved in this transaction', async () => {
    const { account, context } = await confirmed();
    const later = await openTransaction(world, { accountId: account.id, pinned: true });
    expect((await mayEnrol(world.deps, await changing(world, later), 'password')).kind).toBe('stepUp');
    expect(await codeOf(enrol(later))).toBe('step_up_required');
    expect(await codeOf(enrol(context))).toBe('none');
  });

  test('rule 6: beside a passkey it needs that passkey within five minutes, and is bound no higher', async () => {
    const { context } = await keyHolder(true, 'urn:stile:acr:mfa');
    const change = await changing(world, context);
    const elsewhere = { ...change, transaction: { id: 'another', clientId: 'account' } };
    world.pass(301);
    expect(await codeOf(enrolPassword(world.deps, elsewhere, CHOSEN))).toBe('step_up_required');
    world.pass(-301);
    expect(await enrolPassword(world.deps, elsewhere, CHOSEN)).toMatchObject({
      boundAt: 'urn:stile:acr:mfa',
      boundBy: 'step_up',
    });
  });

  test('rule 6: an account with a password never gets a second one', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    await addPasskey(world, account);
    expect(await offered(context)).not.toContain('password');
    expect(await mayEnrol(world.deps, await changing(world, context), 'password')).toMatchObject({
      kind: 'refused',
    });
    expect(await codeOf(enrol(context))).toBe('enrolment_not_allowed');
    expect(await passwordsOf(account)).toHaveLength(1);
  });

  test('rule 6: forms sent at once from five tabs add one password', async () => {
    const { account, context } = await confirmed();
    const change = await changing(world, context);
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map((tab) => codeOf(enrolPassword(world.deps, change, `${CHOSEN} ${tab}`))),
    );
    expect(answers.filter((answer) => answer === 'none')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'enrolment_not_allowed')).toHaveLength(4);
    expect(await passwordsOf(account)).toHaveLength(1);
  });

  test('rule 6: then it counts: it was proved, it opens the account, every address is told, the audit says how', async () => {
    const { account, context } = await confirmed();
    const credential = await enrol(context);
    const proofs = await world.deps.proofs.ofTransaction(context.transactionId, world.deps.clock.now());
    expect(proofs.at(-1)).toMatchObject({
      method: 'password',
      credentialId: credential.id,
      kinds: ['knowledge'],
    });
    expect(world.mails.at(-1)).toMatchObject({
      to: account.email,
      text: expect.stringContaining('The password "Password" can now be used'),
    });
    expect((await audited(world, 'credential_added')).at(-1)).toMatchObject({
      outcome: 'success',
      account_id: account.id,
      data: { credential: credential.id, method: 'password', boundBy: 'email_code' },
    });
    expect(JSON.stringify([world.mails.at(-1), await audited(world, 'credential_added')])).not.toContain(
      CHOSEN,
    );
    if (credential.method !== 'password') throw new Error('not a password');
    expect(await world.deps.hasher.verify(credential.hash, CHOSEN)).toMatchObject({ ok: true });
  });

  test.each(['short', 'password123', 'aaaaaaaaaaaaaa'])(
    'the password %j is refused as on the account page, and nothing is added',
    async (typed) => {
      const { account, context } = await confirmed();
      expect(await codeOf(enrol(context, typed))).toBe('password_too_weak');
      expect(await passwordsOf(account)).toEqual([]);
    },
  );

  test('nor is the person’s own name a password', async () => {
    const { account, context } = await confirmed();
    expect(await codeOf(enrol(context, account.email ?? ''))).toBe('password_too_weak');
  });
});
