/** Just enough of a browser for a smoke test: cookies by host name, redirects, forms. */

/** Opens pages one after another, as a person in one browser window. */
export function createBrowser() {
  const jar = new Map();

  async function request(url, init = {}, hops = 0) {
    if (hops > 20) throw new Error(`redirected without end at ${url}`);
    const cookies = [...(jar.get(new URL(url).hostname) ?? new Map())].map(
      ([name, value]) => `${name}=${value}`,
    );
    const origin = new URL(url).origin;
    const headers = {
      accept: 'text/html',
      origin,
      ...init.headers,
      ...(cookies.length ? { cookie: cookies.join('; ') } : {}),
    };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    keep(new URL(url).hostname, response.headers.getSetCookie());
    const location = response.headers.get('location');
    if (location) return request(new URL(location, url).href, {}, hops + 1);
    return pageOf(url, response.status, await response.text());
  }

  function keep(host, cookies) {
    const kept = jar.get(host) ?? new Map();
    jar.set(host, kept);
    for (const cookie of cookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      const expires = /expires=([^;]+)/i.exec(cookie)?.[1];
      if (/max-age=0\b/i.test(cookie) || value === '' || (expires && Date.parse(expires) < Date.now()))
        kept.delete(name);
      else kept.set(name, value);
    }
  }

  return {
    open: (url) => request(url),
    /** Fills in and sends the first form whose action matches. */
    submit: (page, which, fields = {}) => {
      const form = formOf(page, which);
      if (!form) throw new Error(`no form for ${which} on ${page.url}:\n${page.text}`);
      const body = new URLSearchParams({ ...form.fields, ...fields });
      const headers = { 'content-type': 'application/x-www-form-urlencoded', referer: page.url };
      return request(form.action, { method: 'POST', body, headers });
    },
    /** Follows the first link whose address matches. */
    follow: (page, which) => {
      const link = page.links.find((href) => which.test(new URL(href).pathname + new URL(href).search));
      if (!link) throw new Error(`no link to ${which} on ${page.url}:\n${page.text}`);
      return request(link);
    },
  };
}

export function formOf(page, which) {
  return page.forms.find(({ action }) => which.test(new URL(action).pathname));
}

function pageOf(url, status, html) {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes, inside]) => ({
    action: new URL(attribute(attributes, 'action') ?? url, url).href,
    fields: Object.fromEntries(
      [...inside.matchAll(/<(?:input|button)\b([^>]*)>/g)]
        .map(([, found]) => [
          attribute(found, 'name'),
          attribute(found, 'value') ?? '',
          attribute(found, 'type'),
        ])
        .filter(([name, , type]) => name && type !== 'submit')
        .map(([name, value]) => [name, value]),
    ),
  }));
  const links = [...html.matchAll(/<a\b([^>]*)>/g)].map(
    ([, found]) => new URL(attribute(found, 'href') ?? '', url).href,
  );
  const text = decode(html.replace(/<(style|script|svg)\b[\s\S]*?<\/\1>/g, '').replace(/<[^>]+>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();
  return { url, status, html, forms, links, text };
}

function attribute(text, name) {
  const [, value] = new RegExp(`\\b${name}="([^"]*)"`).exec(text) ?? [];
  return value === undefined ? undefined : decode(value);
}

function decode(text) {
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([\da-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
