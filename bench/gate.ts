/**
 * `npm run bench:gate [speed|memory] [seconds a round | tokens]`: the gate beside a bare Node server that answers 204, and
 * nginx with and without it; or what it keeps of a million tokens. Servers are processes of their own; the load comes
 * from this one. Figures are for comparing, ratios for quoting.
 */
import { cpus } from 'node:os';
import { missing, startGateway } from '../test/support/gateway.ts';
import { ask, type Child, start, stopAll } from './gate-children.ts';
import { type BenchClient, createClient, startIssuer } from './gate-issuer.ts';
import { type GateLoad, loadGate } from './gate-load.ts';

const [, , what = 'all', amount] = process.argv;
const seconds = what === 'speed' ? Number(amount ?? 1.5) : 1.5;
const distinct = what === 'memory' ? Number(amount ?? 1_000_000) : 1_000_000;
const rounds = 9;
/** More than a round can send. */
const many = Math.ceil(20_000 * seconds);
const WARM = 25_000;
const BARE = 'bare, 204';
const NGINX = 'nginx alone';
const VERIFICATION = 'ES256 verification';
const issuer = await startIssuer();
try {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}; 16 connections\n`);
  if (what !== 'memory') await speed();
  if (what !== 'speed') await memory();
} finally {
  issuer.close();
  stopAll();
}

type Next = () => Buffer | undefined;

interface Row {
  readonly name: string;
  /** Whose CPU is told; nginx's is not. */
  readonly child?: Child;
  readonly port: number;
  /** What a round sends; before it begins. */
  readonly prepare: () => Next | Promise<Next>;
  /** The row, or the raw verification, it is compared with. */
  readonly base?: string;
}

/** Rows take turns, so that what else the machine does disturbs all of them alike. */
async function speed(): Promise<void> {
  const bare = await start('bare', issuer.url);
  const gate = await start('gate', issuer.url);
  const fields = await start('fields', issuer.url);
  const large = await start('gate', issuer.url, '10000');
  const warm = bearer(issuer.mint());
  const clients = Array.from({ length: 100 }, () => createClient(issuer));
  const data = same('/data/1', warm);
  const rows: Row[] = [
    { name: BARE, ...of(bare), prepare: data },
    { name: 'bare, the same answer', ...of(fields), prepare: data, base: BARE },
    { name: 'allow, warm JWT', ...of(gate), prepare: data, base: BARE },
    { name: '  10,000 rules', ...of(large), prepare: data, base: BARE },
    { name: 'challenge', ...of(gate), prepare: same('/pay/1', warm), base: BARE },
    { name: 'allow, cold JWT', ...of(gate), prepare: cold, base: VERIFICATION },
    { name: 'allow, DPoP', ...of(gate), prepare: () => bound(gate, clients), base: VERIFICATION },
  ];
  const gateways = await behindNginx({ gate: gate.port, upstream: bare.port }, warm);
  const results = await inTurns([...rows, ...gateways.rows], gate);
  await gateways.stop();
  console.log('                        per second  p50 ms  p99 ms  CPU µs   load   ratio             of CPU');
  for (const { name, base } of [{ name: VERIFICATION, base: '' }, ...rows, ...gateways.rows])
    print(name, results.get(name) ?? [], results.get(base ?? ''));
}

/** So many answers, not so much time: what is slow would be measured before its code was compiled. */
async function warmUp({ port, prepare }: Row): Promise<void> {
  const next = await prepare();
  let left = WARM;
  await loadGate({ port, next: () => (left-- > 0 ? next() : undefined), seconds: 60 });
}

/** Each row's rounds. */
async function inTurns(rows: readonly Row[], gate: Child): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>();
  for (const row of rows) await warmUp(row);
  for (let round = 0; round < rounds; round += 1) {
    const raw = await ask<number>(gate, 'verify');
    const verification = { perSecond: raw, cpu: 1e6 / raw, p50: 0, p99: 0, share: 0, statuses: {} };
    const done: [string, Round][] = [[VERIFICATION, verification]];
    for (const row of rows) done.push([row.name, await oneRound(row, await row.prepare())]);
    for (const [name, each] of done) results.set(name, [...(results.get(name) ?? []), each]);
  }
  return results;
}
function of(child: Child): Pick<Row, 'child' | 'port'> {
  return { child, port: child.port };
}

/** The same request again and again. */
function same(path: string, fields: string): () => Next {
  const request = original(path, fields);
  return () => () => request;
}

function cold(): Next {
  const requests = Array.from({ length: many }, () => original('/data/1', bearer(issuer.mint())));
  return () => requests.pop();
}

/** Of clients that have a key each. */
async function bound(gate: Child, clients: readonly BenchClient[]): Promise<Next> {
  const nonce = await nonceOf(gate);
  const requests = Array.from({ length: many }, (_, index) => {
    const { token, proof } = clients[index % clients.length] ?? createClient(issuer);
    const dpop = proof('https://bank.test/data/1', nonce);
    return original('/data/1', `authorization: DPoP ${token}\r\ndpop: ${dpop}\r\n`);
  });
  return () => requests.pop();
}

/** The nonce of now, which lives for longer than a round. */
async function nonceOf({ port }: Child): Promise<string> {
  const headers = { 'x-original-method': 'GET', 'x-original-uri': '/data/1', 'x-forwarded-proto': 'https' };
  const answer = await fetch(`http://127.0.0.1:${port}/check/original`, {
    headers: { ...headers, 'x-forwarded-host': 'bank.test' },
  });
  return answer.headers.get('dpop-nonce') ?? '';
}

