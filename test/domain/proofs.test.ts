/** What a success is evidence of, and how it is named in amr. */
import { expect, test } from 'vitest';
import { amrOf, type CredentialFacts, type Method, proofShape } from '../../src/domain/proofs.ts';
import { credentials, proofBy, proofOf } from './support.ts';

const all: readonly CredentialFacts[] = Object.values(credentials);

test.each<[Method, boolean, string[]]>([
  ['password', false, ['knowledge']],
  ['totp', false, ['possession']],
  ['passkey', false, ['possession']],
  ['passkey', true, ['possession', 'verification']],
  ['federated', false, ['external']],
  ['email', false, []],
  ['recovery', false, []],
])('proofs: %s (user verified: %s) is evidence of %j', (method, verified, kinds) => {
  expect(proofShape(method, verified).kinds).toEqual(kinds);
});

test('proofs: only passkeys resist phishing or verify a user', () => {
  for (const method of ['password', 'totp', 'federated', 'email', 'recovery'] as const) {
    const shape = proofShape(method, true);
    expect(shape).toMatchObject({ phishingResistant: false, userVerified: false });
    expect(shape.kinds).not.toContain('verification');
  }
  expect(proofShape('passkey', true)).toMatchObject({ phishingResistant: true, userVerified: true });
  expect(proofShape('passkey')).toMatchObject({ phishingResistant: true, userVerified: false });
});

test.each([
  [[proofBy('password')], ['pwd']],
  [[proofBy('totp')], ['otp']],
  [[proofBy('key')], ['pop', 'user']],
  [[proofBy('passkey')], ['mfa', 'pop', 'user']],
  [[proofBy('hardware')], ['hwk', 'mfa', 'user']],
  [[proofOf('email')], ['urn:stile:amr:email']],
  [[proofOf('recovery')], ['urn:stile:amr:recovery']],
  [[proofOf('federated')], ['urn:stile:amr:federated']],
  [
    [proofBy('password'), proofBy('totp')],
    ['mfa', 'otp', 'pwd'],
  ],
  [
    [proofBy('password'), proofBy('key')],
    ['mfa', 'pop', 'pwd', 'user'],
  ],
  [
    [proofBy('totp'), proofBy('key')],
    ['otp', 'pop', 'user'],
  ],
  [
    [proofBy('password'), proofOf('email')],
    ['pwd', 'urn:stile:amr:email'],
  ],
  [
    [proofOf('federated'), proofBy('totp')],
    ['mfa', 'otp', 'urn:stile:amr:federated'],
  ],
  [
    [proofOf('federated'), proofBy('password')],
    ['pwd', 'urn:stile:amr:federated'],
  ],
])('amr: what was proved, in registered values where there are any (%#)', (proofs, amr) => {
  expect(amrOf(proofs, all)).toEqual(amr);
  expect(amrOf(proofs.toReversed(), all)).toEqual(amr);
});

test('amr: hwk only while trusted attestation proves hardware that is never synced', () => {
  const proof = proofBy('hardware');
  const amrWith = (more: Partial<CredentialFacts>) => amrOf([proof], [{ ...credentials.hardware, ...more }]);
  expect(amrWith({})).toContain('hwk');
  expect(amrWith({ hardwareProtected: false })).toEqual(['mfa', 'pop', 'user']);
  expect(amrWith({ synced: true })).toEqual(['mfa', 'pop', 'user']);
  expect(amrOf([proof])).toEqual(['mfa', 'pop', 'user']);
});

test('amr: user verification claims neither a PIN nor a finger, and no code a registered value it has not', () => {
  const values = amrOf([...all.map((each) => proofBy(each)), proofOf('email'), proofOf('recovery')], all);
  for (const wrong of ['pin', 'fpt', 'swk', 'sms', 'kba', 'mca', 'sc']) expect(values).not.toContain(wrong);
});
