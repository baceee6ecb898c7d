import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keptForm, wholeForm } from '../../src/domain/decision-form.ts';
import { completeFacts } from '../../src/domain/policy/prepared-facts.ts';
import { anyDecision, decision } from './backtest/support.ts';

/** As JSON keeps it. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a decision as it is kept', () => {
  test('comes back whole, whatever it says', () => {
    fc.assert(
      fc.property(anyDecision, (its) => {
        const back = wholeForm(stored(keptForm(its)));
        expect({ ...back, facts: completeFacts(back?.facts) }).toEqual({
          ...its,
          facts: completeFacts(its.facts),
        });
      }),
    );
  });

  test('leaves out what is at rest, and says what it is about and when', () => {
    const { facts, ...rest } = keptForm(
      decision({ facts: { network: { address: '203.0.113.0', private: false }, risk: { known: false } } }),
    ) as { facts: object };
    expect(facts).toEqual({
      request: { event: 'authorization' },
      client: { id: 'bank' },
      account: { id: 'ada', username: 'ada' },
      network: { address: '203.0.113.0' },
      time: { hour: 0, weekday: 1, date: '1970-01-01' },
    });
    expect(rest).toMatchObject({ v: 1, policy: { version: 'old' } });
    expect(Object.keys(rest)).not.toContain('evidence');
  });

  test('what was kept whole is read as well', () => {
    const its = decision({ facts: { request: { amount: 250 } } });
    expect(wholeForm(stored(its))).toMatchObject(stored(its) as object);
  });

  test.each([
    ['of another form', { v: 2 }],
    ['no facts', { facts: null }],
    ['no policy', { policy: 'none' }],
    ['no transaction', { transaction: 7 }],
    ['no time', { now: 'now' }],
    ['proofs that are no list', { proofs: {} }],
    ['factors that are no list', { credentials: 'password' }],
    ['clauses that are no list', { clauses: {} }],
    ['evidence that is no list', { evidence: 'none' }],
    ['matches that are no list', { policy: { matched: {} } }],
    ['added clauses that are no list', { policy: { clauses: 1 } }],
  ])('is nothing that can be replayed with %s', (_, odd) => {
    expect(wholeForm({ ...keptForm(decision()), ...odd })).toBeUndefined();
    expect(wholeForm(keptForm(decision()))).toBeDefined();
  });
});
