import { describe, expect, test } from 'vitest';
import { type ChangeFacts, mayAdd, mayRemove, offersOf } from '../../src/domain/enrolment.ts';
import { ACR_1FA, ACR_MFA, ACR_PHR, ACR_PHRH, defaultLevels } from '../../src/domain/ladder.ts';
import { type CredentialFacts, type Method, type Proof, proofShape } from '../../src/domain/proofs.ts';
import { bestLevel, lacksSecondFactor, levelOfFactor } from '../../src/domain/reach.ts';

const NOW = 1_800_000_000;

const password: CredentialFacts = { id: 'pwd', method: 'password', boundAt: ACR_1FA };
const totp: CredentialFacts = { id: 'app', method: 'totp', boundAt: ACR_1FA };
const passkey: CredentialFacts = { id: 'key', method: 'passkey', boundAt: ACR_PHR, userVerifying: true };
const bareKey: CredentialFacts = { ...passkey, id: 'bare', userVerifying: false };
const hardKey: CredentialFacts = { ...passkey, id: 'hard', hardwareProtected: true };

const newApp = { method: 'totp' } as const;
const newKey = { method: 'passkey', userVerifying: true } as const;
const newHardKey = { ...newKey, hardwareProtected: true } as const;

let made = 0;

/** A proof made `age` seconds ago, in this transaction (`tx`) or an earlier one. */
function proof(credential: CredentialFacts | Method, age = 0, transaction = 'tx'): Proof {
  made += 1;
  const named = typeof credential === 'object';
  const method = named ? credential.method : credential;
  return {
    ...proofShape(method, named && credential.userVerifying === true),
    id: `p${String(made).padStart(6, '0')}`,
    at: NOW - age,
    transaction,
    ...(named ? { credentialId: credential.id } : {}),
  };
}

function facts(
  credentials: readonly CredentialFacts[],
  proofs: readonly Proof[] = [],
  more: Partial<ChangeFacts> = {},
): ChangeFacts {
  return {
    credentials,
    proofs,
    levels: defaultLevels,
    transaction: { id: 'tx', clientId: 'bank' },
    now: NOW,
    confirmable: credentials.map(({ id }) => id),
    ...more,
  };
}

describe('what factors can come to', () => {
  test.each([
    [[], undefined],
    [[totp], undefined],
    [[password], ACR_1FA],
    [[bareKey], ACR_1FA],
    [[password, totp], ACR_MFA],
    [[passkey], ACR_PHR],
    [[password, bareKey], ACR_PHR],
    [[password, totp, hardKey], ACR_PHRH],
  ])('the best level of %j is %s', (credentials, acr) => {
    expect(bestLevel(defaultLevels, credentials)?.acr).toBe(acr);
  });

  test.each([
    [[password], newApp, ACR_MFA],
    [[password, passkey], newApp, ACR_MFA],
    [[passkey], newApp, undefined],
    [[password], newKey, ACR_PHR],
    [[password, totp, passkey], newKey, ACR_PHR],
    [[password, hardKey], newKey, ACR_PHR],
    [[password], newHardKey, ACR_PHRH],
  ])('beside %j a new %j adds %s', (credentials, factor, acr) => {
    const level = levelOfFactor(defaultLevels, credentials, factor);
    expect(level?.acr).toBe(acr);
  });

  test.each([
    [[password], true],
    [[bareKey], true],
    [[passkey], false],
    [[password, totp], false],
    [[password, bareKey], false],
  ])('%j lacks a second factor: %s', (credentials, lacks) => {
    expect(lacksSecondFactor(credentials)).toBe(lacks);
  });
});

