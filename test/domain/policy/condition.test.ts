import { describe, expect, test } from 'vitest';
import { compileCondition } from '../../../src/domain/policy/condition.ts';
import { factGroups, factsOf, LONGEST_TEXT } from '../../../src/domain/policy/fact-types.ts';
import type { PolicyFacts } from '../../../src/domain/policy/facts.ts';
import { condition, facts, faultsOf, holds } from './support.ts';

describe('what a condition says', () => {
  test.each([
    ['request.amount > 1000', { request: { amount: 1000.5 } }, { request: { amount: 1000 } }],
    ['request.amount == 1500', { request: { amount: 1500 } }, { request: { amount: 1501 } }],
    ['1500 != request.amount', { request: { amount: 1 } }, { request: { amount: 1500 } }],
    ['time.hour >= 22 || time.hour < 6', { time: { hour: 23 } }, { time: { hour: 21 } }],
    ['time.hour in [22, 23]', { time: { hour: 23 } }, { time: { hour: 21 } }],
    ['time.weekday % 2 == 0', { time: { weekday: 4 } }, { time: { weekday: 3 } }],
    ['risk.score >= 0.5', { risk: { score: 0.5 } }, { risk: { score: 0.49 } }],
    ['risk.score > 0', { risk: { score: 0.1 } }, { risk: { score: 0 } }],
    ['session.age == -1', {}, { session: { age: 0 } }],
    ['request.scopes.size() == 2', { request: { scopes: ['a', 'b'] } }, {}],
    ['size(request.scopes) in [1, 2]', { request: { scopes: ['a'] } }, {}],
    ['request.scopes.size() + 0.5 > 1', { request: { scopes: ['a'] } }, {}],
    ['"x" in request.scopes', { request: { scopes: ['y', 'x'] } }, { request: { scopes: ['y'] } }],
    ['account.groups.exists(g, g.startsWith("adm"))', { account: { groups: ['admins'] } }, {}],
    [
      'request.details.exists(d, d.type == "pay" && d.amount > 100 && "send" in d.actions)',
      { request: { details: [{ type: 'pay', amount: 101, actions: ['send'] }] } },
      {
        request: {
          details: [
            { type: 'pay', amount: 1 },
            { type: 'see', amount: 101, actions: ['send'] },
          ],
        },
      },
    ],
    ['request.amount > 1e9', { request: { amount: Number.POSITIVE_INFINITY } }, { request: { amount: 1e9 } }],
    ['!(client.firstParty) && (risk.newDevice || risk.newCountry)', { risk: { newCountry: true } }, {}],
  ])('%s', (text, yes, no) => {
    expect({ yes: holds(text, yes), no: holds(text, no) }).toEqual({ yes: true, no: false });
  });
});

describe('what is refused when it is loaded, at its place', () => {
  test.each([
    ['request.amont > 1', 'amont: request has no fact "amont"; did you mean "amount"?'],
    ['requst.amount > 1', 'requst: there is no fact "requst"; did you mean "request"?'],
    ['request.details.exists(d, d.amont > 1)', 'amont: d has no fact "amont"; did you mean "amount"?'],
    ['request.amount > "5"', 'request.amount > "5": > does not go with a number and a text'],
    ['request.amount == null', 'request.amount == null: == does not go with a number and null'],
    ['request.amount', 'request.amount: a condition is true or false; this is a number'],
    ['request.scopes', 'request.scopes: a condition is true or false; this is a list'],
    ['request.amount > 1 &&\n  request.silent = true', '=: unexpected character: ='],
    ['', ': unexpected token: EOF'],
    [
      'request.event == "authorisation"',
      '"authorisation": it is never "authorisation", but authorization, refresh, account_change; did you mean "authorization"?',
    ],
    [
      'device.kind in ["mobile", "tablett"]',
      '"tablett": it is never "tablett", but unknown, desktop, mobile, tablet, bot; did you mean "tablet"?',
    ],
    ['request.amount > 9007199254740993', '9007199254740993: the number is too large'],
  ])('%s', (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });

  test('every unknown name of a condition at once', () => {
    expect(faultsOf('foo > 1 && request.amont > 2')).toHaveLength(2);
  });

  test.each([
    ['client.id.matches("^(a+)+$")', /matches\(\) is refused/],
    ['has(request.typo)', /has\(\) is not needed/],
    ['request.scopes.exists(s, request.scopes.exists(t, s == t))', /inside another list function/],
    ['request.scopes.filter(s, request.scopes.all(t, t == s)).size() > 1', /inside another list function/],
    ['request.scopes.map(s, s).size() > 1', /no function map/],
    ['request.scopes.exists(request, true)', /choose another name/],
    ['request.scopes[0] == "a"', /not looked up by its place/],
    ['{"a": true}["a"]', /not looked up by its place/],
    ['cel.bind(x, 1, x > 0)', /no function bind/],
    ['type(1) == int', /no function type/],
    ['timestamp("2026-01-01T00:00:00Z") > timestamp("2026-01-01T00:00:00Z")', /no function timestamp/],
    ['account.groups.exists(g, g.size() > 3)', /it could take \d+ steps; 20000 are allowed/],
    [Array(120).fill('request.silent').join(' && '), /more than 300 parts/],
    [`${'('.repeat(40)}true${')'.repeat(40)}`, /nested more than 32 deep/],
    [`client.id in [${Array(201).fill('"a"').join()}]`, /a list has more than 200 entries/],
    [`client.id == "${'a'.repeat(4000)}"`, /at most 4000 characters/],
  ])('what could take long or fail: %.60s', (text, message) => {
    expect(faultsOf(text).join()).toMatch(message);
  });
});

