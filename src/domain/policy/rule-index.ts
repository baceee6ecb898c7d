/**
 * Rules by what they need: a decision looks only at those whose literal events, scopes, resources, clients and detail types the
 * request has. A rule passed over would have been false.
 */
import type { PolicyFacts } from './facts.ts';
import type { Policy, Rule, RuleNeeds } from './policy.ts';

type Dimension = Exclude<keyof RuleNeeds, 'facts'>;

/** The most telling first: a rule is kept under the first it needs. */
const dimensions: readonly Dimension[] = ['clients', 'detailTypes', 'scopes', 'resources', 'events'];

interface Placed {
  readonly rule: Rule;
  /** In the policy's order. */
  readonly place: number;
}

interface Indexed {
  /** Rules that need nothing. */
  readonly always: readonly Placed[];
  readonly by: readonly {
    readonly dimension: Dimension;
    readonly rules: ReadonlyMap<string, readonly Placed[]>;
  }[];
}

const indexes = new WeakMap<Policy, Indexed>();

/** The rules that may match, in the policy's order. */
export function candidates(policy: Policy, facts: PolicyFacts): readonly Placed[] {
  const { always, by } = indexOf(policy);
  let found: Placed[] | undefined;
  for (const { dimension, rules } of by)
    for (const value of valuesOf(dimension, facts))
      for (const placed of rules.get(value) ?? nobody)
        if (mayMatch(placed.rule.needs, facts)) {
          found ??= [];
          found.push(placed);
        }
  return found ? merged(always, found.sort(byPlace)) : always;
}

const nobody: readonly Placed[] = [];

function byPlace(a: Placed, b: Placed): number {
  return a.place - b.place;
}

/** Two lists in order as one, each rule once. */
function merged(one: readonly Placed[], other: readonly Placed[]): Placed[] {
  const all: Placed[] = [];
  let at = 0;
  const upTo = (place: number): void => {
    for (let next = other[at]; next && next.place < place; next = other[at]) {
      if (next !== other[at - 1]) all.push(next);
      at += 1;
    }
  };
  for (const placed of one) {
    upTo(placed.place);
    all.push(placed);
  }
  upTo(Number.POSITIVE_INFINITY);
  return all;
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
  const always: Placed[] = [];
  const maps = new Map<Dimension, Map<string, Placed[]>>();
  for (const [place, rule] of rules.entries()) {
    const dimension = dimensions.find((name) => rule.needs[name]);
    if (!dimension) {
      always.push({ rule, place });
      continue;
    }
    const map = maps.get(dimension) ?? new Map<string, Placed[]>();
    maps.set(dimension, map);
    const placed = { rule, place };
    for (const value of rule.needs[dimension] ?? []) map.set(value, [...(map.get(value) ?? []), placed]);
  }
  return { always, by: [...maps].map(([dimension, map]) => ({ dimension, rules: map })) };
}
