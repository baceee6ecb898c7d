/** Levels that pause when nobody uses them. */
import { describe, expect, test } from 'vitest';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import { activity } from '../../src/domain/satisfy.ts';
import {
  acrOf,
  acrValues,
  asked,
  credentials,
  HERE,
  HOUR,
  MFA,
  NOW,
  outcomeOf,
  ownProof,
  PHR,
  proofBy,
} from './support.ts';

const withPhr = (more: Partial<Level>): Level[] =>
  defaultLevels.map((level) => (level.acr === PHR ? { ...level, ...more } : level));

describe('idle', () => {
  const levels = withPhr({ idle: { after: 900, resumeWith: ['password', 'passkey'] } });
  const clauses = [acrValues(PHR)];
  const active = (ago: number) => ({ transaction: { lastActive: { [PHR]: NOW - ago } } });
  const proofs = [proofBy('passkey', { age: HOUR })];

  test('idle: a level pauses after its idle seconds and not before', () => {
    expect(acrOf({ levels, proofs, clauses, ...active(900) })).toBe(PHR);
    expect(acrOf({ levels, proofs, clauses, ...active(901) })).toBe('stepUp');
    expect(acrOf({ levels, proofs, clauses })).toBe(PHR);
    expect(acrOf({ levels, proofs, ...active(901) })).toBe(MFA);
  });

  test('idle: one of the methods resumes it, and the older proofs count again', () => {
    const resumed = [...proofs, proofBy('password', { age: 60 })];
    expect(acrOf({ levels, proofs: resumed, clauses, ...active(2 * HOUR) })).toBe(PHR);
    const other = [...proofs, proofBy('totp', { age: 60 })];
    expect(acrOf({ levels, proofs: other, clauses, ...active(2 * HOUR) })).toBe('stepUp');
    expect(asked(outcomeOf({ levels, proofs, clauses, ...active(901) }))).toContain('password');
  });

  test('idle: what was proved in this transaction resumes it, however slowly one types', () => {
    const slow = [...proofs, ownProof('password', { age: 1200 })];
    expect(acrOf({ levels, proofs: slow, clauses, ...active(2 * HOUR) })).toBe(PHR);
  });

  test('idle: a proof by a removed credential does not resume it', () => {
    const account = { credentials: [credentials.passkey] };
    const resumed = [...proofs, proofBy('password', { age: 60 })];
    expect(acrOf({ levels, proofs: resumed, clauses, account, ...active(2 * HOUR) })).toBe('stepUp');
  });

  test('idle: use is remembered for levels that are not paused, so that a weaker one does not resume them', () => {
    const pool = (ago: number) => ({
      proofs,
      now: NOW,
      transaction: { ...HERE, ...active(ago).transaction },
    });
    expect(activity(levels, pool(900))).toEqual({ [PHR]: NOW });
    expect(activity(levels, pool(901))).toEqual({});
    expect(activity(defaultLevels, pool(0))).toEqual({});
  });

  test('idle: a level named like a property every object has is as never used as any', () => {
    const odd = levels.map((level) => (level.acr === PHR ? { ...level, acr: 'constructor' } : level));
    const given = {
      levels: odd,
      proofs,
      clauses: [acrValues('constructor')],
      transaction: { lastActive: {} },
    };
    expect(acrOf(given)).toBe('constructor');
  });
});
