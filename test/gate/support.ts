/** A gate in this process, over an issuer whose tokens are of whatever level a test needs. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer, type ResourceServer } from '@stile/sdk/server';
import { createTestIssuer, type TestIssuer } from '@stile/sdk/testing';
import { createMetrics, type Metrics } from '../../src/gate/records.ts';
import { createGate } from '../../src/gate/service.ts';
import { nativeVerifiers } from '../../src/gate/signatures.ts';
import { type GateState, stateOf } from '../../src/gate/state.ts';

export const HEAD = 'issuer: https://issuer.test\naudience: https://api.test\n';
export const RULES = `rules:
  - { name: open, path: /open/**, public: true }
  - { name: closed, path: /closed/**, deny: true }
  - { name: robots, path: /data/**, claims: { client_id: robot }, deny: true }
  - { name: data, path: /data/**, anyToken: true }
  - { name: pay, methods: [POST], host: bank.test, path: /pay/:id, level: phr, maxAge: 300, scopes: [pay] }
  - { name: get-only, methods: [GET], path: /get-only, anyToken: true }
  - { name: mixed, path: /mixed, claims: { client_id: robot }, public: true }
  - { name: mixed-rest, path: /mixed, public: true }
`;

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  /** Names and values in turn, as they came. */
  readonly raw: readonly string[];
  readonly body: string;
}

export interface TestGate {
  readonly issuer: TestIssuer;
  readonly port: number;
  readonly logged: string[];
  readonly metrics: Metrics;
  state: GateState;
  get(
    path: string,
    headers?: Record<string, string | string[]>,
    method?: string,
    body?: string,
  ): Promise<Answer>;
  /** As nginx asks, for a GET of this path on bank.test. */
  ask(path: string, extra?: Record<string, string | string[]>): Promise<Answer>;
  close(): Promise<void>;
}

/** @param authenticate In the place of the resource server's. */
export async function startGate(
  text = HEAD + RULES,
  authenticate?: ResourceServer['authenticate'],
): Promise<TestGate> {
  const issuer = await createTestIssuer();
  const logged: string[] = [];
  const holder = { state: stateOf(text) };
  const metrics = createMetrics(holder.state.settings.rules);
  const resource = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    fetch: issuer.fetch,
    dpop: { nonces: true, verifiers: nativeVerifiers },
  });
  const server = createGate({
    server: authenticate ? { ...resource, authenticate } : resource,
    state: () => holder.state,
    metrics,
    log: (line) => void logged.push(line),
    now: () => Date.now(),
    elapsed: () => performance.now(),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get: TestGate['get'] = (path, headers = {}, method = 'GET', body) =>
    send({ port, path, headers, method, body });
  return {
    issuer,
    port,
    logged,
    metrics,
    get state() {
      return holder.state;
    },
    set state(state) {
      holder.state = state;
    },
    get,
    ask: (path, extra = {}) => get('/check/original', { ...original('GET', path), ...extra }),
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function original(method: string, path: string): Record<string, string> {
  return {
    'x-original-method': method,
    'x-original-uri': path,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'bank.test',
    'x-forwarded-for': '203.0.113.9',
  };
}

export interface Sent {
  readonly port: number;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly method?: string;
  readonly body?: string | undefined;
  /** The address it is sent from. */
  readonly from?: string;
}

/** As `fetch`, but sends the path as it is. */
export function send({ port, path, headers = {}, method = 'GET', body, from }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const to = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers,
      agent: false,
      ...(from && { localAddress: from }),
    };
    const call = request(to, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { statusCode: status = 0, headers: fields, rawHeaders: raw } = response;
        resolve({ status, headers: fields, raw, body: text });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}
