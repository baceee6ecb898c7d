/** What is counted of decisions. */
import type { GateReason, Verdict } from './decide.ts';
import type { Asked } from './facts.ts';
import type { Rule } from './rule.ts';

export interface DecisionRecord {
  readonly verdict: Verdict;
  readonly request?: Asked | undefined;
  /** Milliseconds. */
  readonly took: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface Metrics {
  count(record: DecisionRecord): void;
  /** A reload: the rules of now on, or undefined where the file was not taken. */
  reloaded(rules: readonly Pick<Rule, 'name'>[] | undefined): void;
  /** Prometheus text format 0.0.4. */
  text(): string;
}

/** Seconds. */
const buckets = [0.0005, 0.001, 0.005, 0.025, 0.1, 1];

type ByReason = Map<GateReason, number>;

/** Labels are names of the rules in force, outcomes and reasons: bounded by the file, whatever clients send. */
export function createMetrics(rules: readonly Pick<Rule, 'name'>[]): Metrics {
  let decisions = keep(new Map(), rules);
  const reloads = { ok: 0, failed: 0 };
  const latency = createLatency();
  return {
    count: ({ verdict: { rule, reason }, took }) => {
      // A decision by a rule that was removed while it was made counts, but not by name.
      const counts = (rule && decisions.get(rule.name)) ?? decisions.get('');
      counts?.set(reason, (counts.get(reason) ?? 0) + 1);
      latency.add(took / 1000);
    },
    reloaded: (next) => {
      reloads[next ? 'ok' : 'failed'] += 1;
      if (next) decisions = keep(decisions, next);
    },
    text: () =>
      [
        '# TYPE stile_gate_decisions_total counter',
        ...[...decisions].flatMap(([name, counts]) =>
          [...counts].map(
            ([reason, value]) => `stile_gate_decisions_total{${labels(name, reason)}} ${value}`,
          ),
        ),
        '# TYPE stile_gate_reloads_total counter',
        ...Object.entries(reloads).map(
          ([name, value]) => `stile_gate_reloads_total{result="${name}"} ${value}`,
        ),
        ...latency.lines(),
        '',
      ].join('\n'),
  };
}

/** The counters of these rules, and of decisions by none; those of rules that are gone are dropped. */
function keep(old: ReadonlyMap<string, ByReason>, rules: readonly Pick<Rule, 'name'>[]) {
  const names = ['', ...rules.map(({ name }) => name)];
  return new Map(names.map((name) => [name, old.get(name) ?? (new Map() as ByReason)]));
}

function labels(rule: string, reason: GateReason): string {
  const outcome = reason === 'allowed' || reason === 'public' ? 'allow' : 'refuse';
  return `rule="${rule}",outcome="${outcome}",reason="${reason}"`;
}

function createLatency() {
  /** By the first bucket it fits in; the last is for none. */
  const counts = [...buckets, Number.POSITIVE_INFINITY].map(() => 0);
  let sum = 0;
  const upTo = (at: number) => counts.slice(0, at + 1).reduce((total, count) => total + count, 0);
  return {
    add: (seconds: number) => {
      let at = 0;
      while (at < buckets.length && seconds > (buckets[at] ?? 0)) at += 1;
      counts[at] = (counts[at] ?? 0) + 1;
      sum += seconds;
    },
    lines: () => [
      '# TYPE stile_gate_decision_seconds histogram',
      ...buckets.map((limit, at) => `stile_gate_decision_seconds_bucket{le="${limit}"} ${upTo(at)}`),
      `stile_gate_decision_seconds_bucket{le="+Inf"} ${upTo(buckets.length)}`,
      `stile_gate_decision_seconds_sum ${sum}`,
      `stile_gate_decision_seconds_count ${upTo(buckets.length)}`,
    ],
  };
}
