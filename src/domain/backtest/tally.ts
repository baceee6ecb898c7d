/** Adds up what changes, one decision at a time, in memory that does not grow with their number. */
import type { Policy } from '../policy/policy.ts';
import {
  add,
  addStanding,
  type Counts,
  changesOf,
  keepSample,
  type MutableTotals,
  noChanges,
  noTotals,
} from './changes.ts';
import { createPeople } from './people.ts';
import type { Replayed } from './replay.ts';
import {
  type BacktestReport,
  type Change,
  changeNames,
  type DayRow,
  type GroupRow,
  type Sample,
} from './report.ts';
import { createRules } from './rules.ts';

/** Samples of each number; of a row of a table. */
const SAMPLES = 20;
const ROW_SAMPLES = 3;
/** Clients, groups: more are one row. Days: of eleven years. */
const MOST_ROWS = 5000;
const MOST_DAYS = 4096;

export interface Tally {
  count(replayed: Replayed): void;
  report(events: { readonly events: number; readonly unreadable: number }): BacktestReport;
}

export function createTally(policy: Policy): Tally {
  const overall = createOverall();
  const days = new Map<string, Mutable<DayRow> & Counts>();
  const people = createPeople();
  const rules = createRules(policy);
  const clients = createRows();
  const groups = createRows();
  return {
    count: (replayed) => {
      const changes = changesOf(replayed);
      overall.count(replayed, changes);
      countDay(days, replayed, changes);
      people.count(replayed, changes);
      rules.count(replayed);
      clients.count(replayed.client, replayed, changes);
      for (const group of replayed.groups) groups.count(group, replayed, changes);
    },
    report: (events) => ({
      v: 1,
      policy: { version: policy.version, timeZone: policy.timeZone, rules: policy.rules.length },
      ...overall.report(events),
      perDay: [...days.values()].sort((a, b) => (a.date < b.date ? -1 : 1)),
      people: people.report(),
      rules: rules.report(),
      clients: clients.report(),
      groups: groups.report(),
    }),
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function createOverall() {
  const decisions = { counted: 0, authorizations: 0, refreshes: 0, accountChanges: 0 };
  const [recorded, draft, changes] = [noTotals(), noTotals(), noChanges()];
  const samples = Object.fromEntries(changeNames.map((name) => [name, [] as Sample[]])) as Record<
    Change,
    Sample[]
  >;
  const kinds = {
    authorization: 'authorizations',
    refresh: 'refreshes',
    account_change: 'accountChanges',
  } as const;
  let first: number | null = null;
  let last: number | null = null;
  return {
    count: (replayed: Replayed, changed: readonly Change[]) => {
      decisions.counted += 1;
      decisions[kinds[replayed.kind]] += 1;
      first = first === null ? replayed.at : Math.min(first, replayed.at);
      last = last === null ? replayed.at : Math.max(last, replayed.at);
      countTotals({ recorded, draft }, replayed);
      add(changes, changed);
      for (const change of changed) keepSample(samples[change], replayed, SAMPLES);
    },
    report: (events: { events: number; unreadable: number }) => ({
      first,
      last,
      decisions: { ...decisions, ...events },
      recorded,
      draft,
      changes,
      samples,
    }),
  };
}

/** Of decisions that are known on both sides, so that the two can be compared. */
function countTotals(
  { recorded, draft }: { readonly recorded: MutableTotals; readonly draft: MutableTotals },
  { before, after }: Replayed,
): void {
  if (after === 'unknown') return;
  addStanding(recorded, before);
  addStanding(draft, after);
}

function countDay(
  days: Map<string, Mutable<DayRow> & Counts>,
  replayed: Replayed,
  changes: readonly Change[],
): void {
  const date = days.size < MOST_DAYS || days.has(replayed.date) ? replayed.date : '';
  const known = days.get(date);
  const row = known ?? { date, decisions: 0, recorded: noTotals(), draft: noTotals(), ...noChanges() };
  if (!known) days.set(date, row);
  row.decisions += 1;
  countTotals(row, replayed);
  add(row, changes);
}

function createRows() {
  type Row = Mutable<GroupRow> & Counts & { samples: Sample[] };
  const rows = new Map<string, Row>();
  return {
    count: (name: string, replayed: Replayed, changes: readonly Change[]) => {
      const key = rows.size < MOST_ROWS || rows.has(name) ? name : '';
      const known = rows.get(key);
      const row: Row = known ?? { name: key, decisions: 0, ...noChanges(), samples: [] };
      if (!known) rows.set(key, row);
      row.decisions += 1;
      add(row, changes);
      if (changes.length > 0) keepSample(row.samples, replayed, ROW_SAMPLES);
    },
    report: (): GroupRow[] =>
      [...rows.values()].sort(
        (a, b) =>
          b.extraBlocks - a.extraBlocks ||
          b.extraPrompts - a.extraPrompts ||
          b.extraRefusals - a.extraRefusals ||
          b.decisions - a.decisions ||
          (a.name < b.name ? -1 : 1),
      ),
  };
}
