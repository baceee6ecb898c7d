import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decidePolicy, decideUnindexed } from '../../../src/domain/policy/decide.ts';
import { mayMatch } from '../../../src/domain/policy/rule-index.ts';
import { anyCondition, anyFacts, anyRules, condition, policy } from './support.ts';

describe('needs read from a condition', () => {
  test.each([
    ['request.event == "refresh" && request.amount > 1', { events: ['refresh'] }],
    ['request.amount > 1 && "pay" in request.scopes', { scopes: ['pay'] }],
    ['client.id in ["a", "b"] || client.id == "c"', { clients: ['a', 'b', 'c'] }],
    ['"a" == client.id', { clients: ['a'] }],
    ['request.scopes.exists(s, s == "x" || s in ["y"])', { scopes: ['x', 'y'] }],
    ['request.resources.exists(r, r == "api" && risk.newDevice)', { resources: ['api'] }],
    ['request.details.exists(d, d.amount > 5 && d.type == "pay")', { detailTypes: ['pay'] }],
    ['"a" in request.scopes && request.event in ["refresh"]', { scopes: ['a'], events: ['refresh'] }],
  ])('%s', (text, needs) => {
    expect(condition(text).needs).toMatchObject(needs);
    expect(Object.keys(condition(text).needs).sort()).toEqual([...Object.keys(needs), 'facts'].sort());
  });

  test.each([
    'request.amount > 1',
    '!("pay" in request.scopes)',
    '"pay" in request.scopes || request.amount > 1',
    'request.scopes.all(s, s == "x")',
    'request.scopes.exists_one(s, s == "x")',
    'request.scopes.exists(s, s != "x")',
    'request.scopes.exists(s, s == "x" || client.id == "a")',
    'client.firstParty ? "a" in request.scopes : true',
    'client.id in request.scopes',
    '("pay" in request.scopes) == false',
  ])('nothing, as it may hold without: %s', (text) => {
    expect(Object.keys(condition(text).needs)).toEqual(['facts']);
  });
});

test('a rule passed over by what it needs would have been false, for any condition and facts', () => {
  fc.assert(
    fc.property(anyCondition, anyFacts, (text, facts) => {
      const { matches, needs } = condition(text);
      if (!mayMatch(needs, facts)) expect(matches(facts)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('a policy decides with its index as without it', () => {
  fc.assert(
    fc.property(anyRules, anyFacts, (rules, facts) => {
      const given = policy(...rules);
      expect(decidePolicy(given, facts)).toEqual(decideUnindexed(given, facts));
    }),
    { numRuns: 500 },
  );
});
