/** How often the rules in force matched, by day: enforced and observed. */
import type { Effect, Mode, RuleMatch } from '../policy/policy.ts';
import { foldTransactions } from './transactions.ts';

/** What is read of a decision for this. */
export interface StoredMatches {
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly type: string;
  /** YYYY-MM-DD in the time zone of the policy of then. */
  readonly date: string;
  readonly kind: string;
  readonly transaction: string;
  readonly matched: readonly RuleMatch[];
}

export interface RuleDays {
  readonly rule: string;
  readonly mode: Mode;
  readonly effect: Effect['kind'];
  readonly matched: number;
  /** Of these, those in which its condition failed. */
  readonly failed: number;
  readonly perDay: readonly { readonly date: string; readonly matched: number }[];
}

export interface RuleStats {
  readonly v: 1;
  /** One for each transaction and refresh. */
  readonly decisions: number;
  /** Days with decisions, in order. */
  readonly days: readonly string[];
  /** The most often matched first. A rule that was enforced and observed at times is in it twice. */
  readonly rules: readonly RuleDays[];
}

interface Row extends Pick<RuleDays, 'rule' | 'mode' | 'effect'> {
  matched: number;
  failed: number;
  readonly days: Map<string, number>;
}

/** Takes decisions in order of time. */
export function createStats() {
  const rows = new Map<string, Row>();
  const days = new Set<string>();
  let decisions = 0;
  const count = ({ date, matched }: StoredMatches & { readonly last: boolean }): void => {
    decisions += 1;
    days.add(date);
    for (const match of matched) countMatch(rows, match, date);
  };
  const transactions = foldTransactions(count);
  return {
    /** What is not of the form is left out. */
    add: (item: StoredMatches) => {
      if (!Array.isArray(item.matched) || typeof item.date !== 'string') return;
      transactions.add({ ...item, last: item.type === 'authorization' });
    },
    report: (): RuleStats => {
      transactions.end();
      const list = [...rows.values()].sort((a, b) => b.matched - a.matched || (a.rule < b.rule ? -1 : 1));
      return { v: 1, decisions, days: [...days].sort(), rules: list.map(shown) };
    },
  };
}

function countMatch(rows: Map<string, Row>, { rule, mode, effect, error }: RuleMatch, date: string): void {
  const key = `${mode} ${effect} ${rule}`;
  const row = rows.get(key) ?? { rule, mode, effect, matched: 0, failed: 0, days: new Map() };
  rows.set(key, row);
  row.matched += 1;
  if (error !== undefined) row.failed += 1;
  row.days.set(date, (row.days.get(date) ?? 0) + 1);
}

function shown({ days, ...row }: Row): RuleDays {
  const perDay = [...days].map(([date, matched]) => ({ date, matched }));
  return { ...row, perDay: perDay.sort((a, b) => (a.date < b.date ? -1 : 1)) };
}
