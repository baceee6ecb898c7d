import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, parsePattern } from '../../src/gate/pattern.ts';
import { claimsHold, type Rule, ruleMethod, type Target } from '../../src/gate/rule.ts';
import { indexRules } from '../../src/gate/rule-index.ts';

type Draft = Pick<Rule, 'pattern'> & Partial<Rule>;

function rule(draft: Draft, order: number): Rule {
  const parsed = parsePattern(draft.pattern);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return { name: `r${order}`, effect: { kind: 'deny' }, ...draft, order, parts: parsed.parts };
}

/** What the file means, read from top to bottom. */
function scan(rules: readonly Rule[], target: Target, claims: Record<string, unknown> | undefined) {
  return rules.find(
    ({ methods, hosts, parts, claims: condition }) =>
      (!methods || methods.includes(ruleMethod(target.method))) &&
      (!hosts || hosts.includes(target.host)) &&
      covers(parts, target.segments) &&
      claimsHold(condition, claims && { claims }),
  );
}

function indexed(rules: readonly Rule[], target: Target, claims: Record<string, unknown> | undefined) {
  return indexRules(rules)
    .find(target)
    .find((found) => claimsHold(found.claims, claims && { claims }));
}

const segment = fc.constantFrom('a', 'b', 'c');
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constantFrom('*', ':x')), { maxLength: 3 }), fc.boolean())
  .map(
    ([parts, rest]) =>
      `/${[...parts.map((part, at) => (part === ':x' ? `:x${at}` : part)), ...(rest ? ['**'] : [])].join('/')}`,
  );
const draft = fc.record(
  {
    pattern,
    methods: fc.constantFrom(['GET'], ['POST'], ['GET', 'POST']),
    hosts: fc.constantFrom(['h'], ['i'], ['h', 'i']),
    claims: fc.constantFrom({ c: [1] }, { c: [2] }),
  },
  { requiredKeys: ['pattern'] },
);
const target = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
  host: fc.constantFrom('h', 'i', 'j'),
  segments: fc.array(segment, { maxLength: 4 }),
});
const claims = fc.constantFrom(undefined, { c: 1 }, { c: [2, 3] }, {});

test('the index answers as a scan from top to bottom does', () => {
  fc.assert(
    fc.property(fc.array(draft, { maxLength: 25 }), target, claims, (drafts, asked, held) => {
      const rules = drafts.map((one, order) => rule(one as Draft, order));
      expect(indexed(rules, asked, held)?.order).toBe(scan(rules, asked, held)?.order);
    }),
    { numRuns: 3000 },
  );
});

test('the first rule wins, however exact a later one is', () => {
  const rules = [{ pattern: '/a/**' }, { pattern: '/a/b' }].map(rule);
  expect(indexed(rules, { method: 'GET', host: 'h', segments: ['a', 'b'] }, {})?.name).toBe('r0');
});

test('** covers none, one and many; * and :name exactly one', () => {
  const matches = (text: string, segments: string[]) => {
    const parsed = parsePattern(text);
    return 'parts' in parsed && covers(parsed.parts, segments);
  };
  expect([[], ['a'], ['a', 'b']].map((segments) => matches('/**', segments))).toEqual([true, true, true]);
  expect([[], ['a'], ['a', 'b']].map((segments) => matches('/*', segments))).toEqual([false, true, false]);
  expect([[], ['a'], ['a', 'b']].map((segments) => matches('/:n', segments))).toEqual([false, true, false]);
});

test.each(['/a/**/b', '/a*', '/:1', '/:x/:x', 'a', '/a//b', '/..', '/a%2fb', '/a?b'])(
  '%s is no pattern',
  (text) => {
    expect(parsePattern(text)).toHaveProperty('fault');
  },
);

test('a claim that is inherited, missing or of another type meets nothing', () => {
  expect(claimsHold({ constructor: [true] }, { claims: {} })).toBe(false);
  expect(claimsHold({ a: [1] }, { claims: { a: '1' } })).toBe(false);
  expect(claimsHold({ a: [1] }, undefined)).toBe(false);
  expect(claimsHold({ a: [1, 2] }, { claims: { a: [3, 2] } })).toBe(true);
});
