/** Rule 2: which proofs carry auth_time. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import {
  acrOf,
  acrValues,
  FA,
  HERE,
  HOUR,
  MFA,
  MINUTE,
  maxAge,
  outcomeOf,
  PHR,
  promptLogin,
  proofBy,
  proofOf,
  scope,
  token,
} from './support.ts';

const withMfa = (more: Partial<Level>): Level[] =>
  defaultLevels.map((level) => (level.acr === MFA ? { ...level, ...more } : level));

describe('anchors', () => {
  test.each([
    ['a password at 1fa', FA, [proofBy('password', { age: 70 })], 70],
    [
      'the one-time code, not the password',
      MFA,
      [proofBy('password', { age: 900 }), proofBy('totp', { age: 70 })],
      70,
    ],
    [
      'the one-time code, not the fresher password',
      MFA,
      [proofBy('password'), proofBy('totp', { age: 70 })],
      70,
    ],
    ['the passkey, not the password', PHR, [proofBy('password'), proofBy('key', { age: 70 })], 70],
    [
      'the older of an upstream word and a code',
      MFA,
      [proofOf('federated', { age: 90 }), proofBy('totp')],
      90,
    ],
    [
      'the older of a code and an upstream word',
      MFA,
      [proofOf('federated'), proofBy('totp', { age: 95 })],
      95,
    ],
  ])('rule 2: auth_time is the oldest anchor of the satisfying set: %s', (_, acr, proofs, ago) => {
    expect(token(outcomeOf({ proofs, clauses: [acrValues(acr)] }))).toEqual({ acr, ago });
  });

  test('rule 2: a password typed a minute ago never makes a two-hour-old passkey look fresh', () => {
    for (const old of ['passkey', 'key'] as const) {
      const proofs = [proofBy('password', { age: MINUTE }), proofBy(old, { age: 2 * HOUR })];
      expect(token(outcomeOf({ proofs, clauses: [acrValues(PHR)] }))).toEqual({ acr: PHR, ago: 2 * HOUR });
      expect(acrOf({ proofs, clauses: [acrValues(PHR), maxAge(300)] })).toBe('stepUp');
    }
  });

  test('rule 2: evidence for another demand counts for auth_time too, since amr names it', () => {
    const proofs = [proofBy('password', { age: MINUTE }), proofBy('key', { age: 2 * HOUR })];
    const clauses = [acrValues(FA), scope('pay', { acr: [PHR] })];
    expect(outcomeOf({ proofs, clauses })).toMatchObject({ acr: FA, amr: ['mfa', 'pop', 'pwd', 'user'] });
    expect(token(outcomeOf({ proofs, clauses }))).toEqual({ acr: FA, ago: 2 * HOUR });
  });

  test('rule 2: a demand that the reported set meets anyway adds no other proof to it', () => {
    const proofs = [proofBy('passkey', { age: HOUR }), proofBy('password'), proofBy('totp')];
    const clauses = [acrValues(PHR), scope('read', { acr: [MFA] }), scope('openid', { acr: [FA] })];
    expect(outcomeOf({ proofs, clauses })).toMatchObject({ amr: ['mfa', 'pop', 'user'] });
    expect(token(outcomeOf({ proofs, clauses }))).toEqual({ acr: PHR, ago: HOUR });
  });

  test('rule 2: freshness "all" makes every proof an anchor', () => {
    const levels = withMfa({ freshness: 'all' });
    const proofs = [proofBy('password', { age: 900 }), proofBy('totp', { age: 70 })];
    expect(token(outcomeOf({ levels, proofs }))).toEqual({ acr: MFA, ago: 900 });
    expect(acrOf({ levels, proofs, clauses: [acrValues(MFA), maxAge(300)] })).toBe('stepUp');
  });

  test('rule 2: a slot may be marked an anchor, or not one', () => {
    const slots = [
      { kind: 'knowledge', anchor: true } as const,
      { kind: 'possession', anchor: false } as const,
    ];
    const levels = withMfa({ alternatives: [{ slots }] });
    const proofs = [proofBy('password', { age: 70 }), proofBy('totp', { age: 900 })];
    expect(token(outcomeOf({ levels, proofs, clauses: [acrValues(MFA)] }))).toEqual({ acr: MFA, ago: 70 });
  });

  test('rule 2: an upstream sign-in without an auth_time is never fresh', () => {
    const proofs = [proofOf('federated', { age: null })];
    expect(token(outcomeOf({ proofs }))).toMatchObject({ acr: FA });
    expect(acrOf({ proofs, clauses: [maxAge(999_999_999)] })).toBe('stepUp');
    const own = [proofOf('federated', { age: null, transaction: HERE.id })];
    expect(acrOf({ proofs: own, clauses: [maxAge(999_999_999)] })).toBe('stepUp');
    expect(acrOf({ proofs: own, clauses: [promptLogin] })).toBe('stepUp');
  });
});

describe('the best set', () => {
  test('rule 2: among satisfying sets the latest auth_time wins, even with more proofs', () => {
    const proofs = [
      proofBy('passkey', { age: 90 }),
      proofBy('password', { age: 900 }),
      proofBy('totp', { age: 60 }),
    ];
    const outcome = outcomeOf({ proofs, clauses: [acrValues(MFA)] });
    expect(token(outcome)).toEqual({ acr: MFA, ago: 60 });
    expect(outcome).toMatchObject({ amr: ['mfa', 'otp', 'pwd'] });
  });

  test('rule 2: at equal auth_time the fewest proofs win', () => {
    const proofs = [proofBy('passkey', { age: 60, id: 'p-1' }), proofBy('password', { age: 60, id: 'p-2' })];
    expect(outcomeOf({ proofs, clauses: [acrValues(PHR)] })).toMatchObject({ proofIds: ['p-1'] });
  });

  test('rule 2: at equal auth_time and number the highest proof id wins', () => {
    const two = [proofBy('totp', { age: 60, id: 'p-2' }), proofBy('totp2', { age: 60, id: 'p-3' })];
    const proofs = [proofBy('password', { id: 'p-1' }), ...two];
    expect(outcomeOf({ proofs })).toMatchObject({ proofIds: ['p-1', 'p-3'] });
    expect(outcomeOf({ proofs: proofs.toReversed() })).toMatchObject({ proofIds: ['p-1', 'p-3'] });
  });
});
