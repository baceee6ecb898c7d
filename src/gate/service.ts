/** The gate over HTTP: subrequests of gateways, AuthZEN, metrics. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ResourceServer } from '@stile/sdk/server';
import { authzenMetadata, evaluate, evaluateAll } from './authzen.ts';
import { judge, type Verdict } from './decide.ts';
import { type ClientRequest, type Dialect, isTrusted, readFacts } from './facts.ts';
import { identityHeaders } from './identity.ts';
import { accessLine, type Metrics } from './records.ts';
import type { GateState } from './state.ts';

export interface GateDeps {
  readonly server: Pick<ResourceServer, 'authenticate' | 'authorize'>;
  readonly state: () => GateState;
  readonly metrics: Metrics;
  /** One access-log line. */
  readonly log: (line: string) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a steady clock. */
  readonly elapsed: () => number;
}

/** Bytes. */
const MAX_HEADERS = 16 * 1024;
const MAX_BODY = 64 * 1024;
const ENVOY = '/check/envoy';

/** Not listening yet. */
export function createGate(deps: GateDeps): Server {
  const limits = { maxHeaderSize: MAX_HEADERS, requestTimeout: 10_000, headersTimeout: 5_000 };
  return createServer(limits, (request, response) => {
    handle(deps, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else reply(response, 503, { 'retry-after': '2' }, { error: 'temporarily_unavailable' });
    });
  });
}

async function handle(deps: GateDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '';
  const open = openAnswer(deps, request);
  if (open) return reply(response, 200, { 'content-type': open.type }, open.text);
  if (!isTrusted(deps.state().trusted, request.socket.remoteAddress ?? '')) {
    return end(response, 403, { error: 'access_denied' });
  }
  const dialect = dialectOf(url);
  if (dialect) return check(deps, { dialect, request, response });
  if (url === '/access/v1/evaluation' || url === '/access/v1/evaluations') {
    return authzen(deps, request, response);
  }
  end(response, 404, { error: 'not_found' });
}

function openAnswer({ state, metrics }: GateDeps, { url, method }: IncomingMessage) {
  if (method !== 'GET') return undefined;
  const { settings } = state();
  if (url === '/health/live') return { type: 'text/plain', text: 'ok\n' };
  if (url === settings.metrics.path) return { type: 'text/plain; version=0.0.4', text: metrics.text() };
  if (url !== '/.well-known/authzen-configuration') return undefined;
  const { host, port } = settings.listen;
  const base = settings.authzenUrl ?? `http://${host}:${port}`;
  return { type: 'application/json', text: JSON.stringify(authzenMetadata(base)) };
}

/** Caddy carries the client's query over to the subrequest, where it means nothing. */
function dialectOf(url: string): Dialect | undefined {
  if (url.startsWith(`${ENVOY}/`)) return 'envoy';
  const path = url.split('?', 1)[0];
  if (path === '/check/original') return 'original';
  return path === '/check/forwarded' ? 'forwarded' : undefined;
}

interface Exchange {
  readonly dialect: Dialect;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function check(deps: GateDeps, { dialect, request, response }: Exchange): Promise<void> {
  const begun = deps.elapsed();
  const { method = '', headers, rawHeaders } = request;
  const body = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (body || (dialect !== 'envoy' && method !== 'GET')) {
    response.setHeader('connection', 'close');
    return end(response, 403, {
      error: 'access_denied',
      error_description: 'a subrequest is a GET without body',
    });
  }
  const target = (request.url ?? '').slice(ENVOY.length);
  const peer = request.socket.remoteAddress ?? '';
  const facts = readFacts({ dialect, method, target, rawHeaders, peer }, deps.state().trusted);
  const verdict = facts ? await judgeNow(deps, facts) : unreadable;
  record(deps, verdict, { request: facts, begun });
  answer(response, verdict);
}

const unreadable: Verdict = {
  status: 403,
  reason: 'malformed_request',
  headers: {},
  body: { error: 'access_denied' },
  detail: 'a fact is missing, repeated or malformed',
};

function judgeNow({ server, state }: GateDeps, request: ClientRequest): Promise<Verdict> {
  return judge({ server, rules: state().index }, request);
}

function record(
  { metrics, log, now, elapsed }: GateDeps,
  verdict: Verdict,
  { request, begun }: { request?: ClientRequest | undefined; begun: number },
): void {
  const entry = { verdict, request, took: elapsed() - begun, at: now() };
  metrics.count(entry);
  log(accessLine(entry));
}

/** Envoy lets pass on 200 only, so that is what an allowed request gets everywhere. */
function answer(response: ServerResponse, { status, headers, body, caller }: Verdict): void {
  if (status === 200) reply(response, 200, { ...headers, ...identityHeaders(caller) }, '');
  else reply(response, status, { 'content-type': 'application/json', ...headers }, body);
}

async function authzen(deps: GateDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = request.headers['x-request-id'];
  if (typeof id === 'string') response.setHeader('x-request-id', id);
  const json = /^application\/json\b/i.test(request.headers['content-type'] ?? '');
  if (request.method !== 'POST' || !json) return end(response, 400, { error: 'invalid_request' });
  const body = await readBody(request);
  const decide = async (asked: ClientRequest) => {
    const begun = deps.elapsed();
    const verdict = await judgeNow(deps, asked);
    record(deps, verdict, { request: asked, begun });
    return verdict;
  };
  const run = request.url === '/access/v1/evaluations' ? evaluateAll : evaluate;
  const result = body && (await run(decide, body.value, request.socket.remoteAddress ?? ''));
  if (result) reply(response, 200, { 'content-type': 'application/json' }, result);
  else end(response, 400, { error: 'invalid_request' });
}

/** Undefined for what is too long or no JSON. */
async function readBody(request: IncomingMessage): Promise<{ value: unknown } | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return undefined;
  }
}

function end(response: ServerResponse, status: number, body: object): void {
  reply(response, status, { 'content-type': 'application/json' }, body);
}

function reply(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: object | string,
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  response.writeHead(status, { 'cache-control': 'no-store', ...headers, 'content-length': length });
  response.end(text);
}