describe('rule 6: adding needs the lower of the account’s best level and the new factor’s, fresh', () => {
  test('a second passkey beside a passkey needs phr: a password and a code are not enough', () => {
    const person = [password, totp, passkey];
    const gate = mayAdd(facts(person, [proof(password), proof(totp)]), newKey);
    expect(gate).toMatchObject({
      kind: 'stepUp',
      choices: [{ acr: ACR_PHR, prove: [{ method: 'passkey' }] }],
    });
    expect(mayAdd(facts(person, [proof(passkey)]), newKey).kind).toBe('allowed');
  });

  test('an app beside a passkey needs mfa, which a password and another app are', () => {
    const gate = mayAdd(facts([password, totp, passkey], [proof(password), proof(totp)]), newApp);
    expect(gate.kind).toBe('allowed');
  });

  test('a passkey beside a password and an app needs mfa, the best the account has', () => {
    const person = [password, totp];
    expect(mayAdd(facts(person, [proof(password)]), newKey).kind).toBe('stepUp');
    expect(mayAdd(facts(person, [proof(password), proof(totp)]), newKey).kind).toBe('allowed');
  });

  test('a plain passkey beside a hardware key needs phr, a hardware key phrh', () => {
    const person = [password, passkey, hardKey];
    expect(mayAdd(facts(person, [proof(passkey)]), newKey).kind).toBe('allowed');
    expect(mayAdd(facts(person, [proof(passkey)]), newHardKey)).toMatchObject({
      kind: 'stepUp',
      choices: [{ acr: ACR_PHRH, prove: [{ credentialIds: ['hard'] }] }],
    });
    expect(mayAdd(facts(person, [proof(hardKey)]), newHardKey).kind).toBe('allowed');
  });

  test.each([
    [0, 'allowed'],
    [290, 'allowed'],
    [301, 'stepUp'],
    [7200, 'stepUp'],
  ])('a passkey used %i seconds ago in an earlier transaction: %s', (age, kind) => {
    expect(mayAdd(facts([password, passkey], [proof(passkey, age, 'earlier')]), newKey).kind).toBe(kind);
  });

  test('a password typed now does not make an old passkey fresh', () => {
    const proofs = [proof(passkey, 7200, 'earlier'), proof(password)];
    expect(mayAdd(facts([password, passkey], proofs), newKey).kind).toBe('stepUp');
  });

  test('who has no factor to sign in with can add none', () => {
    expect(mayAdd(facts([], []), newKey).kind).toBe('refused');
    expect(mayAdd(facts([totp], [proof('email')]), newKey).kind).toBe('refused');
  });
});

describe('rule 6: the first second factor', () => {
  test('needs the first one proved in this transaction: a password typed a minute ago elsewhere is not enough', () => {
    const gate = mayAdd(facts([password], [proof(password, 60, 'earlier'), proof('email')]), newKey);
    expect(gate).toMatchObject({ kind: 'stepUp', choices: [{ prove: [{ method: 'password' }] }] });
  });

  test('needs confirmation by a code to the verified address', () => {
    expect(mayAdd(facts([password], [proof(password)]), newKey)).toEqual({
      kind: 'confirm',
      channel: 'email',
    });
    expect(mayAdd(facts([password], [proof(password), proof('email')]), newKey)).toEqual({
      kind: 'allowed',
      boundAt: ACR_1FA,
      boundBy: 'email_code',
    });
  });

  test('is not confirmed by a code given in an earlier transaction', () => {
    const gate = mayAdd(facts([password], [proof(password), proof('email', 60, 'earlier')]), newKey);
    expect(gate).toEqual({ kind: 'confirm', channel: 'email' });
  });

  test('is not opened by the code alone', () => {
    expect(mayAdd(facts([password], [proof('email')]), newKey).kind).toBe('stepUp');
  });

  test('is confirmed by an administrator where the address neither can nor may: a code sent there opens nothing', () => {
    const unreachable = { confirmable: [] };
    const wanted = { kind: 'confirm', channel: 'admin_code' };
    expect(mayAdd(facts([password], [proof(password)], unreachable), newKey)).toEqual(wanted);
    expect(mayAdd(facts([password], [proof(password), proof('email')], unreachable), newKey)).toEqual(wanted);
    const given = facts([password], [proof(password), proof('admin_code')], unreachable);
    expect(mayAdd(given, newKey)).toEqual({ kind: 'allowed', boundAt: ACR_1FA, boundBy: 'admin_code' });
  });

  test('is not confirmed by an administrator’s code where the address can', () => {
    const gate = mayAdd(facts([password], [proof(password), proof('admin_code')]), newKey);
    expect(gate).toEqual({ kind: 'confirm', channel: 'email' });
  });

  test('is not confirmed by an administrator’s code of an earlier transaction', () => {
    const given = [proof(password), proof('admin_code', 60, 'earlier')];
    const gate = mayAdd(facts([password], given, { confirmable: [] }), newKey);
    expect(gate).toEqual({ kind: 'confirm', channel: 'admin_code' });
  });

  test('is not opened by an administrator’s code alone', () => {
    const gate = mayAdd(facts([password], [proof('admin_code')], { confirmable: [] }), newKey);
    expect(gate.kind).toBe('stepUp');
  });

  test('with two keys the channel is the one for the key that was proved', () => {
    const other = { ...bareKey, id: 'other' };
    const keys = (proved: CredentialFacts) =>
      mayAdd(facts([bareKey, other], [proof(proved)], { confirmable: ['bare'] }), newKey);
    expect(keys(bareKey)).toEqual({ kind: 'confirm', channel: 'email' });
    expect(keys(other)).toEqual({ kind: 'confirm', channel: 'admin_code' });
  });

  test('is also what comes after a key that does not verify its user', () => {
    const gate = mayAdd(facts([bareKey], [proof(bareKey)]), newKey);
    expect(gate).toEqual({ kind: 'confirm', channel: 'email' });
  });
});

