/** Builders for the tests of policies, and random facts and conditions. */
import fc from 'fast-check';
import { compileCondition } from '../../../src/domain/policy/condition.ts';
import type { PolicyFacts } from '../../../src/domain/policy/facts.ts';
import type { Effect, Policy, Rule } from '../../../src/domain/policy/policy.ts';
import { completeFacts } from '../../../src/domain/policy/prepared-facts.ts';

export function facts(partial: object = {}): PolicyFacts {
  return completeFacts(partial);
}

/** Whether a condition holds. Throws with the first fault. */
export function holds(text: string, partial: object = {}): boolean {
  return condition(text).matches(facts(partial));
}

export function condition(text: string) {
  const made = compileCondition(text);
  if ('faults' in made) throw new Error(made.faults[0]?.message);
  return made;
}

/** What is wrong with a condition, each with the text it points at. */
export function faultsOf(text: string): string[] {
  const made = compileCondition(text);
  if (!('faults' in made)) return [];
  return made.faults.map(({ message, start, end }) => `${text.slice(start, end)}: ${message}`);
}

export function rule(name: string, when: string, more: Partial<Rule> = {}): Rule {
  const { matches, needs } = condition(when);
  const effect: Effect = { kind: 'require', acr: ['phr'] };
  return { name, when, matches, needs, effect, reason: `because of ${name}`, mode: 'enforce', ...more };
}

export function policy(...rules: readonly Rule[]): Policy {
  return { version: 'test', timeZone: 'UTC', rules };
}

// Random -----------------------------------------------------------------------------------------------------

const word = fc.constantFrom('a', 'b', 'c');
const words = fc.uniqueArray(word, { maxLength: 3 });
export const anyEvent = fc.constantFrom('authorization', 'refresh', 'account_change');
const amount = fc.constantFrom(0, 1, 999, 1000, 1001, Number.POSITIVE_INFINITY);

export const anyFacts: fc.Arbitrary<PolicyFacts> = fc
  .record({
    request: fc.record({
      event: anyEvent,
      scopes: words,
      resources: words,
      amount,
      silent: fc.boolean(),
      details: fc.array(fc.record({ type: word, amount }), { maxLength: 2 }),
    }),
    client: fc.record({ id: word, firstParty: fc.boolean() }),
    time: fc.record({ hour: fc.nat(23) }),
    risk: fc.record({ newDevice: fc.boolean(), score: fc.constantFrom(0, 0.5, 1) }),
  })
  .map(facts);

const quoted = (values: readonly string[]) => values.map((value) => JSON.stringify(value)).join(', ');

const atom: fc.Arbitrary<string> = fc.oneof(
  anyEvent.map((event) => `request.event == "${event}"`),
  anyEvent.map((event) => `"${event}" == request.event`),
  anyEvent.map((event) => `request.event != "${event}"`),
  fc.uniqueArray(anyEvent, { minLength: 1 }).map((events) => `request.event in [${quoted(events)}]`),
  word.map((id) => `client.id == "${id}"`),
  word.map((id) => `client.id != "${id}"`),
  fc.uniqueArray(word, { minLength: 1 }).map((ids) => `client.id in [${quoted(ids)}]`),
  word.map((scope) => `"${scope}" in request.scopes`),
  word.map((scope) => `client.id in request.scopes && "${scope}" in ["a", "b"]`),
  fc
    .constantFrom('exists', 'all', 'exists_one')
    .chain((each) => word.map((scope) => `request.scopes.${each}(s, s == "${scope}")`)),
  words.map((names) => `request.resources.exists(r, r in [${quoted(['a', ...names])}] || r == "c")`),
  fc
    .tuple(word, amount)
    .map(
      ([type, least]) =>
        `request.details.exists(d, d.type == "${type}" && d.amount >= ${least === Number.POSITIVE_INFINITY ? '2000' : least})`,
    ),
  fc.constantFrom(
    'request.amount > 1000',
    'time.hour >= 22 || time.hour < 6',
    'risk.newDevice',
    'risk.score >= 0.5',
    'request.silent',
    'client.firstParty ? "a" in request.scopes : client.id == "b"',
    'true',
    'false',
  ),
);

/** Conditions of every form the language has for literals, joined and negated at random. */
export const anyCondition: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    atom,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}) && (${b})`),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}) || (${b})`),
    tie('node').map((a) => `!(${a})`),
  ),
})).node;

const effect: fc.Arbitrary<Effect> = fc.oneof(
  fc
    .record(
      {
        acr: fc.uniqueArray(fc.constantFrom('urn:stile:acr:mfa', 'phr', 'phrh'), {
          minLength: 1,
          maxLength: 2,
        }),
        maxAge: fc.constantFrom(0, 60, 300, 900),
      },
      { requiredKeys: [] },
    )
    .map((demand) => ({ kind: 'require' as const, ...demand })),
  fc.constant({ kind: 'deny' as const }),
  fc.constant({ kind: 'notify' as const }),
);

/** Compiled once: what a condition says is tried elsewhere. */
const known = fc.sample(anyCondition, { numRuns: 60, seed: 4 }).map((when) => rule('known', when));

export const anyRule: fc.Arbitrary<Rule> = fc
  .record({
    from: fc.constantFrom(...known),
    effect,
    mode: fc.constantFrom('enforce' as const, 'observe' as const),
    fails: fc.integer({ min: 0, max: 9 }).map((ten) => ten === 0),
  })
  .map(({ from, effect: what, mode, fails }) => {
    const made = { ...from, name: 'r', effect: what, mode };
    return fails ? { ...made, needs: { facts: [] }, matches: failing } : made;
  });

export function failing(): never {
  throw new Error('it failed');
}

/** Rules with names of their own. */
export const anyRules = fc
  .array(anyRule, { maxLength: 6 })
  .map((rules) =>
    rules.map((each, index): Rule => ({ ...each, name: `rule-${index}`, reason: `reason ${index}` })),
  );
