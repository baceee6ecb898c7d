/**
 * A recorded decision as it is kept: without what is at rest. Most of what a rule can name is so at most requests, and a
 * decision is written at every one of them, sealed, and read again by the hundred thousand.
 */
import type { RecordedDecision } from './decision.ts';
import { type FactType, factGroups, factsOf } from './policy/fact-types.ts';
import type { PolicyFacts } from './policy/facts.ts';
import { prepareFacts } from './policy/prepared-facts.ts';

type Members = Readonly<Record<string, unknown>>;

/** To be kept. What it leaves out `wholeForm` puts back. */
export function keptForm(decision: RecordedDecision): object {
  const { v, facts, evidence, clauses, lastAcr, policy, ...rest } = decision;
  return {
    v,
    facts: { ...factsNotAtRest(facts), time: facts.time },
    ...named('evidence', evidence),
    ...named('clauses', clauses),
    ...(lastAcr === null ? {} : { lastAcr }),
    policy: {
      version: policy.version,
      ...named('matched', policy.matched),
      ...named('clauses', policy.clauses),
      ...(policy.deny ? { deny: true } : {}),
    },
    ...rest,
  };
}

function named(name: string, list: readonly unknown[]): object {
  return list.length === 0 ? {} : { [name]: list };
}

/** What it is about is always said. */
function factsNotAtRest(facts: PolicyFacts): object {
  const kept: Record<string, Record<string, unknown>> = { request: { event: facts.request.event } };
  for (const group of factGroups) {
    const types = factsOf(group);
    const values = facts[group] as unknown as Members;
    for (const name in types) {
      const value = values[name];
      if (isAtRest(value, types[name] as FactType)) continue;
      kept[group] ??= {};
      kept[group][name] = value;
    }
  }
  return kept;
}

function isAtRest(value: unknown, type: FactType): boolean {
  switch (type.kind) {
    case 'flag':
      return value === false;
    case 'list':
      return (value as readonly unknown[]).length === 0;
    default:
      return value === type.rest;
  }
}

/** The decision, if it is one of the form that can be replayed. What an audit holds is trusted in its members' kinds. */
export function wholeForm(value: unknown): RecordedDecision | undefined {
  if (!isObject(value) || value['v'] !== 1) return undefined;
  const { facts, policy, transaction, now, proofs, credentials } = value;
  if (!isObject(facts) || !isObject(policy)) return undefined;
  if (typeof transaction !== 'string' || typeof now !== 'number') return undefined;
  const lists = [value['evidence'], value['clauses'], policy['matched'], policy['clauses']];
  if (!lists.every((list) => list === undefined || Array.isArray(list))) return undefined;
  if (!Array.isArray(proofs) || !Array.isArray(credentials)) return undefined;
  const whole = {
    evidence: [],
    clauses: [],
    lastAcr: null,
    ...value,
    facts: prepareFacts(facts as unknown as PolicyFacts),
    policy: { matched: [], clauses: [], deny: false, ...policy },
  };
  return whole as unknown as RecordedDecision;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
