import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Proof } from '../../src/domain/proofs.ts';
import type { AttemptContext } from '../../src/services/attempt.ts';
import { type ChangeContext, enrolmentOffers, mayEnrol } from '../../src/services/change-gate.ts';
import { beginPasskeyEnrolment, finishPasskeyEnrolment } from '../../src/services/enrol-passkey.ts';
import { beginTotp, finishTotp } from '../../src/services/enrol-totp.ts';
import type { Account, Credential } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  changing,
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
  currentCode,
  mailedCode,
  useEmailCode,
  usePasskey,
  useTotp,
} from '../support/factors.ts';
import { type AuthenticatorOptions, createAuthenticator } from '../support/webauthn.ts';
import { createCa } from '../support/x509.ts';

describe.skipIf(noPostgres)('enrolling', () => {
  let world: FactorWorld;
  const maker = createCa('Test Keys Root');

  beforeAll(async () => {
    world = await createWorld({
      config: {
        throttle: { address: { attempts: 100_000, window: 900 } },
        factors: { passkey: { attestation: 'direct', trustedRoots: [maker.pem] } },
      },
    });
  });
  afterAll(() => world.database.drop());

  /** Password, then the code sent to the verified address. */
  async function confirmed(account: Account, about: Partial<AttemptContext> = {}): Promise<AttemptContext> {
    const context = await signIn(world, account, about);
    expect(await useEmailCode(world, context, (await mailedCode(world, context)) ?? '')).toBe('none');
    return context;
  }

  async function enrolTotp(context: ChangeContext, label = 'Phone'): Promise<Credential> {
    const { secret } = await beginTotp(world.deps, context);
    const code = currentCode(world, { seed: fromBase32(secret) });
    return finishTotp(world.deps, context, { code, label });
  }

  async function enrolPasskey(
    context: ChangeContext,
    options: AuthenticatorOptions = {},
  ): Promise<Credential> {
    const authenticator = createAuthenticator(options);
    const response = authenticator.register(await beginPasskeyEnrolment(world.deps, context), ORIGIN);
    return finishPasskeyEnrolment(world.deps, context, { response, label: 'Key' });
  }

  const proofsOf = (context: AttemptContext): Promise<Proof[]> =>
    world.deps.proofs.ofTransaction(context.transactionId, world.deps.clock.now());

  describe('rule 6: the first second factor', () => {
    test('is enrolled after the password and a code to the verified address, in one transaction', async () => {
      const account = await createPerson(world);
      const context = await confirmed(account);
      const credential = await enrolTotp(await changing(world, context));
      expect(credential).toMatchObject({
        method: 'totp',
        boundAt: 'urn:stile:acr:1fa',
        boundBy: 'email_code',
      });
    });

    test('needs the password in this transaction', async () => {
      const account = await createPerson(world);
      await signIn(world, account);
      const later = await openTransaction(world, { accountId: account.id, pinned: true });
      const context = await changing(world, later);
      expect(await mayEnrol(world.deps, context, 'passkey')).toMatchObject({ kind: 'stepUp' });
      expect(await codeOf(beginTotp(world.deps, context))).toBe('step_up_required');
      expect(await codeOf(beginPasskeyEnrolment(world.deps, context))).toBe('step_up_required');
    });

    test('needs the code to the address', async () => {
      const context = await changing(world, await signIn(world, await createPerson(world)));
      expect(await mayEnrol(world.deps, context, 'totp')).toMatchObject({
        kind: 'confirm',
        channel: 'email',
      });
      expect(await codeOf(beginTotp(world.deps, context))).toBe('step_up_required');
      expect(await codeOf(beginPasskeyEnrolment(world.deps, context))).toBe('step_up_required');
    });

    test.each([
      ['no address', { email: null }],
      ['an address that is not verified', { emailVerified: false }],
    ])('is confirmed by an administrator with %s', async (_, person) => {
      const account = await createPerson(world, person);
      const context = await changing(world, await signIn(world, account));
      expect(await mayEnrol(world.deps, context, 'totp')).toMatchObject({
        kind: 'confirm',
        channel: 'admin_code',
      });
      expect(enrolmentOffers(world.deps, context.facts)).not.toEqual([]);
      expect(await codeOf(beginTotp(world.deps, context))).toBe('step_up_required');
    });

    test('is not confirmed over the channel that set the first one', async () => {
      const account = await createPerson(world);
      await world.database.db.query(
        `UPDATE "credential" SET "bound_by" = 'email_code' WHERE "account_id" = $1`,
        [account.id],
      );
      const context = await changing(world, await confirmed(account));
      expect(await mayEnrol(world.deps, context, 'totp')).toMatchObject({
        kind: 'confirm',
        channel: 'admin_code',
      });
    });
  });

  describe('rule 6: a further factor', () => {
    test('beside a passkey needs the passkey, fresh within five minutes', async () => {
      const account = await createPerson(world);
      const { authenticator } = await addPasskey(world, account, { bound: { boundAt: 'phr' } });
      const context = await confirmed(account);
      expect(await codeOf(enrolPasskey(await changing(world, context)))).toBe('step_up_required');
      expect((await audited(world, 'credential_added')).at(-1)).toMatchObject({
        outcome: 'denied',
        account_id: account.id,
        data: { method: 'passkey', error: 'step_up_required' },
      });
      expect(await usePasskey(world, context, authenticator)).toBe('none');
      const credential = await enrolPasskey(await changing(world, context));
      expect(credential).toMatchObject({ boundAt: 'phr', boundBy: 'step_up' });
    });

    test('with a proof of the session that has grown older than five minutes is refused', async () => {
      const account = await createPerson(world);
      const { authenticator } = await addPasskey(world, account);
      const context = await signIn(world, account);
      expect(await usePasskey(world, context, authenticator)).toBe('none');
      const elsewhere = async () => ({
        ...(await changing(world, context)),
        transaction: { id: 'session:1', clientId: 'account' },
      });
      expect((await mayEnrol(world.deps, await elsewhere(), 'passkey')).kind).toBe('allowed');
      world.pass(301);
      expect((await mayEnrol(world.deps, await elsewhere(), 'passkey')).kind).toBe('stepUp');
    });

    test('a stolen session cannot launder itself: what a weakly bound passkey binds is bound as weakly', async () => {
      const account = await createPerson(world);
      const context = await confirmed(account);
      const authenticator = createAuthenticator();
      const begun = await changing(world, context);
      const response = authenticator.register(await beginPasskeyEnrolment(world.deps, begun), ORIGIN);
      const first = await finishPasskeyEnrolment(world.deps, begun, { response, label: 'First' });
      expect(first.boundAt).toBe('urn:stile:acr:1fa');
      expect(await usePasskey(world, context, authenticator)).toBe('none');
      const second = await enrolPasskey(await changing(world, context));
      expect(second.boundAt).toBe('urn:stile:acr:1fa');
    });

    test('a hardware key beside a hardware key needs that one: the gate looks at the key that was registered', async () => {
      const account = await createPerson(world);
      await addPasskey(world, account, { attestation: { ca: maker } });
      const plain = await addPasskey(world, account);
      const context = await signIn(world, account);
      expect(await usePasskey(world, context, plain.authenticator)).toBe('none');
      const now = await changing(world, context);
      expect(await codeOf(enrolPasskey(now, { attestation: { ca: maker } }))).toBe('step_up_required');
      expect(await codeOf(enrolPasskey(now))).toBe('none');
    });
  });

  describe('what an enrolment leaves behind', () => {
    test('possession was shown: the proof is staged with the credential', async () => {
      const context = await confirmed(await createPerson(world));
      const app = await enrolTotp(await changing(world, context));
      expect((await proofsOf(context)).at(-1)).toMatchObject({
        method: 'totp',
        credentialId: app.id,
        kinds: ['possession'],
      });
      const key = await enrolPasskey(await changing(world, context));
      expect((await proofsOf(context)).at(-1)).toMatchObject({
        method: 'passkey',
        credentialId: key.id,
        userVerified: true,
      });
    });

    test('on the account page nothing is staged that nothing would promote', async () => {
      const context = await confirmed(await createPerson(world));
      await enrolTotp({ ...(await changing(world, context)), staging: false });
      expect((await proofsOf(context)).map(({ method }) => method)).toEqual(['password', 'email']);
    });

    test('every address is notified', async () => {
      const account = await createPerson(world);
      await enrolTotp(await changing(world, await confirmed(account)), 'My phone');
      expect(world.mails.at(-1)).toMatchObject({
        to: account.email,
        text: expect.stringContaining('"My phone"'),
      });
    });

    test('a notice that cannot be sent undoes nothing', async () => {
      const account = await createPerson(world);
      const context = await changing(world, await confirmed(account));
      const { secret } = await beginTotp(world.deps, context);
      const mailer = {
        send: async () => {
          throw new Error('connection refused');
        },
      };
      const code = currentCode(world, { seed: fromBase32(secret) });
      await finishTotp({ ...world.deps, mailer }, context, { code, label: 'Phone' });
      expect(await world.deps.credentials.byAccount(account.id)).toHaveLength(2);
    });

    test('the audit says how it was bound', async () => {
      const account = await createPerson(world);
      await enrolTotp(await changing(world, await confirmed(account)));
      const events = await audited(world, 'credential_added');
      expect(events.filter((event) => event['account_id'] === account.id)).toEqual([
        expect.objectContaining({
          outcome: 'success',
          data: expect.objectContaining({
            method: 'totp',
            boundBy: 'email_code',
            boundAt: 'urn:stile:acr:1fa',
            decision: expect.objectContaining({ outcome: 'satisfied' }),
          }),
        }),
      ]);
    });

    test('an enrolment that fails half-way leaves nothing', async () => {
      const account = await createPerson(world);
      const context = await changing(world, await confirmed(account));
      const { secret } = await beginTotp(world.deps, context);
      const audit = {
        append: async () => {
          throw new Error('the disk is full');
        },
      };
      const input = { code: currentCode(world, { seed: fromBase32(secret) }), label: 'Phone' };
      await expect(finishTotp({ ...world.deps, audit }, context, input)).rejects.toThrow('the disk is full');
      expect(await world.deps.credentials.byAccount(account.id)).toHaveLength(1);
      expect(await codeOf(finishTotp(world.deps, context, input))).toBe('none');
    });
  });

  describe('an authenticator app', () => {
    test('keeps its seed over a reload', async () => {
      const context = await changing(world, await confirmed(await createPerson(world)));
      expect(await beginTotp(world.deps, context)).toEqual(await beginTotp(world.deps, context));
    });

    test('is added once, also when the form is sent ten times at once', async () => {
      const account = await createPerson(world);
      const context = await changing(world, await confirmed(account));
      const { secret } = await beginTotp(world.deps, context);
      const input = { code: currentCode(world, { seed: fromBase32(secret) }), label: 'Phone' };
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => codeOf(finishTotp(world.deps, context, input))),
      );
      expect(answers.filter((answer) => answer === 'none')).toHaveLength(1);
      expect(await world.deps.credentials.byAccount(account.id)).toHaveLength(2);
    });

    test('the code that enrolled it is used: it is not accepted again', async () => {
      const account = await createPerson(world);
      const context = await confirmed(account);
      const change = await changing(world, context);
      const { secret } = await beginTotp(world.deps, change);
      const code = currentCode(world, { seed: fromBase32(secret) });
      await finishTotp(world.deps, change, { code, label: 'Phone' });
      expect(await useTotp(world, await signIn(world, account), code)).toBe('wrong_code');
    });

    test('a wrong code is refused, and ten of them end the seed', async () => {
      const context = await changing(world, await confirmed(await createPerson(world)));
      const first = await beginTotp(world.deps, context);
      const current = currentCode(world, { seed: fromBase32(first.secret) });
      const wrong = { code: current === '000000' ? '111111' : '000000', label: 'Phone' };
      for (let tried = 0; tried < 10; tried += 1) {
        expect(await codeOf(finishTotp(world.deps, context, wrong))).toBe('wrong_code');
      }
      expect(await codeOf(finishTotp(world.deps, context, { code: current, label: 'Phone' }))).toBe(
        'code_expired',
      );
      expect((await beginTotp(world.deps, context)).secret).not.toBe(first.secret);
    });

    test('is finished only by the account and transaction that began it', async () => {
      const [one, other] = [await createPerson(world), await createPerson(world)];
      const begun = await changing(world, await confirmed(one));
      const { secret } = await beginTotp(world.deps, begun);
      const input = { code: currentCode(world, { seed: fromBase32(secret) }), label: 'Phone' };
      const elsewhere = await changing(world, await confirmed(one));
      const another = { ...(await changing(world, await confirmed(other))), owner: begun.owner };
      expect(await codeOf(finishTotp(world.deps, elsewhere, input))).toBe('code_expired');
      expect(await codeOf(finishTotp(world.deps, another, input))).toBe('code_expired');
    });

    test('the URI carries the organisation, the username and the seed', async () => {
      const account = await createPerson(world);
      const { uri, secret } = await beginTotp(world.deps, await changing(world, await confirmed(account)));
      expect(uri).toContain(`otpauth://totp/Harbour:${account.username}?secret=${secret}&`);
    });
  });

  describe('a passkey', () => {
    test('that is registered already is refused, whoever has it', async () => {
      const [account, other] = [await createPerson(world), await createPerson(world)];
      const context = await changing(world, await confirmed(account));
      const options = await beginPasskeyEnrolment(world.deps, context);
      const response = createAuthenticator().register(options, ORIGIN);
      const theirs = await addPasskey(world, other);
      await world.deps.credentials.add({
        ...theirs.credential,
        id: world.deps.random.id(),
        webauthnId: response.id,
      });
      const finish = finishPasskeyEnrolment(world.deps, context, { response, label: 'Key' });
      expect(await codeOf(finish)).toBe('passkey_registered');
    });

    test('registration is not repeated: its challenge is used once', async () => {
      const context = await changing(world, await confirmed(await createPerson(world)));
      const response = createAuthenticator().register(
        await beginPasskeyEnrolment(world.deps, context),
        ORIGIN,
      );
      const finish = () => codeOf(finishPasskeyEnrolment(world.deps, context, { response, label: 'Key' }));
      expect(await finish()).toBe('none');
      await beginPasskeyEnrolment(world.deps, context);
      expect(await finish()).toBe('passkey_failed');
    });

    test('is added once, also when the form is sent five times at once', async () => {
      const account = await createPerson(world);
      const context = await changing(world, await confirmed(account));
      const response = createAuthenticator().register(
        await beginPasskeyEnrolment(world.deps, context),
        ORIGIN,
      );
      const answers = await Promise.all(
        Array.from({ length: 5 }, () =>
          codeOf(finishPasskeyEnrolment(world.deps, context, { response, label: 'Key' })),
        ),
      );
      expect(answers.filter((answer) => answer === 'none')).toHaveLength(1);
      expect(await world.deps.credentials.byAccount(account.id)).toHaveLength(2);
    });

    test.each([[null], [{}], ['x'], [{ id: 'a', rawId: 'a', type: 'public-key', response: {} }]])(
      'what is no registration is refused: %j',
      async (response) => {
        const context = await changing(world, await confirmed(await createPerson(world)));
        await beginPasskeyEnrolment(world.deps, context);
        expect(await codeOf(finishPasskeyEnrolment(world.deps, context, { response, label: 'Key' }))).toBe(
          'passkey_failed',
        );
      },
    );

    test('in attested hardware it is offered beside the plain one', async () => {
      const context = await changing(world, await signIn(world, await createPerson(world)));
      expect(enrolmentOffers(world.deps, context.facts)).toEqual([
        { method: 'passkey', userVerifying: true, boundAt: 'urn:stile:acr:1fa' },
        { method: 'passkey', userVerifying: true, hardwareProtected: true, boundAt: 'urn:stile:acr:1fa' },
        { method: 'totp', boundAt: 'urn:stile:acr:1fa' },
      ]);
    });
  });

  test.each(['x'.repeat(61), 'a\u0000b', 'a\u202eb'])('the name %j is refused', async (label) => {
    const context = await changing(world, await confirmed(await createPerson(world)));
    await beginTotp(world.deps, context);
    expect(await codeOf(finishTotp(world.deps, context, { code: '000000', label }))).toBe('invalid_label');
  });

  test('a factor that is switched off is neither offered nor enrolled', async () => {
    const off = await createWorld({
      database: world.database,
      config: { factors: { totp: { enrolment: false }, passkey: { enrolment: false } } },
    });
    const context = await changing(world, await confirmed(await createPerson(world)));
    expect(enrolmentOffers(off.deps, context.facts)).toEqual([]);
    expect(await codeOf(beginTotp(off.deps, context))).toBe('enrolment_not_allowed');
    expect(await codeOf(beginPasskeyEnrolment(off.deps, context))).toBe('enrolment_not_allowed');
  });
});

function fromBase32(text: string): Uint8Array {
  const bits = [...text].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  );
  return Uint8Array.from(bits.join('').match(/.{8}/g) ?? [], (octet) => Number.parseInt(octet, 2));
}
