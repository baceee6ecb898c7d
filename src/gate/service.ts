/** The gate over HTTP: subrequests of gateways, AuthZEN, metrics. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ResourceServer, Soon } from '@stile/sdk/server';
import { accessLine } from './access-log.ts';
import { authzenMetadata, evaluate, evaluateAll } from './authzen.ts';
import { judge, type Verdict } from './decide.ts';
import { type ClientRequest, type Dialect, readFacts, readFields } from './facts.ts';
import { identityFields } from './identity.ts';
import type { Metrics } from './records.ts';
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
    const failed = () => {
      if (response.headersSent) response.destroy();
      else reply(response, 503, ['retry-after', '2'], JSON.stringify({ error: 'temporarily_unavailable' }));
    };
    try {
      handle(deps, request, response)?.catch(failed);
    } catch {
      failed();
    }
  });
}

/** At once, or a promise of having answered. */
function handle(
  deps: GateDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> | undefined {
  const url = request.url ?? '';
  const open = openAnswer(deps, request);
  if (open) reply(response, 200, ['content-type', open.type], open.text);
  else if (!deps.state().isTrusted(request.socket.remoteAddress ?? '')) {
    end(response, 403, { error: 'access_denied' });
  } else {
    const dialect = dialectOf(url);
    if (dialect) return check(deps, { dialect, request, response });
    if (url === '/access/v1/evaluation' || url === '/access/v1/evaluations') {
      return authzen(deps, request, response);
    }
    end(response, 404, { error: 'not_found' });
  }
  return undefined;
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
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  if (path === '/check/original') return 'original';
  return path === '/check/forwarded' ? 'forwarded' : undefined;
}

interface Exchange {
  readonly dialect: Dialect;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function check(deps: GateDeps, { dialect, request, response }: Exchange): Promise<void> | undefined {
  const begun = deps.elapsed();
  const { method = '', rawHeaders } = request;
  const fields = readFields(rawHeaders);
  if (fields.hasBody || (dialect !== 'envoy' && method !== 'GET')) {
    response.setHeader('connection', 'close');
    end(response, 403, { error: 'access_denied', error_description: 'a subrequest is a GET without body' });
    return undefined;
  }
  const target = (request.url ?? '').slice(ENVOY.length);
  const peer = request.socket.remoteAddress ?? '';
  const facts = readFacts({ dialect, method, target, fields, peer }, deps.state().isTrusted);
  const settle = (verdict: Verdict) => {
    record(deps, verdict, { request: facts, begun });
    answer(response, verdict);
  };
  const verdict = facts ? judgeNow(deps, facts) : unreadable;
  if (verdict instanceof Promise) return verdict.then(settle);
  settle(verdict);
  return undefined;
}

const unreadable: Verdict = {
  status: 403,
  reason: 'malformed_request',
  headers: {},
  body: { error: 'access_denied' },
  detail: 'a fact is missing, repeated or malformed',
};

function judgeNow({ server, state }: GateDeps, request: ClientRequest): Soon<Verdict> {
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
  const nonce = headers['dpop-nonce'];
  if (status === 200) {
    const identity = identityFields(caller);
    reply(response, 200, nonce === undefined ? identity : ['dpop-nonce', nonce, ...identity], '');
  } else {
    const { 'cache-control': _ours, ...others } = headers;
    const fields = Object.entries(others).flat();
    reply(response, status, ['content-type', 'application/json', ...fields], JSON.stringify(body));
  }
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
  if (result) end(response, 200, result);
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
  reply(response, status, ['content-type', 'application/json'], JSON.stringify(body));
}

/** @param fields Names and values in turn, each name once. */
function reply(response: ServerResponse, status: number, fields: readonly string[], text: string): void {
  const length = text === '' ? '0' : String(Buffer.byteLength(text));
  response.writeHead(status, ['cache-control', 'no-store', ...fields, 'content-length', length]);
  response.end(text);
}
