/** A real Stile, the gate as a gateway asks it, and a program behind that keeps what reaches it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../../src/cli/gate.ts';
import { type FakeTerminal, fakeTerminal } from '../cli/terminal.ts';
import { MFA } from '../support/journey.ts';
import { API, type StileOptions, startStile, type TestStile } from '../support/stile.ts';

export const RULES = `
  - { name: open, path: /open/**, public: true }
  - { name: app, methods: [GET], path: /app/**, public: true }
  - { name: vault, methods: [POST], path: /vault/:id, level: phr, maxAge: 300, scopes: read }
  - { name: transfers, path: /transfers/:id, level: ${MFA}, maxAge: 300, scopes: read }
  - { name: admin, path: /admin, scopes: write }
  - { name: accounts, path: /accounts/:id, anyToken: true }
`;

export interface World {
  readonly stile: TestStile;
  readonly terminal: FakeTerminal;
  readonly ports: { readonly gate: number; readonly upstream: number };
  /** What reached the program behind, the latest last. */
  readonly seen: IncomingMessage[];
  /** Resolves once the gate's log speaks of it. */
  logged(word: string): Promise<void>;
  stop(): Promise<void>;
}

/** A media type and a body. */
export type Served = readonly [type: string, body: string | Buffer];

export interface WorldOptions {
  readonly stile?: StileOptions;
  /** Where the program behind listens. Default: any port. */
  readonly port?: number;
  /** The program behind. Default: repeats the body, or says a word. */
  readonly serve?: (request: IncomingMessage, body: string, issuer: string) => Served;
}

export async function startWorld({
  stile: options,
  port = 0,
  serve = repeat,
}: WorldOptions = {}): Promise<World> {
  const stile = await startStile(options);
  const seen: IncomingMessage[] = [];
  const upstream = createServer({ maxHeaderSize: 128 * 1024 }, async (request, response) => {
    seen.push(request);
    const [type, body] = serve(request, await bodyOf(request), stile.issuer);
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => upstream.listen(port, '127.0.0.1', resolve));
  const terminal = fakeTerminal();
  const running = await startTheGate(stile, terminal);
  return {
    stile,
    terminal,
    seen,
    logged: async (word) => {
      while (!terminal.output.some((text) => text.includes(word))) await new Promise(setImmediate);
    },
    ports: { gate: running.port, upstream: (upstream.address() as AddressInfo).port },
    stop: async () => {
      await running.stop();
      upstream.close();
      upstream.closeAllConnections();
      await stile.stop();
    },
  };
}

function repeat(_: IncomingMessage, body: string): Served {
  return ['text/plain', body || 'the upstream'];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export function gateFile(issuer: string, rules = RULES, head = `audience: ${API}`): string {
  return `issuer: ${issuer}\n${head}\nlisten: { port: 0 }\nrules:${rules}`;
}

/** A gate in this process. */
export async function startTheGate({ issuer }: Pick<TestStile, 'issuer'>, terminal: FakeTerminal) {
  const folder = mkdtempSync(join(tmpdir(), 'gate-'));
  const file = join(folder, 'gate.yaml');
  writeFileSync(file, gateFile(issuer));
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let ended: Promise<number> | undefined;
  const port = await new Promise<number>((resolve, reject) => {
    ended = gate(terminal, { file, stopped, onListening: resolve });
    ended.catch(reject);
  });
  return {
    port,
    stop: async () => {
      stop();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
