/** Networks an operator names: ranges in CIDR notation, addresses, and autonomous systems such as `AS64496`. */
import { inRanges, parseRange, type Range, type RangeSet, rangeSet } from './address.ts';

export interface NetworkList {
  readonly ranges: RangeSet;
  readonly systems: ReadonlySet<number>;
}

/** An entry of the configuration that names a file of entries: it begins with `/`, `./` or `../`. */
export function isListFile(entry: string): boolean {
  return /^\.{0,2}\//.test(entry);
}

export type NetworkEntry = { readonly range: Range } | { readonly system: number };

/** Undefined: it is neither a range nor an autonomous system. */
export function parseNetworkEntry(text: string): NetworkEntry | undefined {
  const system = /^AS(\d{1,10})$/i.exec(text)?.[1];
  if (system !== undefined) return Number(system) > 0 ? { system: Number(system) } : undefined;
  const range = parseRange(text);
  return range && { range };
}

/** The entries of a file's text: one a line, `#` and what follows it is a comment. */
export function listLines(text: string): readonly { readonly line: number; readonly entry: string }[] {
  return text
    .split('\n')
    .map((each, index) => ({ line: index + 1, entry: (each.split('#')[0] ?? '').trim() }))
    .filter(({ entry }) => entry !== '');
}

export function networkList(entries: readonly NetworkEntry[]): NetworkList {
  return {
    ranges: rangeSet(entries.flatMap((entry) => ('range' in entry ? [entry.range] : []))),
    systems: new Set(entries.flatMap((entry) => ('system' in entry ? [entry.system] : []))),
  };
}

/** `asn` 0: unknown, and in no list. */
export function isOnList({ ranges, systems }: NetworkList, address: bigint, asn: number): boolean {
  return (asn !== 0 && systems.has(asn)) || inRanges(ranges, address);
}
