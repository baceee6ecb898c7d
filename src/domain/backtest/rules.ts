/** Adds up what each rule does, of the draft and of what was recorded. */
import type { Policy, RuleMatch } from '../policy/policy.ts';
import { keepSample } from './changes.ts';
import type { Replayed } from './replay.ts';
import type { RuleRow, Sample } from './report.ts';
import { isBlocked } from './standing.ts';

const SAMPLES = 3;
/** Of rules that were in force once. */
const MOST_ROWS = 5000;

type Row = { -readonly [K in keyof RuleRow]: RuleRow[K] } & { samples: Sample[] };

export function createRules({ rules }: Policy) {
  const rows = new Map<string, Row>();
  for (const { name, effect, mode } of rules) rows.set(name, newRow(name, { effect: effect.kind, mode }));
  const rowOf = (name: string): Row => {
    const known = rows.get(name);
    if (known) return known;
    const made = newRow(name, { effect: null, mode: null });
    if (rows.size < MOST_ROWS) rows.set(name, made);
    return made;
  };
  return {
    count: (replayed: Replayed) => {
      const { matched, matchedBefore, alone, unsure, after } = replayed;
      for (const match of matched) countMatch(rowOf(match.rule), match, { replayed, alone });
      for (const { rule } of matchedBefore) rowOf(rule).matchedBefore += 1;
      for (const rule of unsure) rowOf(rule).unknown += 1;
      for (const rule of alone) {
        const row = rowOf(rule);
        if (after === 'prompted') row.promptsAlone += 1;
        else if (after === 'refused') row.refusalsAlone += 1;
        else if (after !== 'unknown' && isBlocked(after)) row.blocksAlone += 1;
      }
    },
    /** In the draft's order, then those that are gone. */
    report: (): readonly RuleRow[] => [...rows.values()],
  };
}

function newRow(name: string, its: Pick<RuleRow, 'effect' | 'mode'>): Row {
  const counts = { matched: 0, matchedBefore: 0, failed: 0, unknown: 0 };
  return { name, ...its, ...counts, promptsAlone: 0, blocksAlone: 0, refusalsAlone: 0, samples: [] };
}

/** Samples are of what it causes alone, else of what it matches. */
function countMatch(
  row: Row,
  { rule, error }: RuleMatch,
  { replayed, alone }: { readonly replayed: Replayed; readonly alone: readonly string[] },
): void {
  row.matched += 1;
  if (error !== undefined) row.failed += 1;
  const causes = alone.includes(rule);
  const caused = row.promptsAlone + row.blocksAlone + row.refusalsAlone;
  if (causes && caused < SAMPLES) row.samples.splice(caused, Number.POSITIVE_INFINITY);
  if (causes || caused === 0) keepSample(row.samples, replayed, SAMPLES);
}
