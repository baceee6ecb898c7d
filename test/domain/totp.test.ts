import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchStep, sameText, stepAt, totpUri } from '../../src/domain/totp.ts';
import { codeAt, seedText } from '../../src/services/factors/totp.ts';

/** RFC 6238 appendix B, SHA-1, the last six digits. */
const seed = Buffer.from('12345678901234567890');
const vectors = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const;

describe('RFC 6238', () => {
  test.each(vectors)('at %i the code is %s', (now, code) => {
    expect(codeAt(seed, stepAt(now))).toBe(code);
    expect(matchStep({ code, now, window: 0, after: null }, (step) => codeAt(seed, step))).toBe(stepAt(now));
  });
});

describe('the step that a code belongs to', () => {
  /** Every step has a code of its own. */
  const codes = (step: number) => String(step).padStart(6, '0');
  const now = 30_000;
  const current = stepAt(now);
  const find = (step: number, window: number, after: number | null = null) =>
    matchStep({ code: codes(step), now, window, after }, codes);

  test.each([
    [0, 0, true],
    [0, 1, false],
    [0, -1, false],
    [1, 1, true],
    [1, -1, true],
    [1, 2, false],
    [1, -2, false],
    [2, 2, true],
    [2, -2, true],
    [2, 3, false],
  ])('with a window of %i a code %i steps away is accepted: %s', (window, away, accepted) => {
    expect(find(current + away, window)).toBe(accepted ? current + away : undefined);
  });

  test('a step is accepted once: neither it nor an earlier one is found again', () => {
    fc.assert(
      fc.property(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -3, max: 3 }), (away, last) => {
        const found = find(current + away, 2, current + last);
        expect(found).toBe(away > last ? current + away : undefined);
      }),
    );
  });

  test('a last step ahead of the clock, which was set back, is no error', () => {
    expect(find(current, 1, current + 1000)).toBeUndefined();
  });

  test('anything but the code itself is refused', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (typed) => {
        fc.pre(typed !== codes(current));
        expect(matchStep({ code: typed, now, window: 0, after: null }, codes)).toBeUndefined();
      }),
    );
  });
});

test('texts are the same exactly when they are equal', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      expect(sameText(a, b)).toBe(a === b);
      expect(sameText(a, a)).toBe(true);
    }),
  );
});

describe('what an authenticator app is given', () => {
  test('a seed is shown in base32 without padding', () => {
    expect(seedText(seed)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  });

  test('the otpauth URI names organisation and person, and hides no blank or colon', () => {
    const uri = new URL(totpUri({ issuer: 'Harbour: Bank & Co', account: 'ada+1@x.test', secret: 'ABC' }));
    expect(uri.protocol).toBe('otpauth:');
    expect(decodeURIComponent(uri.pathname)).toMatch(/\/Harbour Bank & Co:ada\+1@x\.test$/);
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      secret: 'ABC',
      issuer: 'Harbour: Bank & Co',
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(uri.search).not.toContain('+');
  });
});
