/** Which numbers one decision changes. */
import type { Replayed } from './replay.ts';
import { type Change, changeNames, type Sample, type Totals } from './report.ts';
import { isBlocked, type Standing } from './standing.ts';

/** A block is no prompt: whoever is blocked is asked for nothing. */
export function changesOf({ before, after }: Pick<Replayed, 'before' | 'after'>): readonly Change[] {
  if (after === 'unknown') return unknown;
  if (before === after) return none;
  const changes: Change[] = [];
  if (after === 'prompted') changes.push('extraPrompts');
  if (before === 'prompted') changes.push('fewerPrompts');
  if (isBlocked(after) && !isBlocked(before)) changes.push('extraBlocks');
  if (isBlocked(before) && !isBlocked(after)) changes.push('fewerBlocks');
  if (after === 'refused') changes.push('extraRefusals');
  if (before === 'refused') changes.push('fewerRefusals');
  return changes;
}

const none: readonly Change[] = [];
const unknown: readonly Change[] = ['unknown'];

/** Locked out by the draft alone. */
export function isLockedOut({ before, after }: Pick<Replayed, 'before' | 'after'>): boolean {
  return after === 'lockedOut' && !isBlocked(before);
}

export type Counts = Record<Change, number>;

export function noChanges(): Counts {
  return {
    extraPrompts: 0,
    fewerPrompts: 0,
    extraBlocks: 0,
    fewerBlocks: 0,
    extraRefusals: 0,
    fewerRefusals: 0,
    unknown: 0,
  };
}

export function add(counts: Counts, changes: readonly Change[]): void {
  for (const change of changes) counts[change] += 1;
}

/** All that changes, to sort by. */
export function weight(counts: Readonly<Counts>): number {
  return changeNames.reduce((sum, name) => sum + (name === 'unknown' ? 0 : counts[name]), 0);
}

export type MutableTotals = { -readonly [T in keyof Totals]: number };

export function noTotals(): MutableTotals {
  return { prompts: 0, blocks: 0, refusals: 0 };
}

export function addStanding(totals: MutableTotals, standing: Standing): void {
  if (standing === 'prompted') totals.prompts += 1;
  else if (isBlocked(standing)) totals.blocks += 1;
  else if (standing === 'refused') totals.refusals += 1;
}

export function sampleOf({ event, at, account, client, session, transaction }: Replayed): Sample {
  return { event, at, account, client, session, transaction };
}

export function keepSample(samples: Sample[], replayed: Replayed, most: number): void {
  if (samples.length < most) samples.push(sampleOf(replayed));
}
