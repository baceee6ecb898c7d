import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBacktest } from '../../../src/domain/backtest/backtest.ts';
import { createJudge } from '../../../src/domain/backtest/memo.ts';
import type { DecisionEvent } from '../../../src/domain/backtest/replay.ts';
import { type Change, changeNames } from '../../../src/domain/backtest/report.ts';
import { standingOf } from '../../../src/domain/backtest/standing.ts';
import { defaultLevels, type Level } from '../../../src/domain/ladder.ts';
import type { Policy, Rule } from '../../../src/domain/policy/policy.ts';
import { timeFacts } from '../../../src/domain/policy/time.ts';
import { anyRules, policy, rule } from '../policy/support.ts';
import {
  anyDecision,
  anyHistory,
  levels,
  plainAfter,
  plainlyCounted,
  plainlyUnsure,
  plainStanding,
} from './support.ts';

const anyDraft = fc
  .tuple(anyRules, fc.boolean())
  .map(
    ([rules, addressed]): Policy =>
      policy(...rules, ...(addressed ? [rule('by-address', 'network.address == "203.0.113.7"')] : [])),
  );

function run(draft: Policy, history: readonly DecisionEvent[]) {
  const backtest = createBacktest({ policy: draft, levels });
  for (const each of history) backtest.add(each);
  return backtest.report();
}

interface Row {
  readonly event: DecisionEvent;
  readonly before: string;
  readonly after: string;
}

function plainly(draft: Policy, history: readonly DecisionEvent[]): Row[] {
  return plainlyCounted(history).map((event) => ({
    event,
    before: plainStanding(event.decision, event.decision.policy, levels),
    after: plainAfter(event.decision, draft, levels),
  }));
}

const isBlock = (standing: string) => standing === 'denied' || standing === 'lockedOut';

const plainChanges: Record<Change, (row: Row) => boolean> = {
  extraPrompts: ({ before, after }) => after === 'prompted' && before !== 'prompted',
  fewerPrompts: ({ before, after }) => before === 'prompted' && after !== 'prompted' && after !== 'unknown',
  extraBlocks: ({ before, after }) => isBlock(after) && !isBlock(before),
  fewerBlocks: ({ before, after }) => isBlock(before) && !isBlock(after) && after !== 'unknown',
  extraRefusals: ({ before, after }) => after === 'refused' && before !== 'refused',
  fewerRefusals: ({ before, after }) => before === 'refused' && after === 'passes',
  unknown: ({ after }) => after === 'unknown',
};

function counted(rows: readonly Row[]) {
  return Object.fromEntries(changeNames.map((name) => [name, rows.filter(plainChanges[name]).length]));
}

const runs = { numRuns: 50 };

describe('a backtest equals re-evaluating everything', () => {
  test('in its sums, by day, client, group and person', () => {
    fc.assert(
      fc.property(anyDraft, anyHistory, (draft, history) => {
        const report = run(draft, history);
        const rows = plainly(draft, history);
        expect(report.changes).toEqual(counted(rows));
        const known = rows.filter(({ after }) => after !== 'unknown');
        expect(report.recorded).toEqual({
          prompts: known.filter(({ before }) => before === 'prompted').length,
          blocks: known.filter(({ before }) => isBlock(before)).length,
          refusals: known.filter(({ before }) => before === 'refused').length,
        });
        expect(report.draft.prompts).toBe(known.filter(({ after }) => after === 'prompted').length);
        for (const { date, decisions, ...row } of report.perDay) {
          const its = rows.filter(({ event }) => timeFacts(event.decision.now, 'UTC').date === date);
          expect(row).toMatchObject(counted(its));
          expect(decisions).toBe(its.length);
        }
        for (const { name, ...row } of report.clients)
          expect(row).toMatchObject(counted(rows.filter(({ event }) => event.clientId === name)));
        for (const { name, ...row } of report.groups)
          expect(row).toMatchObject(
            counted(rows.filter(({ event }) => event.decision.facts.account.groups.includes(name))),
          );
        for (const { account, ...row } of report.people.most)
          expect(row).toMatchObject(counted(rows.filter(({ event }) => event.accountId === account)));
        const changed = rows.filter((row) =>
          changeNames.some((name) => name !== 'unknown' && plainChanges[name](row)),
        );
        expect(report.people.affected).toBe(new Set(changed.map(({ event }) => event.accountId)).size);
        const locked = rows.filter(({ before, after }) => after === 'lockedOut' && !isBlock(before));
        expect(report.people.lockedOut.count).toBe(new Set(locked.map(({ event }) => event.accountId)).size);
      }),
      runs,
    );
  });

  test('rule by rule, each left out once', () => {
    fc.assert(
      fc.property(anyDraft, anyHistory, (draft, history) => {
        const report = run(draft, history);
        const rows = plainly(draft, history);
        for (const { name } of draft.rules) {
          const row = report.rules.find((each) => each.name === name);
          expect(row).toMatchObject(plainRule(draft, name, rows));
        }
      }),
      runs,
    );
  });

  test('with one memory for all of them', () => {
    const judge = createJudge(levels, 40);
    fc.assert(
      fc.property(anyDecision, (its) => {
        for (const added of [{ clauses: [], deny: false }, its.policy])
          expect(judge(its, added)).toBe(standingOf(its, added, levels));
      }),
      { numRuns: 500 },
    );
  });

  test('at levels with ages, bindings and pauses, too', () => {
    const strict = defaultLevels.map((level, index): Level => {
      if (index === 1) return { ...level, maxAge: 61, idle: { after: 290, resumeWith: ['passkey'] } };
      return index === 2 ? { ...level, tokensFor: 300, requiresBinding: 'phr' } : level;
    });
    const judge = createJudge(strict);
    fc.assert(
      fc.property(anyDecision, fc.nat(600), (its, idle) => {
        const active = { ...its, lastActive: { 'urn:stile:acr:mfa': its.now - idle } };
        expect(judge(active, its.policy)).toBe(standingOf(active, its.policy, strict));
      }),
      { numRuns: 500 },
    );
  });
});

function plainRule(draft: Policy, name: string, rows: readonly Row[]) {
  const its = draft.rules.find((each) => each.name === name) as Rule;
  const without = { ...draft, rules: draft.rules.filter((each) => each !== its) };
  const sums = { matched: 0, unknown: 0, promptsAlone: 0, blocksAlone: 0, refusalsAlone: 0 };
  for (const { event, after } of rows) {
    const { decision } = event;
    const all = { ...decision.facts, time: timeFacts(decision.now, draft.timeZone) };
    if (plainlyUnsure(its, all)) sums.unknown += 1;
    else if (plainlyMatches(its, all)) sums.matched += 1;
    if (plainlyUnsure(its, all) || its.mode !== 'enforce' || after === 'unknown') continue;
    const less = plainAfter(decision, sureOnly(without, all), levels);
    if (after === 'prompted' && less === 'passes') sums.promptsAlone += 1;
    if (after === 'refused' && less === 'passes') sums.refusalsAlone += 1;
    if (isBlock(after) && !isBlock(less)) sums.blocksAlone += 1;
  }
  return sums;
}

/** Where the standing is known, it is so without the rules that are not. */
function sureOnly(draft: Policy, all: Parameters<typeof plainlyUnsure>[1]): Policy {
  return { ...draft, rules: draft.rules.filter((each) => !plainlyUnsure(each, all)) };
}

function plainlyMatches(its: Rule, all: Parameters<Rule['matches']>[0]): boolean {
  try {
    return its.matches(all);
  } catch {
    return true;
  }
}
