/** A lean HTTP client over one kept connection, so that the load costs less than what it loads. */
import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

export interface Connection {
  get(url: string): Promise<Answer>;
  post(url: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Answer>;
  /** Follows redirects until `stop` or a page. */
  follow(answer: Answer, base: string, stop: string): Promise<Answer & { url: string }>;
}

/** One keep-alive connection with its own cookies. */
export function connect(): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const cookies = new Map<string, { value: string; path: string }>();
  const send = (method: string, url: string, body?: string, extra: Record<string, string> = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const target = new URL(url);
      const cookie = [...cookies]
        .filter(([, { path }]) => target.pathname.startsWith(path))
        .map(([key, { value }]) => `${key.split('|')[0]}=${value}`)
        .join('; ');
      const headers: Record<string, string | number> = { accept: 'text/html', ...extra };
      if (cookie) headers['cookie'] = cookie;
      if (body !== undefined) {
        headers['content-type'] = 'application/x-www-form-urlencoded';
        headers['content-length'] = Buffer.byteLength(body);
      }
      const outgoing = request(target, { method, agent, headers }, (incoming) => {
        for (const line of incoming.headers['set-cookie'] ?? []) store(cookies, line);
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            location: incoming.headers.location,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const connection: Connection = {
    get: (url) => send('GET', url),
    post: (url, fields, headers) => send('POST', url, new URLSearchParams(fields).toString(), headers),
    async follow(answer, base, stop) {
      let current = answer;
      let url = base;
      while (current.location !== undefined && !current.location.startsWith(stop)) {
        url = new URL(current.location, url).href;
        current = await send('GET', url);
      }
      return { ...current, url };
    },
  };
  return connection;
}

function store(cookies: Map<string, { value: string; path: string }>, line: string): void {
  const [pair = '', ...attributes] = line.split('; ');
  const at = pair.indexOf('=');
  const path = attributes.find((each) => each.toLowerCase().startsWith('path='))?.slice(5) ?? '/';
  const key = `${pair.slice(0, at)}|${path}`;
  const gone = attributes.some((each) => /^expires=Thu, 01 Jan 1970/i.test(each));
  if (gone) cookies.delete(key);
  else cookies.set(key, { value: pair.slice(at + 1), path });
}
