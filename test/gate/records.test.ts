import { expect, test } from 'vitest';
import type { GateReason, Verdict } from '../../src/gate/decide.ts';
import { createMetrics } from '../../src/gate/records.ts';
import type { Rule } from '../../src/gate/rule.ts';

const rule = (name: string): Rule => ({
  order: 0,
  name,
  pattern: '/',
  parts: [],
  effect: { kind: 'public' },
});
const decided = (by: Rule | undefined, reason: GateReason, took = 1) => {
  const verdict: Verdict = { status: reason === 'public' ? 200 : 403, reason, headers: {}, body: {} };
  return { verdict: by ? { ...verdict, rule: by } : verdict, took, at: 0 };
};
const counters = (text: string) => text.split('\n').filter((line) => line.startsWith('stile_gate_decisions'));

test('counters of removed rules go with them, those of the others stay', () => {
  const [a, b] = [rule('a'), rule('b')];
  const metrics = createMetrics([a, b]);
  for (const by of [a, b]) metrics.count(decided(by, 'public'));
  metrics.reloaded(undefined);
  expect(counters(metrics.text())).toHaveLength(2);
  metrics.reloaded([rule('b'), rule('c')]);
  metrics.count(decided(rule('b'), 'public'));
  expect(counters(metrics.text())).toEqual([
    'stile_gate_decisions_total{rule="b",outcome="allow",reason="public"} 2',
  ]);
  expect(metrics.text()).toMatch(/reloads_total\{result="ok"\} 1\n.*result="failed"\} 1/);
});

test('a decision that outlives its rule counts without its name', () => {
  const gone = rule('gone');
  const metrics = createMetrics([gone]);
  metrics.reloaded([]);
  metrics.count(decided(gone, 'denied'));
  metrics.count(decided(undefined, 'no_rule'));
  expect(counters(metrics.text())).toEqual([
    'stile_gate_decisions_total{rule="",outcome="refuse",reason="denied"} 1',
    'stile_gate_decisions_total{rule="",outcome="refuse",reason="no_rule"} 1',
  ]);
});

test('the histogram counts up', () => {
  const metrics = createMetrics([]);
  for (const took of [0.1, 0.5, 3, 2000]) metrics.count(decided(undefined, 'no_rule', took));
  const found = [...metrics.text().matchAll(/_bucket\{le="(.*)"\} (\d+)/g)].map(([, le, count]) => [
    le,
    count,
  ]);
  expect(found).toEqual([
    ['0.0005', '2'],
    ['0.001', '2'],
    ['0.005', '3'],
    ['0.025', '3'],
    ['0.1', '3'],
    ['1', '3'],
    ['+Inf', '4'],
  ]);
  expect(metrics.text()).toMatch(/_sum 2\.0036\n.*_count 4/);
});
