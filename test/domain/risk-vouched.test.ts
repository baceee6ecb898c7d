import { describe, expect, test } from 'vitest';
import { proofShape } from '../../src/domain/proofs.ts';
import { type Completion, isVouched } from '../../src/domain/risk/vouched.ts';

describe('what vouches for a sign-in', () => {
  const password = { ...proofShape('password'), transaction: 'now' };
  const app = { ...proofShape('totp'), transaction: 'now' };
  const vouched = (changes: Partial<Completion>): boolean =>
    isVouched({
      proofs: [password],
      transaction: 'now',
      known: false,
      methods: ['password', 'totp'],
      ...changes,
    });

  test('something that the person has, used in it', () => {
    expect(vouched({})).toBe(false);
    expect(vouched({ proofs: [password, app] })).toBe(true);
    expect(vouched({ proofs: [{ ...proofShape('passkey'), transaction: 'now' }] })).toBe(true);
    expect(vouched({ proofs: [{ ...proofShape('email'), transaction: 'now' }] })).toBe(false);
  });

  test('what the session had before this transaction vouches for nothing', () => {
    expect(vouched({ proofs: [password, { ...app, transaction: 'before' }] })).toBe(false);
  });

  test('a browser that is known vouches, and so does having nothing more', () => {
    expect(vouched({ known: true })).toBe(true);
    expect(vouched({ methods: ['password'] })).toBe(true);
    expect(vouched({ methods: ['password', 'passkey'] })).toBe(false);
  });
});