describe('a missing or odd fact never throws', () => {
  test('unknown facts are at rest', () => {
    const bare = {} as PolicyFacts;
    for (const group of factGroups) {
      for (const [name, type] of Object.entries(factsOf(group))) {
        const path = `${group}.${name}`;
        const rest = { text: '', number: '', flag: `!${path}`, list: `${path}.size() == 0` }[type.kind];
        const own = 'rest' in type ? `${path} == ${JSON.stringify(type.rest)}` : rest;
        expect(condition(own).matches(bare), own).toBe(true);
      }
    }
  });

  test.each([
    null,
    undefined,
    5,
    'x',
    [],
    { request: null, time: 7, client: { id: 4 }, risk: { score: 'x' } },
  ])('%j', (odd) => {
    const text = 'request.amount == 0 && client.id == "" && risk.score == 0 && !request.silent';
    expect(condition(text).matches(odd as unknown as PolicyFacts)).toBe(true);
  });

  test('an amount that is no number is the largest, as infinity is after JSON', () => {
    for (const amount of [null, 'a lot', Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(holds('request.amount > 1000000', { request: { amount } })).toBe(true);
      expect(
        holds('request.details.all(d, d.amount > 1000000)', { request: { details: [{ amount }] } }),
      ).toBe(true);
    }
    expect(holds('request.amount > 0', { request: {} })).toBe(false);
  });

  test('entries of a list that are no texts are left out', () => {
    expect(holds('request.scopes.size() == 1', { request: { scopes: ['a', 5, null] } })).toBe(true);
  });
});

test('facts that are too large are not looked at: the condition fails, and so counts as one that matches', () => {
  const { matches } = condition('"x" in request.scopes');
  const many = { ...facts(), request: { ...facts().request, scopes: Array(201).fill('s') } };
  const long = { ...facts(), client: { id: 'x'.repeat(LONGEST_TEXT + 1), firstParty: false } };
  expect(() => matches(many)).toThrow('request.scopes has more than 200 entries');
  expect(() => matches(long)).toThrow(`client.id has more than ${LONGEST_TEXT} characters`);
});

describe('parts of a condition', () => {
  test('are what && joins, as they stand in the text', () => {
    const text = '!(request.silent) && (risk.newDevice || client.id == ")(") && request.amount > (1 + 2)';
    expect(condition(text).parts.map((part) => part.text)).toEqual([
      '!(request.silent)',
      'risk.newDevice || client.id == ")("',
      'request.amount > (1 + 2)',
    ]);
  });

  test('name their facts', () => {
    const [part] = condition('request.amount > 1 || request.details.exists(d, d.type == client.id)').parts;
    expect(part?.names).toEqual(['request.amount', 'request.details', 'client.id']);
  });
});

test('a condition says which groups of facts it names', () => {
  const made = compileCondition('risk.newDevice && request.scopes.exists(s, s == client.id)');
  expect('needs' in made && made.needs.facts).toEqual(['client', 'request', 'risk']);
});
