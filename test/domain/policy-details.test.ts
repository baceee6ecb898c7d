import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detailFacts, largestAmount } from '../../src/domain/policy/details.ts';

const ABOVE_ALL = Number.MAX_VALUE;
const amountOf = (detail: unknown) => largestAmount(detailFacts([detail]));

describe('amounts in authorization_details', () => {
  test.each([
    [{ type: 'transfer' }, 0],
    [{ amount: 12.5 }, 12.5],
    [{ amount: '1000.01' }, 1000.01],
    [{ amount: '-5' }, 5],
    [{ instructedAmount: { currency: 'EUR', amount: '123.50' } }, 123.5],
    [{ amount: { value: '7', currency: 'EUR' } }, 7],
    [{ instructedAmount: '50000' }, 50_000],
  ])('%j is %d', (detail, expected) => {
    expect(amountOf(detail)).toBe(expected);
  });

  test.each([
    [{ amount: '50000', instructedAmount: { amount: '1' } }],
    [{ amount: { amount: '1', value: '50000' } }],
    [{ amount: { amount: '50000', value: '1' } }],
    [{ amount: '1', instructedAmount: { value: 50_000 } }],
  ])('of several places the largest counts: %j', (detail) => {
    expect(amountOf(detail)).toBe(50_000);
  });

  test.each([
    [{ amount: '50000', instructedAmount: {} }],
    [{ amount: '50000', instructedAmount: [] }],
    [{ amount: [{ amount: '50000' }] }],
    [{ amount: null }],
    [{ amount: 'a lot' }],
    [{ amount: '1e9' }],
    [{ amount: true }],
    ['transfer'],
    [null],
    [[{ amount: 1 }]],
  ])('what cannot be read is above every threshold: %j', (detail) => {
    expect(amountOf(detail)).toBe(ABOVE_ALL);
  });

  test('adding a member never makes an amount smaller', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (amount, instructedAmount) => {
        expect(amountOf({ amount, instructedAmount })).toBeGreaterThanOrEqual(amountOf({ amount }));
        expect(amountOf({ amount, instructedAmount })).toBeGreaterThanOrEqual(amountOf({ instructedAmount }));
      }),
    );
  });

  test('nothing throws, and every fact is of its kind', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (details) => {
        for (const { amount, type, currency } of detailFacts(details)) {
          expect(Number.isNaN(amount)).toBe(false);
          expect([typeof type, typeof currency]).toEqual(['string', 'string']);
        }
      }),
    );
  });
});
