/** `stile policy simulate`: a matrix of what a draft asks, by signal and by what people have. */
import { loadFacts } from '../config/policy/facts-file.ts';
import {
  everyday,
  type SimulatedCell,
  type SimulatedRow,
  type Simulation,
  simulate,
} from '../domain/backtest/simulate.ts';
import { completeFacts } from '../domain/policy/prepared-facts.ts';
import type { ConfigFile } from './load.ts';
import { faulty, levelsOf, readPolicyFile, requiredText } from './policy-file.ts';
import type { Terminal } from './terminal.ts';
import { clipped, grouped, type TextColumn, tableLines, WIDTH } from './text-table.ts';

export interface SimulateOptions extends ConfigFile {
  readonly policy: string;
  /** Facts that stay, in YAML. */
  readonly facts?: string;
  readonly json: boolean;
}

/** Errors: `CommandError`, `PolicyError`. */
export async function policySimulate(terminal: Terminal, options: SimulateOptions): Promise<number> {
  const policy = readPolicyFile(options);
  const base = options.facts === undefined ? completeFacts(everyday) : factsIn(options.facts);
  const simulation = simulate({ policy, levels: levelsOf(options), base });
  if (options.json) terminal.out(JSON.stringify(simulation, null, 2));
  else for (const line of matrixLines(simulation)) terminal.out(line);
  return 0;
}

function factsIn(file: string) {
  const loaded = loadFacts(requiredText(file));
  if (!('facts' in loaded)) throw faulty(file, loaded.faults);
  return loaded.facts;
}

/** None is wider than 80 columns. */
export function matrixLines({ policy, people, rows }: Simulation): string[] {
  const runs = joined(rows);
  const asking = runs.filter(({ row }) =>
    row.cells.some(({ verdict, observed }) => verdict !== 'nothing' || observed.length > 0),
  );
  const quiet = runs.filter((run) => !asking.includes(run) && run.row.fact !== '');
  const columns: TextColumn<Run>[] = [
    { head: 'signing in, and then', width: 23, cell: labelOf },
    ...people.map(({ name }, index) => ({
      head: name,
      width: 13,
      cell: ({ row }: Run) => (row.cells[index] ? cellText(row.cells[index]) : ''),
    })),
  ];
  const [heads = '', ...lines] = tableLines(asking, columns);
  return [
    `Version ${policy.version}, ${policy.rules} rules. What is asked of people with a password, with`,
    'TOTP or a passkey beside it, or with a passkey alone; the first was just proved.',
    '',
    heads,
    ...lines.flatMap((line, index) => [line, ...ruleNote(asking[index]?.row)]),
    ...(asking.length === 0 ? ['nothing is asked of anybody'] : []),
    '',
    '. nothing more   ok met by the sign-in   +totp, +key asked for   <5m so lately',
    ...(quiet.length > 0 ? ['', 'Nothing is asked for:', ...wrapped(quiet.map(labelOf))] : []),
  ];
}

/** Rows of one fact, from one value to another, that come to the same. */
interface Run {
  readonly row: SimulatedRow;
  readonly from: SimulatedRow['value'];
  readonly to: SimulatedRow['value'];
  readonly first: boolean;
  readonly last: boolean;
}

function joined(rows: readonly SimulatedRow[]): Run[] {
  const runs: {
    row: SimulatedRow;
    from: SimulatedRow['value'];
    to: SimulatedRow['value'];
    first: boolean;
    last: boolean;
  }[] = [];
  for (const [index, row] of rows.entries()) {
    const before = runs.at(-1);
    const [earlier, later] = [rows[index - 1], rows[index + 1]];
    if (
      before &&
      typeof row.value === 'number' &&
      isSibling(before.row, row) &&
      JSON.stringify(before.row.cells) === JSON.stringify(row.cells)
    )
      Object.assign(before, { to: row.value, last: !isSibling(row, later) });
    else
      runs.push({
        row,
        from: row.value,
        to: row.value,
        first: !isSibling(row, earlier),
        last: !isSibling(row, later),
      });
  }
  return runs;
}

function isSibling(row: SimulatedRow, other: SimulatedRow | undefined): boolean {
  return other?.fact === row.fact && other.context === row.context;
}

function labelOf({ row: { fact, value, context }, from, to, first, last }: Run): string {
  const tail = context === '' ? '' : ` (${context})`;
  if (fact === '') return 'nothing unusual';
  if (fact === 'request') return context;
  const shown = shortened(fact);
  if (value === true) return `${shown}${tail}`;
  if (value === false) return `not ${shown}${tail}`;
  if (typeof value === 'string') return `${shown} ${value}${tail}`;
  const [low, high] = [grouped(Number(from)), grouped(Number(to))];
  if (first && last) return `${shown}, any${tail}`;
  const closed = fact.startsWith('time.') || (!first && !last);
  const range = low === high ? low : `${low}-${high}`;
  return `${shown} ${closed ? range : first ? `<= ${high}` : `>= ${low}`}${tail}`;
}

/** The last part, where it says enough. */
function shortened(fact: string): string {
  const [, name = fact] = fact.split('.');
  if (name === 'groups') return 'group';
  return ['known', 'id', 'exists', 'age', 'kind', 'private', 'listed', 'change'].includes(name) ? fact : name;
}

function cellText({ verdict, acr, maxAge, prove }: SimulatedCell): string {
  if (verdict === 'nothing') return '.';
  if (verdict === 'denied') return 'DENIED';
  if (verdict === 'refused') return 'REFUSED';
  const level = acr === null ? 'any' : (acr.split(':').at(-1) ?? acr);
  const age = maxAge === null ? '' : maxAge === 0 ? '<now' : `<${ageText(maxAge)}`;
  const answer = { met: 'ok', prompted: `+${prove.map(shortMethod).join('+')}`, lockedOut: 'LOCKED' }[
    verdict
  ];
  return `${level}${age} ${answer}`;
}

function shortMethod(method: string): string {
  return method === 'passkey' ? 'key' : method === 'password' ? 'pwd' : method;
}

function ageText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

function ruleNote(row: SimulatedRow | undefined): string[] {
  const cells = row?.cells ?? [];
  const names = new Set([
    ...cells.flatMap(({ rules }) => rules),
    ...cells.flatMap(({ observed }) => observed.map((name) => `${name} (observed)`)),
  ]);
  return names.size === 0 ? [] : [clipped(`    ${[...names].join(', ')}`, WIDTH)];
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const longer = last === undefined ? '' : `${last}, ${word}`;
    if (last !== undefined && longer.length <= WIDTH - 1) lines[lines.length - 1] = longer;
    else lines.push(clipped(`  ${word}`, WIDTH - 1));
  }
  return lines;
}
