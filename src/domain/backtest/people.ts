/** Adds up whom it concerns: of people without a change nothing is kept but that they were there. */
import { add, type Counts, isLockedOut, keepSample, noChanges, weight } from './changes.ts';
import type { Replayed } from './replay.ts';
import type { Change, People, PersonRow, Sample } from './report.ts';

const SAMPLES = 2;
/** People in a list. */
const LISTED = 20;
const LOCKED_LISTED = 100;
/** Beyond these the numbers of people are the least there are. */
const MOST_SEEN = 500_000;
const MOST_AFFECTED = 100_000;

interface Row extends Counts {
  readonly account: string;
  username: string;
  locked: boolean;
  readonly samples: Sample[];
}

export function createPeople({ mostSeen = MOST_SEEN, mostAffected = MOST_AFFECTED } = {}) {
  const seen = new Set<string>();
  const rows = new Map<string, Row>();
  let exact = true;
  const rowOf = ({ account, username }: Replayed): Row | undefined => {
    const known = rows.get(account);
    if (known) return known;
    if (rows.size >= mostAffected) {
      exact = false;
      return undefined;
    }
    const made = { account, username, locked: false, ...noChanges(), samples: [] };
    rows.set(account, made);
    return made;
  };
  return {
    count: (replayed: Replayed, changes: readonly Change[]) => {
      if (seen.size < mostSeen) seen.add(replayed.account);
      else if (!seen.has(replayed.account)) exact = false;
      if (changes.length === 0) return;
      const row = rowOf(replayed);
      if (!row) return;
      add(row, changes);
      countLocked(row, replayed);
      if (!changes.includes('unknown')) keepSample(row.samples, replayed, SAMPLES);
    },
    report: (): People => {
      const affected = [...rows.values()].filter((row) => weight(row) > 0).sort(bySeverity);
      const locked = affected.filter((row) => row.locked);
      return {
        seen: seen.size,
        affected: affected.length,
        exact,
        most: affected.slice(0, LISTED).map(shown),
        lockedOut: { count: locked.length, some: locked.slice(0, LOCKED_LISTED).map(shown) },
        spread: spreadOf(affected),
      };
    },
  };
}

/** The samples of who is locked out begin with that. */
function countLocked(row: Row, replayed: Replayed): void {
  if (!isLockedOut(replayed) || row.locked) return;
  row.locked = true;
  row.samples.splice(0);
}

function shown({ locked: _, ...row }: Row): PersonRow {
  return row;
}

function bySeverity(a: Row, b: Row): number {
  return (
    b.extraPrompts - a.extraPrompts ||
    b.extraBlocks - a.extraBlocks ||
    weight(b) - weight(a) ||
    (a.account < b.account ? -1 : 1)
  );
}

const steps = [1, 2, 3, 5, 10, 20, 50];

function spreadOf(rows: readonly Row[]): People['spread'] {
  return steps.map((from, index) => {
    const next = steps[index + 1];
    const people = rows.filter(
      ({ extraPrompts }) => extraPrompts >= from && (next === undefined || extraPrompts < next),
    ).length;
    return { from, to: next === undefined ? null : next - 1, people };
  });
}
