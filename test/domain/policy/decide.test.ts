import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate, type Outcome } from '../../../src/domain/evaluate.ts';
import { decidePolicy } from '../../../src/domain/policy/decide.ts';
import type { Policy } from '../../../src/domain/policy/policy.ts';
import { atTime, type completeFacts, prepareFacts } from '../../../src/domain/policy/prepared-facts.ts';
import { anyCase, asSituation, type Case } from '../arbitraries.ts';
import { situation } from '../support.ts';
import { anyFacts, anyRule, anyRules, facts, failing, policy, rule } from './support.ts';

test('all rules that match merge: clauses named after their rules, a denial, and whom to tell', () => {
  const given = policy(
    rule('large', 'request.amount > 1000', { effect: { kind: 'require', acr: ['phr'], maxAge: 300 } }),
    rule('now', 'request.amount > 2000', { effect: { kind: 'require', maxAge: 0 } }),
    rule('never', 'request.amount > 5000', { effect: { kind: 'deny' } }),
    rule('tell', 'request.amount > 1', { effect: { kind: 'notify' } }),
    rule('other', 'client.id == "other"'),
  );
  expect(decidePolicy(given, facts({ request: { amount: 9000 } }))).toEqual({
    clauses: [
      { source: 'policy', name: 'large', acr: ['phr'], maxAge: 300, reason: 'because of large' },
      { source: 'policy', name: 'now', reauthenticate: true, reason: 'because of now' },
    ],
    deny: { source: 'policy', reason: 'because of never' },
    notify: [{ rule: 'tell', mode: 'enforce', effect: 'notify' }],
    matched: [
      { rule: 'large', mode: 'enforce', effect: 'require' },
      { rule: 'now', mode: 'enforce', effect: 'require' },
      { rule: 'never', mode: 'enforce', effect: 'deny' },
      { rule: 'tell', mode: 'enforce', effect: 'notify' },
    ],
  });
});

test('what fails, matches, and says so', () => {
  const given = policy(
    rule('asks', 'true', { matches: failing }),
    rule('denies', 'true', { matches: failing, effect: { kind: 'deny' } }),
  );
  const decision = decidePolicy(given, facts());
  expect(decision.clauses).toHaveLength(1);
  expect(decision.deny).toEqual({ source: 'policy', reason: 'because of denies' });
  expect(decision.matched.map(({ error }) => error)).toEqual(['it failed', 'it failed']);
});

test('on facts that are too large every rule matches, indexed or not', () => {
  const given = policy(rule('indexed', 'client.id == "other"'), rule('plain', 'request.amount > 5'));
  const large = { ...facts(), request: { ...facts().request, scopes: Array(300).fill('x') } };
  expect(decidePolicy(given, large).matched.map(({ rule: name }) => name)).toEqual(['indexed', 'plain']);
});

test('facts at another time are the same but for that, and too large where they were', () => {
  const time = { hour: 3, weekday: 6, date: '2026-01-03' };
  expect({ ...atTime(facts(), time) }).toEqual({ ...prepareFacts({ ...facts(), time }) });
  const given = policy(rule('night', 'time.hour < 5'), rule('indexed', 'client.id == "other"'));
  const large = { ...facts(), request: { ...facts().request, scopes: Array(300).fill('x') } };
  const names = ({ matched }: ReturnType<typeof decidePolicy>) => matched.map(({ rule: name }) => name);
  expect(names(decidePolicy(given, atTime(facts(), time)))).toEqual(['night']);
  expect(names(decidePolicy(given, atTime(prepareFacts(large), time)))).toEqual(['night', 'indexed']);
});

test('observe rules are named among the matches and nowhere else', () => {
  const given = policy(
    rule('a', 'true', { mode: 'observe' }),
    rule('b', 'true', { mode: 'observe', effect: { kind: 'deny' } }),
    rule('c', 'true', { mode: 'observe', effect: { kind: 'notify' } }),
  );
  expect(decidePolicy(given, facts())).toEqual({
    clauses: [],
    notify: [],
    matched: ['a', 'b', 'c'].map((name) => expect.objectContaining({ rule: name, mode: 'observe' })),
  });
});

describe('for any policy, facts, proofs and requirement', () => {
  const anyPolicy = anyRules.map((rules) => policy(...rules));

  test('adding a rule never makes the decision more permissive', () => {
    fc.assert(
      fc.property(anyPolicy, anyRule, anyFacts, anyCase, (given, added, about, whole) => {
        const more = policy(...given.rules, { ...added, name: 'added' });
        const [before, after] = [outcome(given, about, whole), outcome(more, about, whole)];
        const kept = decidePolicy(given, about).clauses;
        expect(decidePolicy(more, about).clauses).toEqual(expect.arrayContaining([...kept]));
        expect(permits(after)).toBeLessThanOrEqual(permits(before));
        if (before.kind === 'satisfied' && after.kind === 'satisfied')
          expect(after.dropped).toEqual(expect.arrayContaining([...before.dropped]));
      }),
      { numRuns: 400 },
    );
  });

  test('the order of rules says nothing', () => {
    const shuffled = anyRules.chain((rules) =>
      fc.tuple(fc.constant(rules), fc.shuffledSubarray(rules, { minLength: rules.length })),
    );
    fc.assert(
      fc.property(shuffled, anyFacts, anyCase, ([rules, others], about, whole) => {
        expect(outcome(policy(...others), about, whole)).toEqual(outcome(policy(...rules), about, whole));
      }),
      { numRuns: 200 },
    );
  });

  test('observed rules change nothing', () => {
    fc.assert(
      fc.property(anyPolicy, anyRule, anyFacts, anyCase, (given, added, about, whole) => {
        const more = policy(...given.rules, { ...added, name: 'added', mode: 'observe' });
        expect(outcome(more, about, whole)).toEqual(outcome(given, about, whole));
      }),
      { numRuns: 200 },
    );
  });
});

function outcome(given: Policy, about: ReturnType<typeof completeFacts>, whole: Case): Outcome {
  const { clauses, deny } = decidePolicy(given, about);
  const input = situation(asSituation(whole));
  const all = [...input.requirement.clauses, ...clauses];
  return evaluate({ ...input, requirement: { clauses: all, ...(deny ? { deny } : {}) } });
}

/** How much an outcome lets through. */
function permits({ kind }: Outcome): number {
  return ['denied', 'unmet', 'enrol', 'stepUp', 'satisfied'].indexOf(kind);
}
