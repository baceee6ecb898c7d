/** A backtest in a terminal. */
import type { BacktestReport, GroupRow, RuleRow } from '../domain/backtest/report.ts';
import { bar, clipped, grouped, signed, spark, type TextColumn, tableLines, WIDTH } from './text-table.ts';

export interface SummaryInput {
  readonly report: BacktestReport;
  /** Of the draft's file. */
  readonly name: string;
}

/** People, clients and groups in a list. */
const LISTED = 8;

/** None is wider than 80 columns. */
export function summaryLines({ report, name }: SummaryInput): string[] {
  const { decisions, policy } = report;
  const head = [clipped(`Backtest of ${name}, version ${policy.version}, ${policy.rules} rules`, WIDTH)];
  if (decisions.counted === 0)
    return [...head, 'There are no recorded decisions in this time.', ...unreadLines(report)];
  return [
    ...head,
    ...spanLines(report),
    '',
    ...totalLines(report),
    '',
    ...dayLines(report),
    ...peopleLines(report),
    ...unknownLines(report),
    '',
    ...ruleLines(report),
    ...goneLines(report),
    ...rowLines('Clients', report.clients),
    ...rowLines('Groups', report.groups),
    ...unreadLines(report),
  ];
}

function spanLines({ first, last, decisions, people }: BacktestReport): string[] {
  const least = people.exact ? '' : 'at least ';
  return [
    `${timeOf(first)} to ${timeOf(last)} UTC`,
    `${grouped(decisions.counted)} decisions (${grouped(decisions.authorizations)} authorizations, ${grouped(decisions.refreshes)} refreshes),`,
    `${least}${grouped(people.seen)} people`,
  ];
}

function timeOf(at: number | null): string {
  return new Date((at ?? 0) * 1000).toISOString().slice(0, 16).replace('T', ' ');
}

function totalLines({ recorded, draft, changes, perDay }: BacktestReport): string[] {
  const days = Math.max(perDay.length, 1);
  const rows = [
    { name: 'prompts', of: 'prompts', more: changes.extraPrompts, fewer: changes.fewerPrompts },
    { name: 'blocks', of: 'blocks', more: changes.extraBlocks, fewer: changes.fewerBlocks },
    {
      name: 'refused refreshes',
      of: 'refusals',
      more: changes.extraRefusals,
      fewer: changes.fewerRefusals,
    },
  ] as const;
  return tableLines<(typeof rows)[number]>(rows, [
    { head: '', width: 18, cell: ({ name }) => name },
    { head: 'recorded', width: 11, figure: true, cell: ({ of }) => grouped(recorded[of]) },
    { head: 'draft', width: 11, figure: true, cell: ({ of }) => grouped(draft[of]) },
    { head: 'more', width: 11, figure: true, cell: ({ more }) => grouped(more) },
    { head: 'fewer', width: 11, figure: true, cell: ({ fewer }) => grouped(fewer) },
    {
      head: 'a day',
      width: 10,
      figure: true,
      cell: ({ of }) => signed(Math.round(((draft[of] - recorded[of]) / days) * 10) / 10),
    },
  ]);
}

function dayLines({ perDay }: BacktestReport): string[] {
  const most = perDay.reduce((top, { draft }) => Math.max(top, draft.prompts), 0);
  return [
    `prompts a day, recorded  ${spark(
      perDay.map(({ recorded }) => recorded.prompts),
      40,
    )}`,
    `               draft     ${spark(
      perDay.map(({ draft }) => draft.prompts),
      40,
    )}  up to ${grouped(most)}`,
    '',
  ];
}

