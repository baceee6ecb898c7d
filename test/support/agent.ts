/** A browser without JavaScript: a cookie jar that keeps to paths, links and forms. */

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly host: string;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** Where a redirect leads; absent otherwise. */
  readonly location?: string;
}

export interface FormData_ {
  readonly action: string;
  readonly fields: Record<string, string>;
}

export interface Agent {
  /** One request, no redirect followed. */
  request(url: string, init?: RequestInit): Promise<Page>;
  /** Follows redirects as long as they stay on hosts that answer; stops before `stopAt`. */
  open(url: string, init?: RequestInit): Promise<Page>;
  /** Submits the form whose action ends with `action`. */
  submit(page: Page, action: string, fields?: Record<string, string>): Promise<Page>;
  cookies(): string[];
  /** A copy of the jar: the same browser as it was now. */
  fork(): Agent;
}

/** `headers` go with every request. */
export function createAgent(
  stopAt: readonly string[] = ['http://127.0.0.1:9/'],
  jar: Cookie[] = [],
  headers: Readonly<Record<string, string>> = {},
): Agent {
  const send = (url: string, init: RequestInit = {}) =>
    sendWith(jar, url, { ...init, headers: { ...headers, ...init.headers } as Record<string, string> });
  const agent: Agent = {
    request: (url, init) => send(url, init),
    async open(url, init) {
      let page = await send(url, init);
      for (let hop = 0; page.location !== undefined && hop < 15; hop += 1) {
        if (stopAt.some((prefix) => page.location?.startsWith(prefix))) return page;
        page = await send(page.location);
      }
      return page;
    },
    submit(page, action, fields = {}) {
      const form = formOf(page, action);
      return agent.open(new URL(form.action, page.url).href, {
        method: 'POST',
        body: new URLSearchParams({ ...form.fields, ...fields }),
        headers: { Origin: new URL(page.url).origin },
      });
    },
    cookies: () => jar.map(({ name, value }) => `${name}=${value}`),
    fork: () => createAgent(stopAt, [...jar], headers),
  };
  return agent;
}

async function sendWith(jar: Cookie[], url: string, init: RequestInit = {}): Promise<Page> {
  const target = new URL(url);
  const sent = jar.filter(({ host, path }) => host === target.hostname && target.pathname.startsWith(path));
  const headers = new Headers(init.headers);
  if (!headers.has('Accept')) headers.set('Accept', 'text/html');
  if (sent.length > 0) headers.set('Cookie', sent.map(({ name, value }) => `${name}=${value}`).join('; '));
  const response = await fetch(url, { ...init, headers, redirect: 'manual' });
  for (const line of response.headers.getSetCookie()) store(jar, target, line);
  const location = response.headers.get('location');
  return {
    url,
    status: response.status,
    headers: response.headers,
    body: await response.text(),
    ...(location === null ? {} : { location: new URL(location, url).href }),
  };
}

function store(jar: Cookie[], { hostname }: URL, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const name = pair.slice(0, at);
  const attribute = (wanted: string) =>
    attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
  const path = attribute('path') ?? '/';
  const index = jar.findIndex(
    (cookie) => cookie.name === name && cookie.path === path && cookie.host === hostname,
  );
  if (index >= 0) jar.splice(index, 1);
  const expires = attribute('expires');
  const gone = (expires !== undefined && Date.parse(expires) <= Date.now()) || attribute('max-age') === '0';
  if (!gone) jar.push({ name, value: pair.slice(at + 1), path, host: hostname });
}

/** The form whose action ends so, with the values of its hidden and filled fields. */
export function formOf({ body, url }: Page, action: string): FormData_ {
  for (const [, attributes = '', inner = ''] of body.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)) {
    const found = /action="([^"]*)"/.exec(attributes)?.[1];
    if (found === undefined || !found.split('?')[0]?.endsWith(action)) continue;
    const fields: Record<string, string> = {};
    for (const [tag] of inner.matchAll(/<input[^>]*>/g)) {
      if (/type="checkbox"/.test(tag) && !/ checked/.test(tag)) continue;
      const name = /name="([^"]*)"/.exec(tag)?.[1];
      if (name !== undefined) fields[name] = unescape_(/value="([^"]*)"/.exec(tag)?.[1] ?? '');
    }
    return { action: unescape_(found), fields };
  }
  throw new Error(`no form posts to ${action} on ${url}:\n${body.slice(0, 3000)}`);
}

export function unescape_(html: string): string {
  return html
    .replaceAll('&#34;', '"')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
