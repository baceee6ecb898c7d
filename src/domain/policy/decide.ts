/** What a policy adds to a requirement, for one set of facts. */
import type { Clause, Requirement } from '../requirement.ts';
import type { PolicyFacts } from './facts.ts';
import type { Policy, Rule, RuleMatch } from './policy.ts';

export interface PolicyDecision {
  readonly clauses: readonly Clause[];
  readonly deny?: NonNullable<Requirement['deny']>;
  readonly notify: readonly RuleMatch[];
  readonly matched: readonly RuleMatch[];
}

/** All rules that match merge; what fails counts as a match. */
export function decidePolicy(policy: Policy, facts: PolicyFacts): PolicyDecision {
  const found = policy.rules.flatMap((rule) => matchOf(rule, facts));
  const enforced = found.filter(({ rule }) => rule.mode === 'enforce');
  const denying = enforced.find(({ rule }) => rule.effect.kind === 'deny');
  return {
    clauses: enforced.flatMap(({ rule }) => clauseOf(rule)),
    ...(denying ? { deny: { source: 'policy', reason: denying.rule.reason } } : {}),
    notify: enforced.filter(({ rule }) => rule.effect.kind === 'notify').map(({ match }) => match),
    matched: found.map(({ match }) => match),
  };
}

function matchOf(rule: Rule, facts: PolicyFacts): { rule: Rule; match: RuleMatch }[] {
  const match = { rule: rule.name, mode: rule.mode, effect: rule.effect.kind };
  try {
    return rule.matches(facts) ? [{ rule, match }] : [];
  } catch (error) {
    return [{ rule, match: { ...match, error: error instanceof Error ? error.message : String(error) } }];
  }
}

function clauseOf({ name, reason, effect }: Rule): Clause[] {
  if (effect.kind !== 'require') return [];
  const { acr, maxAge } = effect;
  return [
    {
      source: 'policy',
      name,
      reason,
      ...(acr ? { acr } : {}),
      ...(maxAge === 0 ? { reauthenticate: true } : {}),
      ...(maxAge ? { maxAge } : {}),
    },
  ];
}
