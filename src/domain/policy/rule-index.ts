/**
 * Rules by what they need: a decision looks only at those whose literal events, scopes, resources, clients and detail types the
 * request has. A rule passed over would have been false.
 */
import type { PolicyFacts } from './facts.ts';
import type { Policy, Rule, RuleNeeds } from './policy.ts';

type Dimension = Exclude<keyof RuleNeeds, 'facts'>;

/** The most telling first: a rule is kept under the first it needs. */
const dimensions: readonly Dimension[] = ['clients', 'detailTypes', 'scopes', 'resources', 'events'];

interface Indexed {
  /** Rules that need nothing, by place. */
  readonly always: readonly number[];
  readonly by: readonly {
    readonly dimension: Dimension;
    readonly rules: ReadonlyMap<string, readonly number[]>;
  }[];
}

const indexes = new WeakMap<Policy, Indexed>();

/** The rules that may match, in the policy's order. */
export function candidates(policy: Policy, facts: PolicyFacts): readonly Rule[] {
  const { always, by } = indexOf(policy);
  const places = new Set(always);
  for (const { dimension, rules } of by)
    for (const value of valuesOf(dimension, facts))
      for (const place of rules.get(value) ?? []) places.add(place);
  return [...places]
    .sort((a, b) => a - b)
    .flatMap((place) => policy.rules[place] ?? [])
    .filter(({ needs }) => mayMatch(needs, facts));
}

/** False: the condition is false for these facts. */
export function mayMatch(needs: RuleNeeds, facts: PolicyFacts): boolean {
  for (const dimension of dimensions) {
    const wanted = needs[dimension];
    if (wanted && !valuesOf(dimension, facts).some((value) => wanted.includes(value))) return false;
  }
  return true;
}

function valuesOf(dimension: Dimension, { request, client }: PolicyFacts): readonly string[] {
  switch (dimension) {
    case 'events':
      return [request.event];
    case 'clients':
      return [client.id];
    case 'scopes':
      return request.scopes;
    case 'resources':
      return request.resources;
    case 'detailTypes':
      return request.details.map(({ type }) => type);
  }
}

function indexOf(policy: Policy): Indexed {
  const known = indexes.get(policy);
  if (known) return known;
  const made = makeIndex(policy);
  indexes.set(policy, made);
  return made;
}

function makeIndex({ rules }: Policy): Indexed {
  const always: number[] = [];
  const maps = new Map<Dimension, Map<string, number[]>>();
  for (const [place, { needs }] of rules.entries()) {
    const dimension = dimensions.find((name) => needs[name]);
    if (!dimension) {
      always.push(place);
      continue;
    }
    const map = maps.get(dimension) ?? new Map<string, number[]>();
    maps.set(dimension, map);
    for (const value of needs[dimension] ?? []) map.set(value, [...(map.get(value) ?? []), place]);
  }
  return { always, by: [...maps].map(([dimension, map]) => ({ dimension, rules: map })) };
}
