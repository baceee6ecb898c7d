/** The gate over HTTP: subrequests of gateways, AuthZEN, metrics. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { ResourceServer, Soon } from '@stile/sdk/server';
import { accessLine } from './access-log.ts';
import { authzenMetadata, evaluate, evaluateAll } from './authzen.ts';
import { type GateReason, judge, type Verdict } from './decide.ts';
import { type Asked, type ClientRequest, claimed, type Dialect, readFacts, readFields } from './facts.ts';
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

/** Bytes. Gateways may send all that a client sent them, and take more than Node's 16 KiB. */
const MAX_HEADERS = 64 * 1024;
const MAX_BODY = 64 * 1024;
const ENVOY = '/check/envoy';

/** Not listening yet. */
export function createGate(deps: GateDeps): Server {
  const limits = { maxHeaderSize: MAX_HEADERS, requestTimeout: 10_000, headersTimeout: 5_000 };
  const server = createServer(limits, (request, response) => {
    const begun = deps.elapsed();
    const failed = (error: unknown) => {
      const verdict = refuse(503, 'internal_error', { detail: placeOf(error) });
      record(deps, verdict, { request: { client: peerOf(request) }, begun });
      if (response.headersSent) response.destroy();
      else reply(response, 503, ['retry-after', '2'], JSON.stringify({ error: 'temporarily_unavailable' }));
    };
    try {
      handle(deps, request, response)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    unparsed(deps, error.code ?? '', socket as Socket);
  });
  return server;
}

/** What Node could not read as a request: answered and told, as any other. */
function unparsed(deps: GateDeps, code: string, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET') return void socket.destroy();
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const verdict = refuse(status, 'malformed_request', { detail: code });
  record(deps, verdict, { request: { client: socket.remoteAddress ?? '' }, begun: deps.elapsed() });
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
}

/** Which error, and where; not its message, which may hold what a client sent. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const [, place = ''] = /\n\s+at (.+)/.exec(error.stack ?? '') ?? [];
  return `${error.name} ${place}`;
}

function peerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
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
  else if (!deps.state().isTrusted(peerOf(request))) {
    refuseNow(deps, { request, response }, refuse(403, 'untrusted_peer'));
  } else {
    const dialect = dialectOf(url);
    if (dialect) return check(deps, { dialect, request, response });
    if (url === '/access/v1/evaluation' || url === '/access/v1/evaluations') {
      return authzen(deps, request, response);
    }
    refuseNow(deps, { request, response }, refuse(404, 'unknown_address', { body: { error: 'not_found' } }));
  }
  return undefined;
}

/** What is said to anyone who asks. */
function openAnswer({ state, metrics }: GateDeps, { url, method, socket }: IncomingMessage) {
  if (method !== 'GET') return undefined;
  const { settings } = state();
  if (url === '/health/live') return { type: 'text/plain', text: 'ok\n' };
  if (url === settings.metrics.path) return { type: 'text/plain; version=0.0.4', text: metrics.text() };
  if (url !== '/.well-known/authzen-configuration') return undefined;
  const { host } = settings.listen;
  // The port may have been chosen by the system.
  const base = settings.authzenUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${socket.localPort}`;
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
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function check(
  deps: GateDeps,
  { dialect, request, response }: Exchange & { readonly dialect: Dialect },
): Promise<void> | undefined {
  const begun = deps.elapsed();
  const { method = '', rawHeaders } = request;
  const fields = readFields(rawHeaders);
  const target = (request.url ?? '').slice(ENVOY.length);
  const subrequest = { dialect, method, target, fields, peer: peerOf(request) };
  const { isTrusted } = deps.state();
  const bare = !fields.hasBody && (dialect === 'envoy' || method === 'GET');
  if (!bare) response.setHeader('connection', 'close');
  const facts = bare ? readFacts(subrequest, isTrusted) : undefined;
  const settle = (verdict: Verdict) => {
    record(deps, verdict, { request: facts ?? claimed(subrequest, isTrusted), begun });
    answer(response, verdict);
  };
  const verdict = facts ? judgeNow(deps, facts) : bare ? unreadable : notBare;
  if (verdict instanceof Promise) return verdict.then(settle);
  settle(verdict);
  return undefined;
}

/** Of a request that was not judged. */
function refuse(status: Verdict['status'], reason: GateReason, more: Partial<Verdict> = {}): Verdict {
  return { status, reason, headers: {}, body: { error: 'access_denied' }, ...more };
}

const unreadable = refuse(403, 'malformed_request', { detail: 'a fact is missing, repeated or malformed' });
const notBare = refuse(403, 'malformed_request', { detail: 'a subrequest is a GET without body' });

function refuseNow(deps: GateDeps, { request, response }: Exchange, verdict: Verdict): void {
  const begun = deps.elapsed();
  const { method, url: target } = request;
  record(deps, verdict, {
    request: { client: peerOf(request), method, target: target?.slice(0, 1024) },
    begun,
  });
  answer(response, verdict);
}

function judgeNow({ server, state }: GateDeps, request: ClientRequest): Soon<Verdict> {
  return judge({ server, rules: state().index }, request);
}

function record(
  { metrics, log, now, elapsed }: GateDeps,
  verdict: Verdict,
  { request, begun }: { request: Asked; begun: number },
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
  const malformed = (detail: string) =>
    refuseNow(
      deps,
      { request, response },
      refuse(400, 'malformed_request', { detail, body: { error: 'invalid_request' } }),
    );
  if (request.method !== 'POST' || !json) return malformed('not a POST of JSON');
  const body = await readBody(request);
  if (!body) return malformed('no JSON, or too long');
  const client = peerOf(request);
  const decide = async (asked: ClientRequest | undefined) => {
    const begun = deps.elapsed();
    const verdict = asked ? await judgeNow(deps, asked) : notHttp;
    record(deps, verdict, { request: asked ?? { client }, begun });
    return verdict;
  };
  const run = request.url === '/access/v1/evaluations' ? evaluateAll : evaluate;
  const result = await run(decide, body.value, client);
  if (!result) return malformed('not an evaluation');
  reply(response, 200, ['content-type', 'application/json'], JSON.stringify(result));
}

/** An evaluation of something else than an HTTP request is well-formed, and never allowed. */
const notHttp = refuse(403, 'not_http');

/** Undefined for what is too long or no JSON. Read to its end all the same: else the answer might not arrive. */
async function readBody(request: IncomingMessage): Promise<{ value: unknown } | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  if (size > MAX_BODY) return undefined;
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return undefined;
  }
}

/** @param fields Names and values in turn, each name once. */
function reply(response: ServerResponse, status: number, fields: readonly string[], text: string): void {
  const length = text === '' ? '0' : String(Buffer.byteLength(text));
  response.writeHead(status, ['cache-control', 'no-store', ...fields, 'content-length', length]);
  response.end(text);
}
