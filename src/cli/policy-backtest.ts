/** `stile policy backtest`: recorded decisions under a draft. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type BacktestInput, createBacktest, type StoredDecision } from '../domain/backtest/backtest.ts';
import type { BacktestReport } from '../domain/backtest/report.ts';
import type { Span } from '../infra/decision-log.ts';
import { createClock } from '../infra/system.ts';
import { summaryLines } from './backtest-summary.ts';
import { performHere } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import { levelsOf, readPolicyFile } from './policy-file.ts';
import { type SpanOptions, spanOf } from './span.ts';
import type { Terminal } from './terminal.ts';

export interface BacktestOptions extends ConfigFile, SpanOptions {
  readonly policy: string;
  /** An export of the audit, instead of the database. */
  readonly export?: string;
  /** Where the report with charts is written. */
  readonly html?: string;
  readonly json: boolean;
  readonly list: boolean;
}

type Pages = AsyncIterable<readonly StoredDecision[]>;

/** Errors: `CommandError`, `PolicyError`, `FolderLockedError` where a process has the embedded database. */
export async function policyBacktest(terminal: Terminal, options: BacktestOptions): Promise<number> {
  const policy = readPolicyFile(options);
  const now = createClock().now();
  // An export is taken whole, unless a time is named.
  const whole = options.export !== undefined && options.since === undefined;
  const span = whole ? spanOf({ ...options, since: '1970-01-01' }, now) : spanOf(options, now);
  const input = { policy, levels: levelsOf(options) };
  const report = await reading(options, span, (pages) => replay(terminal, pages, { ...options, ...input }));
  terminal.progress('');
  const name = basename(options.policy);
  if (options.html !== undefined) await writePage(options.html, { report, name, at: now });
  if (options.json) terminal.out(JSON.stringify(report, null, 2));
  else if (!options.list) for (const line of summaryLines({ report, name })) terminal.out(line);
  if (options.html !== undefined) terminal.note(`The report with charts is in ${options.html}.`);
  return 0;
}

async function reading(
  { export: path, ...options }: BacktestOptions,
  span: Span,
  work: (pages: Pages) => Promise<BacktestReport>,
): Promise<BacktestReport> {
  const { readDecisionFile, readDecisions } = await import('../infra/decision-log.ts');
  if (path !== undefined) {
    try {
      return await work(readDecisionFile(path, span));
    } catch (error) {
      if (isFileFault(error)) throw new CommandError(`${path} cannot be read`);
      throw error;
    }
  }
  const run = ({ db }: Parameters<Parameters<typeof performHere>[1]['run']>[0]) =>
    work(readDecisions(db, span));
  return (await performHere(load(options), { name: 'policy.backtest', run }, null)) as BacktestReport;
}

function isFileFault(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

async function replay(
  terminal: Terminal,
  pages: Pages,
  { policy, levels, list }: Pick<BacktestInput, 'policy' | 'levels'> & { readonly list: boolean },
): Promise<BacktestReport> {
  let lines = '';
  const backtest = createBacktest({
    policy,
    levels,
    ...(list ? { onChange: (changed) => (lines += `${JSON.stringify(changed)}\n`) } : {}),
  });
  const print = async () => {
    if (lines !== '') await terminal.stream(lines);
    lines = '';
  };
  let count = 0;
  for await (const page of pages) {
    for (const event of page) backtest.add(event);
    count += page.length;
    terminal.progress(`${count.toLocaleString('en')} decisions …`);
    await print();
  }
  const report = backtest.report();
  await print();
  return report;
}

async function writePage(
  path: string,
  page: { report: BacktestReport; name: string; at: number },
): Promise<void> {
  const { reportPage } = await import('../report/page.ts');
  try {
    // It names people.
    writeFileSync(path, reportPage(page), { mode: 0o600 });
  } catch (error) {
    if (isFileFault(error)) throw new CommandError(`${path} cannot be written`);
    throw error;
  }
}
