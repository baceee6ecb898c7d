/** The gate over HTTP: subrequests of gateways, AuthZEN, metrics. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import {
  answer,
  type Exchange,
  type GateDeps,
  judgeNow,
  peerOf,
  placeOf,
  record,
  refuse,
  refuseNow,
  reply,
} from './answers.ts';
import { authzenMetadata } from './authzen.ts';
import { authzen } from './authzen-http.ts';
import type { Verdict } from './decide.ts';
import { claimed, type Dialect, readFacts, readFields } from './facts.ts';

/** Bytes. Gateways may send all that a client sent them, and take more than Node's 16 KiB. */
const MAX_HEADERS = 64 * 1024;
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
      return authzen(deps, { request, response });
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

const unreadable = refuse(403, 'malformed_request', { detail: 'a fact is missing, repeated or malformed' });
const notBare = refuse(403, 'malformed_request', { detail: 'a subrequest is a GET without body' });
