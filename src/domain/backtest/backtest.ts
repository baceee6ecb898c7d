/**
 * A draft policy against recorded decisions: reads them one by one, in order of time, and keeps only sums and a few samples.
 * Pure.
 */
import { wholeForm } from '../decision-form.ts';
import type { Level } from '../level.ts';
import type { Policy } from '../policy/policy.ts';
import { changesOf, isLockedOut, sampleOf } from './changes.ts';
import { createReplay, type DecisionEvent, type Replayed } from './replay.ts';
import type { BacktestReport, Change, Sample } from './report.ts';
import type { Standing } from './standing.ts';
import { createTally } from './tally.ts';
import { foldTransactions } from './transactions.ts';

/** As it was read: the decision is not known to be one yet. */
export interface StoredDecision extends Omit<DecisionEvent, 'decision'> {
  readonly decision: unknown;
}

/** A decision that changes, for `--list`. */
export interface Changed extends Sample {
  readonly date: string;
  readonly kind: Replayed['kind'];
  readonly username: string;
  readonly groups: readonly string[];
  readonly before: Standing;
  readonly after: Replayed['after'];
  readonly changes: readonly Change[];
  readonly lockedOut: boolean;
  /** Of the draft: those that match, and those without which nothing would change. */
  readonly rules: readonly string[];
  readonly alone: readonly string[];
  readonly unsure: readonly string[];
}

export interface Backtest {
  add(event: StoredDecision): void;
  /** Ends it. */
  report(): BacktestReport;
}

export interface BacktestInput {
  readonly policy: Policy;
  /** Of today's configuration. */
  readonly levels: readonly Level[];
  /** Told every decision that changes, in order of time but for those of one transaction. */
  readonly onChange?: (changed: Changed) => void;
}

export function createBacktest({ policy, levels, onChange }: BacktestInput): Backtest {
  const replay = createReplay(policy, levels);
  const tally = createTally(policy);
  const read = { events: 0, unreadable: 0 };
  const transactions = foldTransactions((replayed: Replayed) => {
    tally.count(replayed);
    if (onChange) tell(replayed, onChange);
  });
  return {
    add: (event) => {
      read.events += 1;
      const decision = wholeForm(event.decision);
      if (decision) transactions.add(replay({ ...event, decision }));
      else read.unreadable += 1;
    },
    report: () => {
      transactions.end();
      return tally.report(read);
    },
  };
}

function tell(replayed: Replayed, onChange: (changed: Changed) => void): void {
  const changes = changesOf(replayed);
  if (changes.length === 0) return;
  const { date, kind, username, groups, before, after, matched, alone, unsure } = replayed;
  onChange({
    ...sampleOf(replayed),
    date,
    kind,
    username,
    groups,
    before,
    after,
    changes,
    lockedOut: isLockedOut(replayed),
    rules: matched.map(({ rule }) => rule),
    alone,
    unsure,
  });
}
