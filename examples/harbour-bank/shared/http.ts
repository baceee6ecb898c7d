/** A route table over node:http: enough for two small servers, and nothing about either of them. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Named segments of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  /** The body as text; throws `HttpError` 413 above 16 KiB. */
  readonly text: () => Promise<string>;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Segments beginning with a colon are parameters: `/transfers/:id`. */
  readonly path: string;
  readonly handle: (request: Incoming) => Reply | Promise<Reply>;
}

/** A refusal a handler throws; `failure` of the server turns it into a reply. */
export class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Sent with every reply. */
  readonly headers: Readonly<Record<string, string>>;
  readonly failure: (error: unknown) => Reply;
}

export interface RunningServer {
  /** `http://host:port`, no trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

const MOST_BODY = 16 * 1024;

export function listen(options: ServerOptions): Promise<RunningServer> {
  return serve(options, () => (request, response) => void answer(options, request, response));
}

/** Listens, and resolves when connections are accepted; rejects when the port is taken. `listener` is told the URL. */
export async function serve(
  { host, port }: Pick<ServerOptions, 'host' | 'port'>,
  listener: (url: string) => RequestListener,
): Promise<RunningServer> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  server.on('request', listener(url));
  return {
    url,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

async function answer(options: ServerOptions, request: IncomingMessage, response: ServerResponse) {
  const reply = await dispatch(options, request).catch(options.failure);
  response.writeHead(reply.status, { ...options.headers, ...reply.headers });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function dispatch({ routes }: ServerOptions, request: IncomingMessage): Promise<Reply> {
  const url = parseTarget(request.url);
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const matches = routes.flatMap((route) => {
    const params = matchPath(route.path, url.pathname);
    return params ? [{ route, params }] : [];
  });
  const match = matches.find(({ route }) => route.method === method);
  if (!match) throw new HttpError(matches.length > 0 ? 405 : 404, 'There is nothing at this address.');
  const { route, params } = match;
  return route.handle({ method, url, headers: request.headers, params, text: () => readText(request) });
}

function parseTarget(target = '/'): URL {
  const base = 'http://server.invalid';
  const url = URL.canParse(target, base) ? new URL(target, base) : undefined;
  if (url?.origin !== base) throw new HttpError(400, 'The address is malformed.');
  return url;
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (segment.startsWith(':')) params[segment.slice(1)] = value;
    else if (segment !== value) return undefined;
  }
  return params;
}

/** The body as text. Throws `HttpError` 413 above 16 KiB. */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY) throw new HttpError(413, 'The request is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function redirect(location: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 303, headers: { ...headers, location } };
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}
