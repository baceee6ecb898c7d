/** A browser without pages: fetch with a cookie jar per host name, following redirects one at a time. */

export interface Visit {
  /** Where the last redirect ended. */
  readonly url: URL;
  readonly status: number;
  readonly html: string;
  /** Every address asked for, in order. */
  readonly hops: readonly URL[];
  readonly headers: Headers;
}

export interface TestBrowser {
  get(url: string): Promise<Visit>;
  /** Submits the page's form with that action, hidden fields included, as a browser would from that page. */
  submit(page: Visit, action: string, fields?: Readonly<Record<string, string>>): Promise<Visit>;
  post(
    url: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Visit>;
  /** Cookies by name, for the bank's host. */
  readonly cookies: Map<string, string>;
}

export function createTestBrowser(): TestBrowser {
  const cookies = new Map<string, string>();
  const go = async (address: string, init: RequestInit = {}): Promise<Visit> => {
    let next: { url: URL; init: RequestInit } = { url: new URL(address), init };
    const hops: URL[] = [];
    for (;;) {
      hops.push(next.url);
      if (hops.length > 20) throw new Error('The redirects do not end.');
      const headers = new Headers(next.init.headers);
      const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      if (jar !== '') headers.set('cookie', jar);
      const response = await fetch(next.url, { ...next.init, headers, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) keep(cookies, line);
      const location = response.headers.get('location');
      if (response.status !== 303 || location === null) {
        const { status, headers: received } = response;
        return { url: next.url, status, html: await response.text(), hops, headers: received };
      }
      next = { url: new URL(location, next.url), init: {} };
    }
  };
  const post: TestBrowser['post'] = (url, fields, headers = {}) =>
    go(url, { method: 'POST', body: new URLSearchParams({ ...fields }), headers });
  return {
    cookies,
    get: (url) => go(url),
    post,
    submit: (page, action, fields = {}) => {
      const target = new URL(action, page.url);
      const form = hiddenFields(page.html, action);
      return post(target.href, { ...form, ...fields }, { origin: page.url.origin });
    },
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split('; ');
  const [name = '', value = ''] = pair.split('=');
  if (attributes.includes('Max-Age=0')) cookies.delete(name);
  else cookies.set(name, value);
}

function hiddenFields(html: string, action: string): Record<string, string> {
  const form = html.split('<form ').find((part) => part.includes(`action="${action}"`));
  if (form === undefined) throw new Error(`The page has no form with the action ${action}.`);
  const inputs = form.split('</form>')[0]?.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g) ?? [];
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]));
}