describe('rule 6: a credential keeps the lowest of the level proved and what proved it', () => {
  const weakKey: CredentialFacts = { ...passkey, id: 'weak', boundAt: ACR_1FA };

  test.each([
    ['a passkey bound at phr', [password, passkey], [passkey], ACR_PHR],
    ['a passkey bound at 1fa: nothing is laundered', [password, weakKey], [weakKey], ACR_1FA],
    [
      'a password and an app bound at mfa',
      [password, { ...totp, boundAt: ACR_MFA }],
      [password, { ...totp, boundAt: ACR_MFA }],
      ACR_MFA,
    ],
    ['a password and an app bound at 1fa', [password, totp], [password, totp], ACR_1FA],
    ['a passkey of which nothing is known', [password, { ...passkey, boundAt: null }], [passkey], null],
    [
      'a passkey bound at a level that is no more',
      [password, { ...passkey, boundAt: 'urn:gone' }],
      [passkey],
      null,
    ],
  ])('%s', (_, credentials, proved, boundAt) => {
    const gate = mayAdd(
      facts(
        credentials,
        proved.map((one) => proof(one)),
      ),
      newApp,
    );
    expect(gate).toEqual({ kind: 'allowed', boundAt, boundBy: 'step_up' });
  });

  test('two passkeys in a row: the second is bound no higher than the first', () => {
    const first = mayAdd(facts([password], [proof(password), proof('email')]), newKey);
    if (first.kind !== 'allowed') throw new Error('the first one may be added');
    const added: CredentialFacts = { ...passkey, id: 'first', boundAt: first.boundAt };
    const second = mayAdd(facts([password, added], [proof(added)]), newKey);
    expect(second).toMatchObject({ kind: 'allowed', boundAt: ACR_1FA });
  });
});

describe('rule 6: removing needs the account’s best level, fresh', () => {
  test.each<[string, readonly Proof[], string]>([
    ['a password', [proof(password)], 'stepUp'],
    ['a password and a code', [proof(password), proof(totp)], 'stepUp'],
    ['the passkey', [proof(passkey)], 'allowed'],
    ['the passkey six minutes ago', [proof(passkey, 360, 'earlier')], 'stepUp'],
  ])('with %s proved: %s', (_, proofs, kind) => {
    expect(mayRemove(facts([password, totp, passkey], proofs)).kind).toBe(kind);
  });
});

describe('rule 6: what an emailed code opens was set through the address', () => {
  const old = proof(password, 7200, 'earlier');

  test('a password that is changed on a code alone says so, and is bound at nothing', () => {
    expect(mayRemove(facts([password], [old, proof('email')]))).toEqual({
      kind: 'allowed',
      boundAt: null,
      boundBy: 'email_code',
    });
  });

  test('a code beside the fresh password takes nothing from it', () => {
    expect(mayRemove(facts([password], [proof(password), proof('email')]))).toEqual({
      kind: 'allowed',
      boundAt: ACR_1FA,
      boundBy: 'step_up',
    });
  });

  test('a code opens nothing above the weakest level', () => {
    expect(mayRemove(facts([password, totp], [old, proof('email')])).kind).toBe('stepUp');
  });
});

describe('offers', () => {
  test('say what a factor would be bound at', () => {
    expect(offersOf(facts([password]), [newKey, newApp])).toEqual([
      { ...newKey, boundAt: ACR_1FA },
      { ...newApp, boundAt: ACR_1FA },
    ]);
    expect(offersOf(facts([password, passkey]), [newApp])).toEqual([{ ...newApp, boundAt: ACR_PHR }]);
  });

  test('are made where only an administrator can confirm', () => {
    expect(offersOf(facts([password], [], { confirmable: [] }), [newKey])).toHaveLength(1);
  });

  test('are empty where nothing could open the gate', () => {
    expect(offersOf(facts([]), [newKey])).toEqual([]);
  });
});
