/** `stile policy stats`: how often each rule matched. */
import { createStats, type RuleDays, type RuleStats } from '../domain/backtest/stats.ts';
import { createClock } from '../infra/system.ts';
import { performHere } from './database-command.ts';
import { type ConfigFile, load } from './load.ts';
import { type SpanOptions, spanOf } from './span.ts';
import type { Terminal } from './terminal.ts';
import { clipped, grouped, spark, tableLines, WIDTH } from './text-table.ts';

export interface StatsOptions extends ConfigFile, SpanOptions {
  readonly json: boolean;
}

/** Error: `FolderLockedError` where a process has the embedded database. */
export async function policyStats(terminal: Terminal, options: StatsOptions): Promise<number> {
  const span = spanOf(options, createClock().now());
  const { readMatches } = await import('../infra/decision-log.ts');
  const stats = createStats();
  const run = async ({ db }: Parameters<Parameters<typeof performHere>[1]['run']>[0]) => {
    let count = 0;
    for await (const page of readMatches(db, span)) {
      for (const item of page) stats.add(item);
      count += page.length;
      terminal.progress(`${grouped(count)} decisions …`);
    }
  };
  await performHere(load(options), { name: 'policy.stats', run }, null);
  terminal.progress('');
  const report = stats.report();
  if (options.json) terminal.out(JSON.stringify(report, null, 2));
  else for (const line of statsLines(report)) terminal.out(line);
  return 0;
}

/** None is wider than 80 columns. */
export function statsLines({ decisions, days, rules }: RuleStats): string[] {
  if (decisions === 0) return ['There are no recorded decisions in this time.'];
  const failed = rules.filter((row) => row.failed > 0);
  return [
    `${grouped(decisions)} decisions, ${days[0]} to ${days.at(-1)}`,
    '',
    ...(rules.length === 0
      ? ['No rule matched.']
      : tableLines<RuleDays>(rules, [
          { head: 'rule', width: 24, cell: ({ rule }) => rule },
          { head: 'mode', width: 8, cell: ({ mode }) => mode },
          { head: 'effect', width: 8, cell: ({ effect }) => effect },
          { head: 'matches', width: 9, figure: true, cell: ({ matched }) => grouped(matched) },
          { head: 'by day', width: 27, cell: ({ perDay }) => spark(everyDay(days, perDay), 27) },
        ])),
    ...failed.map((row) => clipped(`${row.rule}: its condition failed ${grouped(row.failed)} times`, WIDTH)),
  ];
}

/** Also the days on which nothing was decided. */
function everyDay(days: readonly string[], perDay: RuleDays['perDay']): number[] {
  const counts = new Map(perDay.map(({ date, matched }) => [date, matched]));
  const [first, last] = [dayOf(days[0]), dayOf(days.at(-1))];
  return Array.from(
    { length: last - first + 1 },
    (_, index) => counts.get(new Date((first + index) * 86_400_000).toISOString().slice(0, 10)) ?? 0,
  );
}

function dayOf(date: string | undefined): number {
  return Math.floor(Date.parse(`${date ?? '1970-01-01'}T00:00:00Z`) / 86_400_000);
}