async function behindNginx(ports: { gate: number; upstream: number }, fields: string) {
  if (missing('nginx')) return { rows: [], stop: async () => {} };
  const alone = await startGateway('nginx', ports, withoutGate);
  const gated = await startGateway('nginx', ports, (text) =>
    text.replace('X-Forwarded-Proto $scheme', 'X-Forwarded-Proto https'),
  );
  // The name that the snippet serves here.
  const request = Buffer.from(`GET /data/1 HTTP/1.1\r\nhost: 127.0.0.1\r\n${fields}\r\n`);
  const prepare = () => () => request;
  const rows: Row[] = [
    { name: NGINX, port: alone.port, prepare },
    { name: 'nginx with the gate', port: gated.port, prepare, base: NGINX },
  ];
  const stop = async () => {
    await alone.stop();
    await gated.stop();
  };
  return { rows, stop };
}

function withoutGate(snippet: string): string {
  return snippet
    .replaceAll(/^ *auth_request.*$/gm, '')
    .replaceAll(/^ *(?:proxy_set_header|add_header) .*\$stile_.*$/gm, '')
    .replaceAll('$stile_status', '$status');
}

/** What the process keeps after so many tokens it has seen once. */
async function memory(): Promise<void> {
  const gate = await start('gate', issuer.url);
  let left = 1;
  const next = () => (left-- > 0 ? original('/data/1', bearer(issuer.mint())) : undefined);
  await loadGate({ port: gate.port, next, seconds: 3600 });
  const steps = 4;
  for (let step = 0; step <= steps; step += 1) {
    const { heapUsed, rss } = await ask<NodeJS.MemoryUsage>(gate, 'memory');
    const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
    const seen = Math.round((distinct / steps) * step);
    console.log(`after ${seen} distinct tokens: heap ${mb(heapUsed)} MB, resident ${mb(rss)} MB`);
    left = distinct / steps;
    if (step < steps) await loadGate({ port: gate.port, next, seconds: 3600 });
  }
}

interface Round extends GateLoad {
  /** Microseconds of CPU of the server for each answer. */
  readonly cpu: number;
}

async function oneRound({ child, port }: Row, next: Next): Promise<Round> {
  const before = child && (await ask<NodeJS.CpuUsage>(child, 'cpu'));
  const load = await loadGate({ port, next, seconds });
  const after = child && (await ask<NodeJS.CpuUsage>(child, 'cpu'));
  const answers = Object.values(load.statuses).reduce((sum, count) => sum + count, 0);
  const used = after && before ? after.user + after.system - before.user - before.system : Number.NaN;
  return { ...load, cpu: used / answers };
}

/** Medians; ratios, with the least and the most, are of a row's and its base's figures of the same round. */
function print(name: string, rounds: readonly Round[], base: readonly Round[] = []): void {
  const figures = [
    middle(rounds.map(({ perSecond }) => perSecond))
      .toFixed(0)
      .padStart(11),
    middle(rounds.map(({ p50 }) => p50))
      .toFixed(2)
      .padStart(8),
    middle(rounds.map(({ p99 }) => p99))
      .toFixed(2)
      .padStart(8),
    middle(rounds.map(({ cpu }) => cpu))
      .toFixed(1)
      .padStart(8),
    middle(rounds.map(({ share }) => share))
      .toFixed(2)
      .padStart(7),
  ];
  const rates = rounds.map(({ perSecond }, at) => perSecond / (base[at]?.perSecond ?? 0));
  const cpu = middle(rounds.map(({ cpu }, at) => (base[at]?.cpu ?? 0) / cpu)).toFixed(2);
  const range = `(${Math.min(...rates).toFixed(2)}–${Math.max(...rates).toFixed(2)})`;
  const ratios = base.length > 0 ? `${middle(rates).toFixed(2)} ${range}  ${cpu}` : '';
  console.log(`${name.padEnd(22)} ${figures.join('')}   ${ratios.padEnd(24)} ${statusesOf(rounds)}`);
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function statusesOf(rounds: readonly Round[]): string {
  return [...new Set(rounds.flatMap(({ statuses }) => Object.keys(statuses)))].join(' ');
}

/** As nginx asks. */
function original(path: string, fields = ''): Buffer {
  const request = `x-original-method: GET\r\nx-original-uri: ${path}\r\n`;
  const proxy = `x-forwarded-proto: https\r\nx-forwarded-host: bank.test\r\nx-forwarded-for: 203.0.113.9\r\n`;
  return Buffer.from(`GET /check/original HTTP/1.1\r\nhost: gate\r\n${request}${proxy}${fields}\r\n`);
}

function bearer(token: string): string {
  return `authorization: Bearer ${token}\r\n`;
}
