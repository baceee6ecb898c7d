import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createJudge } from '../../src/services/factors/judge.ts';
import type { PasskeyCredential } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import { createPerson, createWorld, type FactorWorld } from '../support/factor-world.ts';
import { addPasskey } from '../support/factors.ts';
import type { AuthenticatorOptions } from '../support/webauthn.ts';
import { createCa } from '../support/x509.ts';

describe.skipIf(noPostgres)('which keys are hardware-protected', () => {
  let world: FactorWorld;
  const maker = createCa('Test Keys Root');
  const batch = createCa('Test Keys Batch 1', maker);
  const stranger = createCa('Another Root');
  /** The same name and another key. */
  const impostor = createCa('Test Keys Root');

  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.database.drop());

  function judgeWith(trustedRoots: string[]) {
    const { settings } = world.deps;
    const passkey = { ...settings.factors.passkey, trustedRoots };
    return createJudge({ factors: { ...settings.factors, passkey } });
  }

  async function key(options: AuthenticatorOptions): Promise<PasskeyCredential> {
    return (await addPasskey(world, await createPerson(world), options)).credential;
  }

  test('a key whose attestation leads to a trusted root, directly or over an intermediate', async () => {
    const judge = judgeWith([maker.pem]);
    expect(judge(await key({ attestation: { ca: maker } })).hardwareProtected).toBe(true);
    const over = await key({ attestation: { ca: batch, chain: [batch] } });
    expect(judge(over)).toMatchObject({ hardwareProtected: true, synced: false, userVerifying: true });
  });

  test('the root itself at the end of the chain does no harm', async () => {
    const full = await key({ attestation: { ca: batch, chain: [batch, maker] } });
    expect(judgeWith([maker.pem])(full).hardwareProtected).toBe(true);
  });

  test('it is derived from today’s roots: trust a root no more, and its keys are plain again', async () => {
    const credential = await key({ attestation: { ca: maker } });
    expect(judgeWith([maker.pem])(credential).hardwareProtected).toBe(true);
    expect(judgeWith([stranger.pem])(credential).hardwareProtected).toBe(false);
    expect(judgeWith([])(credential).hardwareProtected).toBe(false);
    expect(judgeWith([stranger.pem, maker.pem])(credential).hardwareProtected).toBe(true);
  });

  test('a root of the same name and another key is not trusted', async () => {
    const credential = await key({ attestation: { ca: impostor } });
    expect(judgeWith([maker.pem])(credential).hardwareProtected).toBe(false);
    const over = await key({ attestation: { ca: batch, chain: [batch, impostor] } });
    expect(judgeWith([maker.pem])(over).hardwareProtected).toBe(false);
  });

  test('a missing link is a missing link', async () => {
    const credential = await key({ attestation: { ca: batch } });
    expect(judgeWith([maker.pem])(credential).hardwareProtected).toBe(false);
  });

  test('without attestation, or attested by itself alone, a key is plain', async () => {
    const judge = judgeWith([maker.pem]);
    expect(judge(await key({})).hardwareProtected).toBe(false);
    expect(judge(await key({ attestation: 'self' })).hardwareProtected).toBe(false);
  });

  test('a key that can be copied is never hardware-protected, whoever attests it', async () => {
    const credential = await key({ backupEligible: true, attestation: { ca: maker } });
    expect(judgeWith([maker.pem])(credential)).toMatchObject({ hardwareProtected: false, synced: true });
  });

  test('a certificate that had run out when the key was made proves nothing', async () => {
    const credential = await key({ attestation: { ca: maker } });
    const judge = judgeWith([maker.pem]);
    expect(judge({ ...credential, createdAt: Date.parse('2049-01-02') / 1000 }).hardwareProtected).toBe(
      false,
    );
    expect(judge({ ...credential, createdAt: Date.parse('2019-12-31') / 1000 }).hardwareProtected).toBe(
      false,
    );
  });

  test('a chain whose signature was not verified proves nothing', async () => {
    const credential = await key({ attestation: { ca: maker } });
    const unverified = {
      ...credential,
      attestation: { chain: credential.attestation?.chain ?? [], verified: false },
    };
    expect(judgeWith([maker.pem])(unverified).hardwareProtected).toBe(false);
  });

  test('passwords and apps are judged by nothing but what they are', async () => {
    const account = await createPerson(world);
    const [password] = await world.deps.credentials.byAccount(account.id);
    if (!password) throw new Error('the person has a password');
    expect(judgeWith([])(password)).toEqual({
      id: password.id,
      method: 'password',
      boundAt: 'urn:stile:acr:1fa',
    });
  });
});
