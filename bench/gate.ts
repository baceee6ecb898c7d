/**
 * `npm run bench:gate [seconds] [tokens]`: the gate beside a bare Node server that answers 204, and nginx with and without
 * it. Servers are processes of their own; the load comes from this one. Figures are for comparing, ratios for quoting.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createDpopKey } from '@stile/sdk/testing';
import { missing, startGateway } from '../test/support/gateway.ts';
import { type GateLoad, loadGate } from './gate-load.ts';

const seconds = Number(process.argv[2] ?? 3);
const distinct = Number(process.argv[3] ?? 1_000_000);
const rounds = 3;

interface Child {
  readonly process: ChildProcess;
  readonly port: number;
}

const children: Child[] = [];
try {
  await main();
} finally {
  for (const child of children) child.process.kill();
}

async function main(): Promise<void> {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}; 16 connections\n`);
  const bare = await start('bare');
  const gate = await start('gate');
  const large = await start('gate', '10000');
  const raw = await ask<number>(gate, { ask: 'verify' });
  console.log('                       per second   p50 ms   p99 ms   ratio');
  const base = await measure('bare 204', bare, () => original('/data/1'));
  const warm = await tokens(gate, 1);
  await measure('allow, warm JWT', gate, () => original('/data/1', bearer(warm[0])), base);
  await measure('challenge', gate, () => original('/pay/1', bearer(warm[0])), base);
  const big = await tokens(large, 1);
  await measure('warm, 10,000 rules', large, () => original('/data/1', bearer(big[0])), base);
  await cold(gate, raw);
  await bound(gate, raw);
  console.log(`raw ES256 verification ${raw}/s`);
  await throughNginx(bare, gate, bearer(warm[0]));
  await memory(gate);
}

async function cold(gate: Child, raw: number): Promise<void> {
  const list = await tokens(gate, 30_000);
  await measure(
    'allow, cold JWT',
    gate,
    () => take(list, (token) => original('/data/1', bearer(token))),
    raw,
  );
}

async function bound(gate: Child, raw: number): Promise<void> {
  const key = await createDpopKey();
  const [token = ''] = await tokens(gate, 1, key.thumbprint);
  const proofs: string[] = [];
  for (let index = 0; index < 45_000; index += 1) {
    proofs.push(await key.proof({ method: 'GET', url: 'https://bank.test/data/1', token }));
  }
  const fields = (proof: string) => `authorization: DPoP ${token}\r\ndpop: ${proof}\r\n`;
  await measure('allow, DPoP', gate, () => take(proofs, (proof) => original('/data/1', fields(proof))), raw);
}

async function throughNginx(bare: Child, gate: Child, fields: string): Promise<void> {
  if (missing('nginx')) return;
  const ports = { gate: gate.port, upstream: bare.port };
  const alone = await startGateway('nginx', ports, withoutGate);
  const gated = await startGateway('nginx', ports, (text) =>
    text.replace('X-Forwarded-Proto $scheme', 'X-Forwarded-Proto https'),
  );
  const request = () => `GET /data/1 HTTP/1.1\r\nhost: bank.test\r\n${fields}\r\n`;
  const base = await measure('nginx alone', { ...bare, port: alone.port }, request);
  await measure('nginx with the gate', { ...gate, port: gated.port }, request, base);
  await alone.stop();
  await gated.stop();
}

function withoutGate(snippet: string): string {
  return snippet
    .replaceAll(/^ *auth_request.*$/gm, '')
    .replaceAll(/^ *(?:proxy_set_header|add_header) .*\$stile_.*$/gm, '')
    .replaceAll('$stile_status', '$status');
}

/** What the process keeps after so many tokens it has seen once. */
async function memory(gate: Child): Promise<void> {
  const batch = 20_000;
  for (let seen = 0; seen < distinct; seen += batch) {
    const list = await tokens(gate, batch);
    const next = () => take(list, (token) => original('/data/1', bearer(token)));
    await loadGate({ port: gate.port, next, seconds: 3600 });
    const power = (seen + batch) / batch;
    if (Number.isInteger(Math.log2(power)) || seen + batch >= distinct) {
      const { heapUsed, rss } = await ask<NodeJS.MemoryUsage>(gate, { ask: 'memory' });
      const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
      console.log(`after ${seen + batch} distinct tokens: heap ${mb(heapUsed)} MB, resident ${mb(rss)} MB`);
    }
  }
}

/** Prints the median round and its ratio to `base`; returns its rate. */
async function measure(
  name: string,
  { port }: Child,
  next: () => string | undefined,
  base?: number,
): Promise<number> {
  await loadGate({ port, next, seconds: 0.5 });
  const results: GateLoad[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await loadGate({ port, next, seconds }));
  const sorted = results.toSorted((a, b) => a.perSecond - b.perSecond);
  const { perSecond = 0, p50 = 0, p99 = 0, statuses = {} } = sorted[Math.floor(rounds / 2)] ?? {};
  const ratio = base === undefined ? '' : (perSecond / base).toFixed(2);
  const figures = `${perSecond.toFixed(0).padStart(10)} ${p50.toFixed(2).padStart(8)} ${p99.toFixed(2).padStart(8)}`;
  console.log(`${name.padEnd(22)} ${figures}   ${ratio.padStart(5)}   ${JSON.stringify(statuses)}`);
  return perSecond;
}

function original(path: string, fields = ''): string {
  const facts = `x-original-method: GET\r\nx-original-uri: ${path}\r\nx-forwarded-proto: https\r\nx-forwarded-host: bank.test\r\n`;
  return `GET /check/original HTTP/1.1\r\nhost: gate\r\n${facts}${fields}\r\n`;
}

function bearer(token = ''): string {
  return `authorization: Bearer ${token}\r\n`;
}

function take(list: string[], render: (item: string) => string): string | undefined {
  const item = list.pop();
  return item === undefined ? undefined : render(item);
}

function tokens(child: Child, many: number, jkt?: string): Promise<string[]> {
  return ask(child, { ask: 'tokens', many, ...(jkt === undefined ? {} : { jkt }) });
}

async function ask<T>({ process: child }: Child, order: object): Promise<T> {
  child.send(order);
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

async function start(kind: 'bare' | 'gate', rules = '10'): Promise<Child> {
  const child = fork(fileURLToPath(new URL('./gate-server.js', import.meta.url)), [kind, rules], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
  });
  const [port] = (await once(child, 'message')) as [number];
  const started = { process: child, port };
  children.push(started);
  return started;
}