function peopleLines({ people: { affected, seen, lockedOut, most } }: BacktestReport): string[] {
  const share = seen === 0 ? 0 : (affected / seen) * 100;
  const rows = most.slice(0, 3).filter(({ extraPrompts }) => extraPrompts > 0);
  return [
    `${grouped(affected)} people affected (${grouped(share)} %)${rows.length > 0 ? '; most prompts more:' : ''}`,
    ...rows.map(({ username, account, extraPrompts }) =>
      clipped(`  ${username || account}  ${signed(extraPrompts)}`, WIDTH),
    ),
    ...(lockedOut.count === 0
      ? ['Nobody is locked out for lack of a factor.']
      : [
          `LOCKED OUT for lack of a factor: ${grouped(lockedOut.count)} people`,
          ...lockedOut.some
            .slice(0, LISTED)
            .map(({ username, account, samples }) =>
              clipped(`  ${username || account}  ${sessionOf(samples[0])}`, WIDTH),
            ),
          ...(lockedOut.count > LISTED
            ? [`  and ${grouped(lockedOut.count - LISTED)} more: --html, --json or --list`]
            : []),
        ]),
  ];
}

function sessionOf(sample: BacktestReport['samples']['unknown'][number] | undefined): string {
  if (!sample) return '';
  return sample.session === null ? `event ${sample.event}` : `session ${sample.session}`;
}

function unknownLines({ changes: { unknown } }: BacktestReport): string[] {
  if (unknown === 0) return [];
  return [
    `${grouped(unknown)} decisions rest on facts that were not recorded (risk, device, whole`,
    'addresses): they are in no number above.',
  ];
}

function ruleLines({ rules }: BacktestReport): string[] {
  const own = rules.filter(({ mode }) => mode !== null);
  const alone = (row: RuleRow) => row.promptsAlone + row.blocksAlone + row.refusalsAlone;
  const most = Math.max(...own.map(alone), 0);
  const columns: TextColumn<RuleRow>[] = [
    { head: 'rule', width: 26, cell: ({ name, mode }) => (mode === 'observe' ? `${name} (observed)` : name) },
    { head: 'matches', width: 9, figure: true, cell: ({ matched }) => grouped(matched) },
    { head: 'unknown', width: 8, figure: true, cell: ({ unknown }) => grouped(unknown) },
    { head: 'prompts', width: 8, figure: true, cell: ({ promptsAlone }) => grouped(promptsAlone) },
    { head: 'blocks', width: 7, figure: true, cell: ({ blocksAlone }) => grouped(blocksAlone) },
    { head: 'refusals', width: 8, figure: true, cell: ({ refusalsAlone }) => grouped(refusalsAlone) },
    { head: '', width: 7, cell: (row) => bar(alone(row), most, 7) },
  ];
  const failed = own.filter((row) => row.failed > 0);
  return [
    'What each rule of the draft matches, and causes alone:',
    ...tableLines(own, columns),
    ...failed.map((row) =>
      clipped(
        `${row.name}: its condition failed ${grouped(row.failed)} times, and counted as a match`,
        WIDTH,
      ),
    ),
  ];
}

function goneLines({ rules }: BacktestReport): string[] {
  const gone = rules.filter(({ mode }) => mode === null);
  if (gone.length === 0) return [];
  return [
    '',
    'Matched then, and not in the draft:',
    ...gone
      .slice(0, LISTED)
      .map(({ name, matchedBefore }) => clipped(`  ${name}  ${grouped(matchedBefore)}`, WIDTH)),
  ];
}

function rowLines(title: string, rows: readonly GroupRow[]): string[] {
  const changed = rows.filter((row) => row.extraPrompts + row.extraBlocks + row.extraRefusals > 0);
  if (changed.length === 0) return [];
  return [
    '',
    ...tableLines(changed.slice(0, LISTED), [
      { head: title.toLowerCase(), width: 30, cell: ({ name }) => (name === '' ? 'others' : name) },
      { head: 'decisions', width: 11, figure: true, cell: ({ decisions }) => grouped(decisions) },
      { head: 'prompts', width: 9, figure: true, cell: ({ extraPrompts }) => signed(extraPrompts) },
      { head: 'blocks', width: 9, figure: true, cell: ({ extraBlocks }) => signed(extraBlocks) },
      { head: 'refusals', width: 9, figure: true, cell: ({ extraRefusals }) => signed(extraRefusals) },
    ]),
  ];
}

function unreadLines({ decisions: { unreadable } }: BacktestReport): string[] {
  return unreadable === 0 ? [] : ['', `${grouped(unreadable)} lines or events could not be read.`];
}
