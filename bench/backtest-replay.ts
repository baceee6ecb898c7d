/**
 * The replay of the backtest's benchmark, as a process of its own, as `stile policy backtest` is:
 * `node backtest-replay.js DATABASE_URL`; says its figures over the channel.
 */
import { requirePolicy } from '../src/config/policy/load.ts';
import { createBacktest } from '../src/domain/backtest/backtest.ts';
import type { BacktestReport } from '../src/domain/backtest/report.ts';
import { defaultLevels } from '../src/domain/ladder.ts';
import { type Database, openDatabase } from '../src/infra/db.ts';
import { readDecisions } from '../src/infra/decision-log.ts';
import { draftPolicy } from './history.ts';

export interface ReplayFigures {
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

async function replay(db: Database): Promise<ReplayFigures> {
  const policy = requirePolicy(draftPolicy, { levels: defaultLevels, file: 'bench' });
  const before = process.cpuUsage();
  const begin = performance.now();
  const backtest = createBacktest({ policy, levels: defaultLevels });
  for await (const page of readDecisions(db, {})) for (const event of page) backtest.add(event);
  const { decisions, changes } = backtest.report();
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const peakRss = (process.resourceUsage().maxRSS * 1024) / 1e6;
  return { decisions: decisions.counted, rules: policy.rules.length, seconds, cpuSeconds, peakRss, changes };
}

const db = await openDatabase(
  { url: process.argv[2] ?? '' },
  { log: { warn: () => {} }, statementTimeout: 120_000 },
);
const figures = await replay(db);
process.send?.(figures);
await db.close();
process.disconnect?.();
