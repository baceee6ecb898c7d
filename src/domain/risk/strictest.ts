/** Of two assessments what speaks in either. */
import type { RiskFacts } from '../policy/facts.ts';

/** Flags that either has; of scores, counts and days the larger. */
export function strictest(one: RiskFacts, other: RiskFacts): RiskFacts {
  const members = Object.entries(one).map(([name, value]) => {
    const second = other[name as keyof RiskFacts];
    return [name, typeof value === 'number' ? Math.max(value, Number(second)) : value || second];
  });
  return Object.fromEntries(members) as RiskFacts;
}
