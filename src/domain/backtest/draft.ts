/** What a draft policy says to a recorded decision, and what cannot be known of it. */
import type { RecordedDecision } from '../decision.ts';
import { decidePolicy, decideUnindexed, type PolicyDecision } from '../policy/decide.ts';
import type { PolicyFacts } from '../policy/facts.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import { atTime } from '../policy/prepared-facts.ts';
import { mayMatch } from '../policy/rule-index.ts';
import { timeFacts } from '../policy/time.ts';

export interface DraftAnswer {
  /** Of the rules whose facts were recorded. */
  readonly decision: PolicyDecision;
  /** Rules that ask for what was not recorded, and might match. */
  readonly unsure: readonly Rule[];
  /** As if all of these matched. */
  readonly worst: PolicyDecision;
  /** In the draft's time zone. */
  readonly date: string;
}

export type Draft = (decision: RecordedDecision) => DraftAnswer;

/** One draft, ready for any number of decisions. */
export function createDraft(policy: Policy): Draft {
  const partOf = partsOf(policy);
  const timeOf = createTimes(policy.timeZone);
  return ({ facts: recorded, now }) => {
    const time = timeOf(now);
    const facts = atTime(recorded, time);
    const { sure, unsure } = partOf(facts);
    const decision = decidePolicy(sure, facts);
    const open = unsure.filter(({ needs }) => mayMatch(needs, facts));
    if (open.length === 0) return { decision, unsure: open, worst: decision, date: time.date };
    const rules = open.map((rule) => ({ ...rule, matches: () => true }));
    const more = decideUnindexed({ ...policy, rules }, facts);
    return { decision, unsure: open, worst: joined(decision, more), date: time.date };
  };
}

function joined(a: PolicyDecision, b: PolicyDecision): PolicyDecision {
  const deny = a.deny ?? b.deny;
  return {
    clauses: [...a.clauses, ...b.clauses],
    ...(deny ? { deny } : {}),
    notify: [...a.notify, ...b.notify],
    matched: [...a.matched, ...b.matched],
  };
}

interface Parts {
  readonly sure: Policy;
  readonly unsure: readonly Rule[];
}

/** Risk and familiarity of the device are found out only where a rule asked; of an address the audit keeps the network. */
function partsOf(policy: Policy): (facts: PolicyFacts) => Parts {
  const split = (isUnsure: (rule: Rule) => boolean): Parts => {
    const unsure = policy.rules.filter(isUnsure);
    return {
      sure: unsure.length === 0 ? policy : { ...policy, rules: policy.rules.filter((r) => !isUnsure(r)) },
      unsure,
    };
  };
  const cut = {
    known: split(namesAddress),
    unknown: split((rule) => namesHistory(rule) || namesAddress(rule)),
  };
  const whole = { known: split(() => false), unknown: split(namesHistory) };
  return ({ risk, network }) => {
    const parts = network.address === '' ? whole : cut;
    return risk.known ? parts.known : parts.unknown;
  };
}

function namesHistory({ needs }: Rule): boolean {
  return needs.facts.includes('risk') || needs.facts.includes('device');
}

function namesAddress({ needs, when }: Rule): boolean {
  return needs.facts.includes('network') && /\bnetwork\s*\.\s*address\b/.test(when);
}

/** Decisions come in order of time: those of a quarter of an hour, the finest that zones differ by, share an answer. */
function createTimes(timeZone: string): (now: number) => PolicyFacts['time'] {
  let last = { quarter: Number.NaN, time: timeFacts(0, timeZone) };
  return (now) => {
    const quarter = Math.floor(now / 900);
    if (quarter !== last.quarter) last = { quarter, time: timeFacts(now, timeZone) };
    return last.time;
  };
}
