/** What is kept of decisions: a log line each, and counts. Never a token. */
import type { Verdict } from './decide.ts';
import type { ClientRequest } from './facts.ts';

export interface DecisionRecord {
  readonly verdict: Verdict;
  readonly request?: ClientRequest | undefined;
  /** Milliseconds. */
  readonly took: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** One JSON line; the query, which may hold secrets, is left out. */
export function accessLine({ verdict, request, took, at }: DecisionRecord): string {
  const { caller, rule, status, reason, detail } = verdict;
  const demand = rule?.effect.kind === 'token' ? rule.effect.demand : undefined;
  return JSON.stringify({
    time: new Date(at).toISOString(),
    outcome: status === 200 ? 'allow' : 'refuse',
    status,
    reason,
    detail,
    rule: rule?.name,
    sub: caller?.sub,
    client: caller?.clientId,
    address: request?.client,
    method: request?.method,
    host: request?.host,
    path: request?.target.split('?', 1)[0],
    acr: caller?.acr,
    wanted: demand?.acr,
    age: caller?.authTime === undefined ? undefined : Math.max(0, Math.floor(at / 1000) - caller.authTime),
    maxAge: demand?.maxAge,
    ms: Math.round(took * 1000) / 1000,
  });
}

export interface Metrics {
  count(record: DecisionRecord): void;
  /** A reload that succeeded or not. */
  reloaded(ok: boolean): void;
  /** Prometheus text format 0.0.4. */
  text(): string;
}

/** Seconds. */
const buckets = [0.0005, 0.001, 0.005, 0.025, 0.1, 1];

/** Labels are rule names of the file, outcomes and reasons: bounded by the file, whatever clients send. */
export function createMetrics(): Metrics {
  const decisions = new Map<string, number>();
  const reloads = { ok: 0, failed: 0 };
  const latency = { sum: 0, count: 0, upTo: buckets.map(() => 0) };
  return {
    count: ({ verdict, took }) => {
      const { rule, status, reason } = verdict;
      const outcome = status === 200 ? 'allow' : 'refuse';
      const labels = `rule="${rule?.name ?? ''}",outcome="${outcome}",reason="${reason}"`;
      decisions.set(labels, (decisions.get(labels) ?? 0) + 1);
      latency.count += 1;
      latency.sum += took / 1000;
      buckets.forEach((limit, index) => {
        if (took / 1000 <= limit) latency.upTo[index] = (latency.upTo[index] ?? 0) + 1;
      });
    },
    reloaded: (ok) => {
      reloads[ok ? 'ok' : 'failed'] += 1;
    },
    text: () =>
      [
        '# TYPE stile_gate_decisions_total counter',
        ...[...decisions].map(([labels, value]) => `stile_gate_decisions_total{${labels}} ${value}`),
        '# TYPE stile_gate_reloads_total counter',
        ...Object.entries(reloads).map(
          ([name, value]) => `stile_gate_reloads_total{result="${name}"} ${value}`,
        ),
        '# TYPE stile_gate_decision_seconds histogram',
        ...buckets.map(
          (limit, at) => `stile_gate_decision_seconds_bucket{le="${limit}"} ${latency.upTo[at]}`,
        ),
        `stile_gate_decision_seconds_bucket{le="+Inf"} ${latency.count}`,
        `stile_gate_decision_seconds_sum ${latency.sum}`,
        `stile_gate_decision_seconds_count ${latency.count}`,
        '',
      ].join('\n'),
  };
}

/** Lines of one turn of the event loop are written as one. */
export function together(write: (lines: string) => void): (line: string) => void {
  let waiting: string[] = [];
  return (line) => {
    if (waiting.push(line) > 1) return;
    setImmediate(() => {
      const lines = waiting.join('\n');
      waiting = [];
      write(lines);
    });
  };
}
