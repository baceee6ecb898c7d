/** Rule 2: what max_age and prompt=login limit. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import {
  acrOf,
  acrValues,
  asked,
  credentials,
  FA,
  HOUR,
  MFA,
  MINUTE,
  maxAge,
  outcomeOf,
  ownProof,
  PHR,
  PHRH,
  promptLogin,
  proofBy,
  scope,
  token,
} from './support.ts';

const withMfa = (more: Partial<Level>): Level[] =>
  defaultLevels.map((level) => (level.acr === MFA ? { ...level, ...more } : level));

describe('limits', () => {
  test('rule 2: max_age limits anchors only', () => {
    const proofs = [proofBy('password', { age: 24 * HOUR }), proofBy('totp', { age: MINUTE })];
    expect(acrOf({ proofs, clauses: [acrValues(MFA), maxAge(300)] })).toBe(MFA);
  });

  test("rule 2: the level's maxAge limits the other proofs, up to the second before that age", () => {
    const levels = withMfa({ maxAge: HOUR });
    const clauses = [acrValues(MFA)];
    const aged = (password: number, totp: number) => [
      proofBy('password', { age: password }),
      proofBy('totp', { age: totp }),
    ];
    expect(acrOf({ levels, clauses, proofs: aged(HOUR - 1, 0) })).toBe(MFA);
    expect(acrOf({ levels, clauses, proofs: aged(HOUR, 0) })).toBe('stepUp');
    const lasting = withMfa({ maxAge: HOUR, tokensFor: 48 * HOUR });
    expect(acrOf({ levels: lasting, clauses, proofs: aged(0, 24 * HOUR) })).toBe(MFA);
  });

  test('rule 8: elevation ends by age: a level whose tokens have ended is not held', () => {
    const held = (more: Partial<Level>, age: number) =>
      acrOf({ levels: withMfa(more), clauses: [acrValues(MFA)], proofs: [proofBy('passkey', { age })] });
    expect(held({ tokensFor: HOUR }, HOUR - 1)).toBe(MFA);
    expect(held({ tokensFor: HOUR }, HOUR)).toBe('stepUp');
    expect(held({ maxAge: HOUR }, HOUR - 1)).toBe(MFA);
    expect(held({ maxAge: HOUR }, HOUR)).toBe('stepUp');
    expect(held({ maxAge: HOUR, tokensFor: 2 * HOUR }, HOUR + 1)).toBe(MFA);
  });

  test('rule 4: tokensFor 0 refuses renewal, and leaves the level its age', () => {
    const levels = withMfa({ tokensFor: 0 });
    const proofs = [proofBy('passkey', { age: 24 * HOUR })];
    expect(acrOf({ levels, clauses: [acrValues(MFA)], proofs })).toBe(MFA);
  });

  test('rule 2: the smallest maxAge of all clauses counts', () => {
    const proofs = [proofBy('passkey', { age: 300 })];
    const clauses = [acrValues(PHR), maxAge(900), scope('read', { acr: [FA], maxAge: 600 })];
    expect(acrOf({ proofs, clauses })).toBe(PHR);
    expect(acrOf({ proofs, clauses: [...clauses, scope('pay', { acr: [FA], maxAge: 250 })] })).toBe('stepUp');
  });

  test.each([
    ['prompt=login', promptLogin],
    ['max_age=0', { source: 'max_age', maxAge: 0, reason: 'reason.recent' } as const],
  ])('rule 2: %s counts only proofs of this transaction', (_, clause) => {
    const clauses = [acrValues(MFA), clause];
    const before = [proofBy('password'), proofBy('totp')];
    expect(acrOf({ proofs: before, clauses })).toBe('stepUp');
    expect(acrOf({ proofs: [...before, ownProof('totp')], clauses })).toBe('stepUp');
    expect(acrOf({ proofs: [ownProof('password'), ownProof('totp')], clauses })).toBe(MFA);
  });

  test('rule 2: a proof made in this transaction is fresh in it, however slowly one types', () => {
    const slow = [ownProof('password', { age: 1500 }), ownProof('totp', { age: 1200 })];
    const clauses = [acrValues(MFA), maxAge(60)];
    expect(token(outcomeOf({ proofs: slow, clauses }))).toEqual({ acr: MFA, ago: 1200 });
    const levels = withMfa({ maxAge: 60 });
    expect(acrOf({ levels, proofs: slow, clauses })).toBe(MFA);
    const elsewhere = slow.map((proof) => ({ ...proof, transaction: 'tx-other' }));
    expect(acrOf({ proofs: elsewhere, clauses })).toBe('stepUp');
  });

  test('rule 2: nobody is asked for one method twice in a transaction', () => {
    const slow = [ownProof('password', { age: 1500 })];
    expect(asked(outcomeOf({ proofs: slow, clauses: [acrValues(MFA), promptLogin] }))).not.toContain(
      'password+totp',
    );
    expect(asked(outcomeOf({ proofs: slow, clauses: [acrValues(MFA), promptLogin] }))).toContain('totp');
  });

  test('rule 2: a passkey may be asked for again for the user verification it did not give', () => {
    const account = { credentials: [credentials.passkey] };
    const quick = [ownProof('passkey', { userVerified: false })];
    expect(asked(outcomeOf({ account, proofs: quick, clauses: [acrValues(PHR)] }))).toEqual(['passkey!']);
    const key = { credentials: [credentials.key] };
    expect(acrOf({ account: key, proofs: [ownProof('key')], clauses: [acrValues(PHR)] })).toBe('unmet');
  });
});

describe('max_age without an acr', () => {
  const lastAcr = { transaction: { lastAcr: PHR } };
  const proofs = [proofBy('password', { age: MINUTE }), proofBy('passkey', { age: HOUR })];

  test('rule 2: it is evaluated at the acr last issued to this client in this session', () => {
    expect(acrOf({ proofs, clauses: [maxAge(300)] })).toBe(FA);
    expect(acrOf({ proofs, clauses: [maxAge(300)], ...lastAcr })).toBe('stepUp');
    expect(asked(outcomeOf({ proofs, clauses: [maxAge(300)], ...lastAcr }))).toEqual([
      'passkey',
      'passkey!',
      'passkey!',
      'passkey',
    ]);
    expect(acrOf({ proofs, clauses: [maxAge(2 * HOUR)], ...lastAcr })).toBe(PHR);
  });

  test('rule 2: a weaker demand of a scope does not let it fall below that', () => {
    const clauses = [maxAge(300), scope('read', { acr: [FA] })];
    expect(acrOf({ proofs, clauses, ...lastAcr })).toBe('stepUp');
    expect(acrOf({ proofs, clauses })).toBe(FA);
  });

  test('rule 2: a requested acr is evaluated as requested', () => {
    expect(acrOf({ proofs, clauses: [maxAge(300), acrValues(FA)], ...lastAcr })).toBe(FA);
  });

  test('rule 2: a limit that a scope puts beside its own acr is no such max_age', () => {
    const clauses = [scope('read', { acr: [FA], maxAge: 300 })];
    expect(acrOf({ proofs, clauses, ...lastAcr })).toBe(FA);
  });

  test('rule 2: without a max_age the last acr means nothing', () => {
    const gone = { transaction: { lastAcr: PHRH } };
    expect(acrOf({ proofs, ...gone })).toBe(PHR);
    expect(acrOf({ proofs, clauses: [maxAge(300)], transaction: { lastAcr: 'urn:retired' } })).toBe(FA);
  });
});
