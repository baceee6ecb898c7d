/** Rule 3: values nobody knows, and people nobody knows yet. */
import { describe, expect, test } from 'vitest';
import type { EnrolmentOffer } from '../../src/domain/evaluate.ts';
import { acrValuesSupported, defaultLevels } from '../../src/domain/ladder.ts';
import {
  acrOf,
  acrValues,
  asked,
  chosenAcr,
  FA,
  having,
  MFA,
  outcomeOf,
  PHR,
  proofBy,
  proofOf,
  scope,
} from './support.ts';

const newPasskey: EnrolmentOffer = { method: 'passkey', boundAt: FA, userVerifying: true };

describe('unknown values', () => {
  test('rule 3: unknown values are alternatives that cannot be met', () => {
    const proofs = [proofBy('password')];
    expect(acrOf({ proofs, clauses: [acrValues('nope', FA)] })).toBe(FA);
    expect(acrOf({ proofs, clauses: [acrValues('nope', MFA)] })).toBe('stepUp');
    expect(acrOf({ proofs: [proofBy('hardware')], clauses: [acrValues('nope')] })).toBe('unmet');
    expect(
      acrOf({ proofs: [proofBy('hardware')], clauses: [acrValues(FA), scope('x', { acr: ['nope'] })] }),
    ).toBe('unmet');
  });

  test.each(['__proto__', 'constructor', 'toString', ''])(
    'rule 3: the value "%s" is as unknown as any',
    (value) => {
      expect(acrOf({ proofs: [proofBy('hardware')], clauses: [acrValues(value)] })).toBe('unmet');
      expect(acrOf({ proofs: [proofBy('hardware')], clauses: [acrValues(value, FA)] })).toBe(FA);
    },
  );

  test('rule 3: only unknown values get the same answer from everyone, before a first proof as after it', () => {
    expect(acrOf({ stranger: true, clauses: [acrValues('nope')] })).toBe('unmet');
    expect(acrOf({ proofs: [proofBy('password')], clauses: [acrValues('nope')] })).toBe('unmet');
  });

  test('rule 3: every supported value in one request falls back to what this person can do', () => {
    const clauses = [acrValues(...acrValuesSupported(defaultLevels).toReversed())];
    expect(acrOf({ proofs: [proofBy('password')], clauses, ...having('password') })).toBe(FA);
    expect(chosenAcr({ proofs: [proofOf('recovery')], clauses, ...having('password', 'totp') })).toEqual([
      MFA,
    ]);
  });

  test('rule 3: a thousand unknown values end like one', () => {
    const many = Array.from({ length: 1000 }, (_, index) => `urn:nope:${index}`);
    const proofs = [proofBy('password')];
    expect(acrOf({ proofs, clauses: [acrValues(...many)] })).toBe('unmet');
    expect(acrOf({ proofs, clauses: [acrValues(...many, PHR, ...many)] })).toBe('stepUp');
    expect(acrOf({ proofs, clauses: [acrValues(...many, FA)] })).toBe(FA);
  });

  test('rule 3: clauses with many alternatives end as quickly as few', () => {
    const any = acrValuesSupported(defaultLevels).toReversed();
    const demands = Array.from({ length: 40 }, (_, index) => scope(`s${index}`, { acr: any }));
    const given = { proofs: [proofBy('password')], clauses: [acrValues(PHR), ...demands] };
    expect(chosenAcr(given)).toEqual([PHR]);
  });
});

describe('before a first proof', () => {
  const clauses = [acrValues(PHR)];

  test('rule 3: everybody is offered the same first factors', () => {
    const outcome = outcomeOf({ stranger: true, clauses });
    expect(outcome).toMatchObject({ kind: 'stepUp' });
    expect(asked(outcome)).toEqual(['passkey', 'password']);
    expect(JSON.stringify(outcome)).not.toContain('c-');
  });

  test('rule 3: enrolment is consulted only after a first proof', () => {
    expect(outcomeOf({ stranger: true, clauses })).toMatchObject({ kind: 'stepUp' });
    const account = { ...having('password').account, enrollable: [newPasskey] };
    expect(outcomeOf({ proofs: [proofBy('password')], clauses, account })).toMatchObject({ kind: 'enrol' });
  });
});
