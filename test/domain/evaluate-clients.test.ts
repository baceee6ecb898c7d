/** Rule 1: which client a proof serves, and by which name a level is reported. */
import { describe, expect, test } from 'vitest';
import { defaultLevels } from '../../src/domain/ladder.ts';
import {
  acrOf,
  acrValues,
  essential,
  HOUR,
  MFA,
  outcomeOf,
  ownProof,
  PHR,
  PHRH,
  proofBy,
  scope,
  token,
} from './support.ts';

describe('clients', () => {
  const shop = { transaction: { clientId: 'shop' } };
  const bank = { transaction: { clientId: 'bank' } };

  test('rule 1: proofs given at sign-in serve the whole session, whichever client asks', () => {
    const proofs = [proofBy('hardware')];
    expect(acrOf({ proofs, ...bank })).toBe(PHRH);
    expect(acrOf({ proofs, ...shop })).toBe(PHRH);
  });

  test.each([PHR, PHRH])(
    'rule 1: proofs added by a step-up serve %s only for the client that asked',
    (acr) => {
      const proofs = [proofBy('password'), proofBy('hardware', { forClient: 'bank' })];
      expect(acrOf({ proofs, clauses: [acrValues(acr)], ...bank })).toBe(acr);
      expect(acrOf({ proofs, clauses: [acrValues(acr)], ...shop })).toBe('stepUp');
    },
  );

  test('rule 1: no other client rides on a step-up, not even with its own proof beside it', () => {
    const elsewhere = [proofBy('password', { forClient: 'shop' }), proofBy('key', { forClient: 'bank' })];
    expect(acrOf({ proofs: elsewhere, clauses: [acrValues(PHR)], ...shop })).toBe('stepUp');
    expect(acrOf({ proofs: elsewhere, clauses: [acrValues(PHR)], ...bank })).toBe('stepUp');
    expect(acrOf({ proofs: elsewhere, ...shop })).toBe(MFA);
  });

  test('rule 1: a level that is not perClient counts a step-up for every client', () => {
    const proofs = [proofBy('password'), proofBy('totp', { forClient: 'bank' })];
    expect(acrOf({ proofs, clauses: [acrValues(MFA)], ...shop })).toBe(MFA);
  });

  test('rule 1: the strongest level held passes over one that another client stepped up to', () => {
    const proofs = [proofBy('password', { age: HOUR }), proofBy('passkey', { forClient: 'bank' })];
    expect(token(outcomeOf({ proofs, ...shop }))).toEqual({ acr: MFA, ago: 0 });
  });

  test('rule 1: what is proved in this transaction serves the client that asks in it', () => {
    const proofs = [proofBy('password'), ownProof('key', { forClient: 'bank' })];
    expect(acrOf({ proofs, clauses: [acrValues(PHR)], ...bank })).toBe(PHR);
  });
});

describe('aliases', () => {
  const levels = defaultLevels.map((level) =>
    level.acr === MFA ? { ...level, aliases: ['loa2', 'silver'] } : level,
  );
  const proofs = [proofBy('password'), proofBy('totp')];

  test('rule 1: an alias is echoed as requested', () => {
    expect(acrOf({ levels, proofs, clauses: [acrValues('silver')] })).toBe('silver');
    expect(acrOf({ levels, proofs, clauses: [essential('loa2', MFA)] })).toBe('loa2');
    expect(acrOf({ levels, proofs, clauses: [acrValues(PHR, MFA, 'loa2')] })).toBe(MFA);
  });

  test('rule 1: an alias nobody requested is not reported', () => {
    expect(acrOf({ levels, proofs, clauses: [scope('pay', { acr: ['loa2'] })] })).toBe(MFA);
    expect(acrOf({ levels, proofs })).toBe(MFA);
  });
});
