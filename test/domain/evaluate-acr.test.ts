/** Rule 1: which acr a token carries. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import type { Clause } from '../../src/domain/requirement.ts';
import {
  acrOf,
  acrValues,
  credentials,
  essential,
  FA,
  HOUR,
  having,
  MFA,
  maxAge,
  outcomeOf,
  PHR,
  PHRH,
  proofBy,
  proofOf,
  scope,
  voluntary,
} from './support.ts';

const strong = [proofBy('password'), proofBy('hardware')];

describe('the value reported', () => {
  test.each<[string, Clause[], string]>([
    ['the first value of several', [essential(MFA, PHR)], MFA],
    ['in request order, not by strength', [essential(FA, PHRH)], FA],
    ['skipping what is not held', [essential('urn:unknown', MFA)], MFA],
    ['before acr_values', [acrValues(PHR), essential(MFA)], MFA],
  ])('rule 1: acr is the first met value of the essential claim: %s', (_, clauses, acr) => {
    expect(acrOf({ proofs: strong, clauses })).toBe(acr);
  });

  test.each<[string, string[], string]>([
    ['the only one', [MFA], MFA],
    ['the first of two', [MFA, PHRH], MFA],
    ['the weaker one when it comes first', [FA, PHRH], FA],
    ['the strongest when it comes first', [PHRH, FA], PHRH],
    ['after unknown ones', ['nope', 'never', PHR], PHR],
  ])('rule 1: without an essential claim acr is the first met value of acr_values: %s', (_, values, acr) => {
    expect(acrOf({ proofs: strong, clauses: [acrValues(...values)] })).toBe(acr);
  });

  test('rule 1: a value listed first and not held gives way to a later one that is', () => {
    expect(acrOf({ proofs: [proofBy('password')], clauses: [acrValues(PHRH, PHR, FA)] })).toBe(FA);
  });

  test.each([
    [[proofBy('password')], FA],
    [[proofOf('email')], FA],
    [[proofOf('federated')], FA],
    [[proofBy('key')], FA],
    [[proofBy('password'), proofBy('totp')], MFA],
    [[proofOf('federated'), proofBy('totp')], MFA],
    [[proofBy('password'), proofBy('key')], PHR],
    [[proofBy('passkey')], PHR],
    [[proofBy('password'), proofBy('hardwareKey')], PHRH],
    [[proofBy('hardware')], PHRH],
  ])('rule 1: with nothing requested acr is the strongest level held (%#)', (proofs, acr) => {
    expect(acrOf({ proofs })).toBe(acr);
  });

  test('rule 1: a scope names what must hold, not what is reported', () => {
    expect(acrOf({ proofs: strong, clauses: [scope('pay', { acr: [MFA] })] })).toBe(PHRH);
  });

  test('rule 1: a voluntary acr claim never changes what is reported and never fails', () => {
    expect(acrOf({ proofs: [proofBy('password')], clauses: [voluntary(PHR)] })).toBe(FA);
    expect(acrOf({ proofs: strong, clauses: [voluntary(FA)] })).toBe(PHRH);
    expect(acrOf({ proofs: strong, clauses: [voluntary('urn:unknown')] })).toBe(PHRH);
  });

  test('rule 1: the strongest level is one that no other held level includes, wherever it is declared', () => {
    const [one, mfa] = defaultLevels as [Level, Level];
    const desk: Level = { ...one, acr: 'urn:desk', unordered: true };
    expect(acrOf({ proofs: strong, levels: [...defaultLevels, desk] })).toBe(PHRH);
    expect(acrOf({ proofs: [proofBy('password')], levels: [one, mfa, desk] })).toBe('urn:desk');
  });
});

describe('evidence', () => {
  test.each([
    [[proofBy('totp')], FA],
    [[proofBy('password')], MFA],
    [[proofOf('email'), proofBy('password')], MFA],
    [[proofOf('email'), proofBy('totp')], MFA],
    [[proofBy('totp'), proofBy('key')], MFA],
    [[proofOf('recovery'), proofBy('password')], PHR],
    [[proofOf('federated'), proofBy('password')], MFA],
    [[proofBy('key')], MFA],
    [[proofBy('password'), proofBy('totp')], PHR],
    [[proofBy('key')], PHR],
    [[proofOf('federated'), proofBy('key')], PHR],
    [[proofBy('passkey')], PHRH],
    [[proofBy('password'), proofBy('key')], PHRH],
    [[proofBy('hardwareKey')], PHRH],
  ])('rule 1: never a level whose proofs are missing (%#)', (proofs, acr) => {
    expect(acrOf({ proofs, clauses: [acrValues(acr)] })).not.toBe(acr);
  });

  test.each([
    [FA, [proofBy('password', { age: HOUR })]],
    [MFA, [proofBy('password'), proofBy('totp', { age: HOUR })]],
    [MFA, [proofOf('federated', { age: HOUR }), proofBy('totp')]],
    [PHR, [proofBy('password'), proofBy('key', { age: HOUR })]],
    [PHR, [proofBy('passkey', { age: HOUR })]],
    [PHRH, [proofBy('hardware', { age: HOUR }), proofBy('passkey')]],
  ])('rule 1: never a level whose proofs are too old: %s (%#)', (acr, proofs) => {
    expect(acrOf({ proofs, clauses: [acrValues(acr)] })).toBe(acr);
    expect(acrOf({ proofs, clauses: [acrValues(acr), maxAge(HOUR - 1)] })).not.toBe(acr);
  });

  test('rule 1: hardware is judged by the credential as it stands now, not as it stood when proved', () => {
    const account = (more: object) => ({
      account: { credentials: [{ ...credentials.hardware, ...more }] },
      proofs: [proofBy('hardware')],
    });
    expect(acrOf(account({}))).toBe(PHRH);
    expect(acrOf(account({ hardwareProtected: false }))).toBe(PHR);
    expect(acrOf(account({ synced: true }))).toBe(PHR);
  });

  test('rule 4: a proof by a credential that was removed or is no longer trusted counts for nothing', () => {
    const proofs = [proofBy('password'), proofBy('passkey')];
    expect(acrOf({ proofs })).toBe(PHR);
    expect(acrOf({ proofs, ...having('password', 'totp') })).toBe(FA);
    expect(acrOf({ proofs, ...having('totp') })).toBe('unmet');
    expect(acrOf({ proofs, stranger: true })).toBe('stepUp');
  });

  test('rule 1: the record names the proofs the token rests on, and no others', () => {
    const password = proofBy('password', { id: 'p-1' });
    const totp = proofBy('totp', { id: 'p-2' });
    const passkey = proofBy('passkey', { id: 'p-3', age: HOUR });
    const outcome = outcomeOf({ proofs: [passkey, totp, password], clauses: [acrValues(MFA)] });
    expect(outcome).toMatchObject({ proofIds: ['p-1', 'p-2'], amr: ['mfa', 'otp', 'pwd'] });
  });
});
