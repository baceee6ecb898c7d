/** Rules 6 and 10, and the choice of evidence: what counts, to the second. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import { undominated } from '../../src/domain/satisfy.ts';
import {
  acrOf,
  acrValues,
  credentials,
  FA,
  HERE,
  MFA,
  maxAge,
  outcomeOf,
  ownProof,
  PHR,
  proofBy,
  proofOf,
} from './support.ts';

const withPhr = (more: Partial<Level>): Level[] =>
  defaultLevels.map((level) => (level.acr === PHR ? { ...level, ...more } : level));

describe('clocks', () => {
  test.each([
    [1, 0, 1],
    [5, 4, 5],
    [9, 8, 9],
    [10, 9, 10],
    [30, 27, 28],
    [60, 54, 55],
    [99, 89, 90],
    [100, 90, 91],
    [101, 91, 92],
    [300, 290, 291],
    [3600, 3590, 3591],
    [999_999_999, 999_999_989, 999_999_990],
  ])(
    'rule 10: of max_age %i at least min(10 s, max_age/10) must be left: %i s old will do, %i s not',
    (limit, good, bad) => {
      const clauses = [acrValues(PHR), maxAge(limit)];
      expect(acrOf({ proofs: [proofBy('passkey', { age: good })], clauses })).toBe(PHR);
      expect(acrOf({ proofs: [proofBy('passkey', { age: bad })], clauses })).toBe('stepUp');
    },
  );

  test('rule 10: no margin on the maxAge of a level, which ends at that age, to the second', () => {
    const levels = withPhr({ maxAge: 600 });
    const aged = (age: number) => [proofBy('password', { age }), proofBy('key')];
    expect(acrOf({ levels, proofs: aged(599), clauses: [acrValues(PHR)] })).toBe(PHR);
    expect(acrOf({ levels, proofs: aged(600), clauses: [acrValues(PHR)] })).toBe('stepUp');
  });

  test('rule 10: the margin does not hold against a proof of this transaction', () => {
    expect(
      acrOf({ proofs: [ownProof('passkey', { age: 299 })], clauses: [acrValues(PHR), maxAge(300)] }),
    ).toBe(PHR);
  });
});

describe('binding', () => {
  const levels = withPhr({ requiresBinding: MFA });
  const bound = (boundAt: string | null) => ({ ...credentials.passkey, boundAt });
  const held = (boundAt: string | null, ladder = levels): string => {
    const credential = bound(boundAt);
    const account = { credentials: [credential] };
    return acrOf({ levels: ladder, proofs: [proofBy(credential)], clauses: [acrValues(PHR)], account });
  };

  test.each([
    [null, 'unmet'],
    ['urn:retired', 'unmet'],
    [FA, 'unmet'],
    [MFA, PHR],
    [PHR, PHR],
  ])(
    'rule 6: a level with requiresBinding counts credentials bound at it or above: %s',
    (boundAt, outcome) => {
      expect(held(boundAt)).toBe(outcome);
    },
  );

  test('rule 6: a passkey that a stolen session added does not reach a level that requires a better binding', () => {
    const [old, laundered] = [{ ...credentials.totp, boundAt: FA }, bound(FA)];
    const account = { credentials: [old, laundered] };
    const outcome = outcomeOf({ levels, account, proofs: [proofBy(laundered)], clauses: [acrValues(PHR)] });
    expect(outcome).toMatchObject({ kind: 'unmet' });
  });

  test('rule 6: binding is asked of anchors, not of the password beside them', () => {
    const key = { ...credentials.key, boundAt: MFA };
    const account = { credentials: [credentials.password, key] };
    const proofs = [proofBy('password'), proofBy(key)];
    expect(acrOf({ levels, proofs, clauses: [acrValues(PHR)], account })).toBe(PHR);
  });

  test('rule 6: the order says nothing about binding at an unordered level', () => {
    const [one, mfa, phr] = levels as [Level, Level, Level];
    const desk: Level = { ...one, acr: 'urn:desk', unordered: true };
    expect(held('urn:desk', [one, mfa, desk, phr])).toBe('unmet');
    expect(held('urn:desk', [one, mfa, desk, { ...phr, requiresBinding: 'urn:desk' }])).toBe(PHR);
  });

  test('rule 6: only a credential that is bound well enough is asked for', () => {
    const [weak, strong] = [bound(FA), { ...bound(PHR), id: 'c-strong' }];
    const outcome = outcomeOf({
      levels,
      account: { credentials: [weak, strong] },
      proofs: [proofBy(weak)],
      clauses: [acrValues(PHR)],
    });
    expect(outcome).toMatchObject({
      kind: 'stepUp',
      choices: [{ prove: [{ credentialIds: ['c-strong'] }] }],
    });
  });
});

describe('evidence', () => {
  test('a slot wants a credential of its own: one key touched twice is one piece of evidence', () => {
    const two = { slots: [{ kind: 'possession' } as const, { kind: 'possession' } as const] };
    const levels = [...defaultLevels, { ...defaultLevels[0], acr: 'two', alternatives: [two] } as Level];
    const clauses = [acrValues('two')];
    expect(acrOf({ levels, clauses, proofs: [proofBy('totp'), proofBy('totp')] })).not.toBe('two');
    expect(acrOf({ levels, clauses, proofs: [proofBy('totp'), proofBy('totp2')] })).toBe('two');
    const touches = [proofBy('passkey'), proofBy('passkey', { userVerified: false })];
    expect(acrOf({ levels, clauses, proofs: touches })).not.toBe('two');
    const same = proofBy('key');
    expect(acrOf({ levels, clauses, proofs: [same, same] })).not.toBe('two');
  });

  test('a proof listed twice is named once', () => {
    const same = proofBy('passkey', { id: 'p-1' });
    expect(outcomeOf({ proofs: [same, same] })).toMatchObject({ proofIds: ['p-1'] });
  });

  test('of a credential used thirty times only the latest use is looked at', () => {
    const uses = Array.from({ length: 30 }, (_, index) => proofBy('totp', { age: 1000 - index }));
    expect(undominated(uses, HERE.id)).toEqual(uses.slice(-1));
  });

  test('what another respect sets apart is kept: verification, this transaction, a later time under a lower id', () => {
    const verified = proofBy('passkey', { age: 60 });
    const presence = proofBy('passkey', { age: 30, userVerified: false });
    const own = ownProof('passkey', { age: 90 });
    expect(undominated([verified, presence, own], HERE.id)).toHaveLength(3);
    const late = proofOf('federated', { age: 10, id: 'p-1' });
    const early = proofOf('federated', { age: 50, id: 'p-2' });
    expect(undominated([late, early], HERE.id)).toHaveLength(2);
  });
});
