/** What a policy adds to a requirement for these facts. Pure; never throws, and only ever adds. */
import { type Clause, demandClause, type Requirement } from '../requirement.ts';
import type { PolicyFacts } from './facts.ts';
import type { Policy, Rule, RuleMatch } from './policy.ts';
import { prepareFacts } from './prepared-facts.ts';
import { candidates } from './rule-index.ts';

export interface PolicyDecision {
  /** One for each enforced rule that requires something; they join the requirement's other clauses. */
  readonly clauses: readonly Clause[];
  /** Of several denying rules the first by name, so that the order of rules says nothing. */
  readonly deny?: NonNullable<Requirement['deny']>;
  /** Enforced rules whose effect is to tell somebody. */
  readonly notify: readonly RuleMatch[];
  /** Every rule that matched, observed ones too, in the policy's order. */
  readonly matched: readonly RuleMatch[];
}

/** A condition that fails counts as one that matches, and so does every one on facts too large to be looked at. */
export function decidePolicy(policy: Policy, facts: PolicyFacts): PolicyDecision {
  const ready = prepareFacts(facts);
  const rules = ready.fault === undefined ? candidates(policy, ready) : policy.rules;
  return merge(rules.flatMap((rule) => matchOf(rule, ready) ?? []));
}

/** As `decidePolicy`, every rule evaluated: for comparing. */
export function decideUnindexed(policy: Policy, facts: PolicyFacts): PolicyDecision {
  const ready = prepareFacts(facts);
  return merge(policy.rules.flatMap((rule) => matchOf(rule, ready) ?? []));
}

interface Matched {
  readonly rule: Rule;
  readonly match: RuleMatch;
}

function matchOf(rule: Rule, facts: PolicyFacts): Matched | undefined {
  const match = { rule: rule.name, mode: rule.mode, effect: rule.effect.kind };
  try {
    return rule.matches(facts) ? { rule, match } : undefined;
  } catch (error) {
    return { rule, match: { ...match, error: error instanceof Error ? error.message : 'failed' } };
  }
}

function merge(all: readonly Matched[]): PolicyDecision {
  const enforced = all.filter(({ rule }) => rule.mode === 'enforce');
  const [denied] = enforced
    .filter(({ rule }) => rule.effect.kind === 'deny')
    .sort((a, b) => (a.rule.name < b.rule.name ? -1 : 1));
  return {
    clauses: enforced.flatMap(({ rule }) => clauseOf(rule)),
    ...(denied ? { deny: { source: 'policy', reason: denied.rule.reason } } : {}),
    notify: enforced.filter(({ rule }) => rule.effect.kind === 'notify').map(({ match }) => match),
    matched: all.map(({ match }) => match),
  };
}

function clauseOf({ name, effect, reason }: Rule): Clause[] {
  if (effect.kind !== 'require') return [];
  const { kind: _, ...demand } = effect;
  return [{ ...demandClause('policy', { ...demand, reason }), name }];
}
