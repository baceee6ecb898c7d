import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBacktest } from '../../../src/domain/backtest/backtest.ts';
import { createJudge } from '../../../src/domain/backtest/memo.ts';
import type { DecisionEvent } from '../../../src/domain/backtest/replay.ts';
import { type Change, changeNames } from '../../../src/domain/backtest/report.ts';
import { standingOf } from '../../../src/domain/backtest/standing.ts';
import type { RecordedDecision } from '../../../src/domain/decision.ts';
import { defaultLevels, type Level } from '../../../src/domain/ladder.ts';
import type { Policy, Rule } from '../../../src/domain/policy/policy.ts';
import { timeFacts } from '../../../src/domain/policy/time.ts';
import type { Proof } from '../../../src/domain/proofs.ts';
import type { Clause } from '../../../src/domain/requirement.ts';
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

  test('with one memory for all of them, though they differ in one thing only', () => {
    agree(levels, (its) => [its, ...variants(its)]);
  });

  test('at levels with ages and bindings, too', () => {
    const strict = defaultLevels.map((level, index): Level => {
      if (index === 1) return { ...level, maxAge: 61 };
      return index === 2 ? { ...level, tokensFor: 300, requiresBinding: 'phr' } : level;
    });
    agree(strict, (its) => [its, ...variants(its)]);
  });

  test('at levels that pause, too', () => {
    const pausing = defaultLevels.map((level, index): Level => {
      return index === 1 ? { ...level, idle: { after: 290, resumeWith: ['passkey'] } } : level;
    });
    const active = (its: RecordedDecision, idle: number) => ({
      ...its,
      lastActive: { 'urn:stile:acr:mfa': its.now - idle },
    });
    agree(pausing, (its) => [its, active(its, 289), active(its, 291), active(its, 600)]);
  });
});

/** What is remembered, with little room, is what is worked out. */
function agree(ladder: readonly Level[], of: (its: RecordedDecision) => readonly RecordedDecision[]): void {
  const judge = createJudge(ladder, 400);
  fc.assert(
    fc.property(anyDecision, (its) => {
      for (const each of of(its))
        for (const added of [{ clauses: [], deny: false }, its.policy])
          if (judge(each, added) !== standingOf(each, added, ladder))
            throw new Error(`remembered otherwise: ${JSON.stringify(each)}`);
    }),
    { numRuns: 60 },
  );
}

const recent = ({ clauses }: RecordedDecision): Clause[] => [
  ...clauses,
  { source: 'max_age', maxAge: 300, reason: 'recent' },
];

/** The same decision with one thing otherwise. */
function variants(its: RecordedDecision): RecordedDecision[] {
  const { proofs, credentials, facts, now } = its;
  const without = <T>(list: readonly T[], index: number) => list.filter((_, at) => at !== index);
  const proved = (change: (proof: Proof) => Partial<Proof>) =>
    proofs.map((proof) => ({ ...proof, ...change(proof) }));
  return [
    ...credentials.map((_, index) => ({ ...its, credentials: without(credentials, index) })),
    ...credentials.map((one, index) => ({
      ...its,
      credentials: credentials.with(index, { ...one, boundAt: 'phr', hardwareProtected: true }),
    })),
    ...proofs.flatMap((_, index) => (proofs.length > 1 ? [{ ...its, proofs: without(proofs, index) }] : [])),
    ...[0, 54, 60, 290, 300, 900].map((later) => ({ ...its, clauses: recent(its), now: now + later })),
    { ...its, proofs: proved(() => ({ transaction: its.transaction })) },
    { ...its, proofs: proved(() => ({ transaction: 'before' })) },
    { ...its, proofs: proved(() => ({ at: null })) },
    { ...its, proofs: proved(() => ({ forClient: 'bank' })) },
    { ...its, facts: { ...facts, client: { ...facts.client, id: 'shop' } } },
    { ...its, facts: { ...facts, request: { ...facts.request, silent: !facts.request.silent } } },
    { ...its, lastAcr: its.lastAcr === null ? 'phr' : null },
    ...its.clauses.map((_, index) => ({ ...its, clauses: without(its.clauses, index) })),
    ...its.clauses.map((clause, index) => ({
      ...its,
      clauses: its.clauses.with(index, { ...clause, maxAge: 60 }),
    })),
    ...its.clauses.map((clause, index) => ({
      ...its,
      clauses: its.clauses.with(index, { ...clause, narrow: true }),
    })),
  ];
}

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
