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
  if (ready.fault !== undefined) return decideUnindexed(policy, ready);
  const matched: Matched[] = [];
  for (const { rule } of candidates(policy, ready)) ask(rule, ready, matched);
  return merge(matched);
}

/** As `decidePolicy`, every rule evaluated. */
export function decideUnindexed(policy: Policy, facts: PolicyFacts): PolicyDecision {
  const ready = prepareFacts(facts);
  const matched: Matched[] = [];
  for (const rule of policy.rules) ask(rule, ready, matched);
  return merge(matched);
}

interface Matched {
  readonly rule: Rule;
  readonly match: RuleMatch;
}

function ask(rule: Rule, facts: PolicyFacts, matched: Matched[]): void {
  try {
    if (rule.matches(facts)) matched.push(matchOf(rule));
  } catch (error) {
    matched.push(matchOf(rule, error instanceof Error ? error.message : 'failed'));
  }
}

function matchOf(rule: Rule, error?: string): Matched {
  const match = { rule: rule.name, mode: rule.mode, effect: rule.effect.kind };
  return { rule, match: error === undefined ? match : { ...match, error } };
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
