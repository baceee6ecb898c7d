/** Reading decisions from where they are kept. */
import type { RecordedDecision } from '../decision.ts';
import { factGroups } from '../policy/fact-types.ts';

/** The decision, if it is one of the form that can be replayed. What an audit holds is trusted in its members' kinds. */
export function readDecision(value: unknown): RecordedDecision | undefined {
  if (!isObject(value) || value['v'] !== 1) return undefined;
  const { facts, policy, transaction, now } = value;
  const whole =
    isObject(facts) &&
    factGroups.every((group) => isObject(facts[group])) &&
    Array.isArray((facts['account'] as Readonly<Record<string, unknown>>)['groups']) &&
    isObject(policy) &&
    ['clauses', 'proofs', 'credentials'].every((list) => Array.isArray(value[list])) &&
    ['clauses', 'matched'].every((list) => Array.isArray(policy[list])) &&
    typeof transaction === 'string' &&
    typeof now === 'number';
  return whole ? (value as unknown as RecordedDecision) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
