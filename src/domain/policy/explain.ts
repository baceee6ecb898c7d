/** Which rules match these facts, and why: each part of each condition by itself. Asks what `decidePolicy` asks. */
import { compileCondition } from './condition.ts';
import { decidePolicy, type PolicyDecision } from './decide.ts';
import type { PolicyFacts } from './facts.ts';
import type { Policy, Rule } from './policy.ts';
import { prepareFacts } from './prepared-facts.ts';

export interface PartExplained {
  readonly text: string;
  /** `failed`: it could not be evaluated, and so counts as true. */
  readonly holds: boolean | 'failed';
  /** Facts it names, and their values. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface RuleExplained {
  readonly rule: Rule;
  readonly matched: boolean;
  readonly parts: readonly PartExplained[];
  readonly error?: string;
}

export interface PolicyExplained {
  readonly rules: readonly RuleExplained[];
  readonly decision: PolicyDecision;
}

export function explainPolicy(policy: Policy, facts: PolicyFacts): PolicyExplained {
  const ready = prepareFacts(facts);
  const decision = decidePolicy(policy, ready);
  const rules = policy.rules.map((rule): RuleExplained => {
    const match = decision.matched.find((each) => each.rule === rule.name);
    return {
      rule,
      matched: match !== undefined,
      parts: partsOf(rule, ready),
      ...(match?.error === undefined ? {} : { error: match.error }),
    };
  });
  return { rules, decision };
}

function partsOf({ when }: Rule, facts: PolicyFacts): PartExplained[] {
  const condition = compileCondition(when);
  if ('faults' in condition) return [];
  return condition.parts.map(({ text, names }) => ({
    text,
    holds: holds(text, facts),
    facts: Object.fromEntries(names.map((name) => [name, factAt(facts, name)])),
  }));
}

function holds(text: string, facts: PolicyFacts): boolean | 'failed' {
  const part = compileCondition(text);
  try {
    return 'faults' in part ? 'failed' : part.matches(facts);
  } catch {
    return 'failed';
  }
}

function factAt(facts: PolicyFacts, path: string): unknown {
  const [group = '', name = ''] = path.split('.');
  const values = (facts as unknown as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[group];
  return values?.[name];
}
