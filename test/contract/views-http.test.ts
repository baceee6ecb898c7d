import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Koa, { type Context } from 'koa';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { StileError } from '../../src/domain/errors.ts';
import { handleErrors } from '../../src/http/errors.ts';
import { codeForm, emptyForm, passkeyForm, passwordForm } from '../../src/http/forms.ts';
import { FORM_LIMIT, guardForm } from '../../src/http/guard.ts';
import {
  allowFormsTo,
  browserCookieName,
  browserHash,
  checkCsrf,
  contentSecurityPolicy,
  csrfToken,
  ensureBrowser,
  formTarget,
  readBrowser,
  securityHeaders,
} from '../../src/http/security.ts';
import { type Assets, loadAssets, serveAssets } from '../../src/http/static.ts';
import { createRenderer } from '../../src/http/views.ts';

const directory = fileURLToPath(new URL('../../views', import.meta.url));
const mac = (value: string, purpose: string) =>
  createHmac('sha256', `key ${purpose}`).update(value).digest('base64url');
const browser = (https: boolean) => ({ mac, https, newId: () => 'fresh-browser-id' });
const lines: string[] = [];
const note = (fields: object, message: string) => lines.push(JSON.stringify({ ...fields, message }));

let server: Server;
let origin: string;
let assets: Assets;
/** What the next request meets behind the door. */
let handler: (ctx: Context) => unknown = () => undefined;

beforeAll(async () => {
  assets = await loadAssets(join(directory, 'assets'));
  const renderer = await createRenderer({ directory, site: 'Harbour Group', assets });
  const app = new Koa();
  app.use(securityHeaders({ https: true }));
  app.use(
    handleErrors({
      render: renderer.render,
      log: { warn: note, error: note },
      correlationId: () => 'correlation-1',
      isApi: (path) => path.startsWith('/token'),
    }),
  );
  app.use(serveAssets(assets));
  app.use(async (ctx) => {
    await handler(ctx);
  });
  server = createServer(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => server.close());
beforeEach(() => {
  lines.length = 0;
});

const html = { headers: { Accept: 'text/html' } };
const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${origin}/form`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json', ...headers },
  });

/** Bytes as they are: the first piece of the answer. */
async function raw(request: string): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.write(request);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString();
}

describe('headers', () => {
  test('every answer carries them, errors too', async () => {
    handler = () => undefined;
    const { headers, status } = await fetch(`${origin}/nowhere`, html);
    expect(status).toBe(404);
    expect(headers.get('Content-Security-Policy')).toBe(contentSecurityPolicy());
    expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000');
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('X-Frame-Options')).toBe('DENY');
    expect(headers.get('Referrer-Policy')).toBe('same-origin');
    expect(headers.get('Permissions-Policy')).toContain('publickey-credentials-get=(self)');
    expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin');
    expect(headers.get('Cache-Control')).toBe('no-store');
  });

  test('the policy allows nothing inline, nothing unsafe and nothing from elsewhere', () => {
    const policy = contentSecurityPolicy(['https://bank.example.test']);
    expect(policy).not.toMatch(/unsafe|\*|http:/);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self' https://bank.example.test;");
  });

  test('form-action names the origin of a redirect URI, or its private scheme, and never more', () => {
    expect(formTarget('https://bank.example.test/cb?x=1')).toBe('https://bank.example.test');
    expect(formTarget('http://127.0.0.1:3001/callback')).toBe('http://127.0.0.1:3001');
    expect(formTarget('com.example.app:/callback')).toBe('com.example.app:');
    expect(formTarget("https://a.test;script-src'unsafe-inline'/")).toBeUndefined();
    expect(formTarget('not a uri')).toBeUndefined();
  });

  test('a page whose form ends at a client names it', async () => {
    handler = (ctx) => {
      allowFormsTo(ctx, ['https://bank.example.test/cb', 'https://bank.example.test/other']);
      ctx.body = 'page';
    };
    const { headers } = await fetch(origin);
    expect(headers.get('Content-Security-Policy')).toContain(
      "form-action 'self' https://bank.example.test; ",
    );
  });
});

describe('CSRF', () => {
  const binding = ['interaction-1', 'browser-1'];
  const token = csrfToken(mac, binding);
  const own = 'https://id.example.test';
  const check = (headers: Record<string, string>, form = { token, binding }) =>
    checkCsrf({ mac, origin: own }, { get: (name: string) => headers[name] ?? '' }, form);

  test('our own form with the token of its binding passes, with and without browser headers', () => {
    expect(() => check({})).not.toThrow();
    expect(() => check({ Origin: own, 'Sec-Fetch-Site': 'same-origin' })).not.toThrow();
  });

  test.each([
    ['another interaction’s token', {}, { token: csrfToken(mac, ['interaction-2', 'browser-1']), binding }],
    ['another browser’s token', {}, { token: csrfToken(mac, ['interaction-1', 'browser-2']), binding }],
    ['a token of parts joined otherwise', {}, { token: csrfToken(mac, ['interaction-1browser-1']), binding }],
    ['no token', {}, { token: '', binding }],
    ['a foreign origin', { Origin: 'https://evil.example.test' }, { token, binding }],
    ['an opaque origin', { Origin: 'null' }, { token, binding }],
    ['a cross-site request', { 'Sec-Fetch-Site': 'cross-site' }, { token, binding }],
    ['a sibling site', { 'Sec-Fetch-Site': 'same-site' }, { token, binding }],
  ])('%s is refused', (_, headers, form) => {
    expect(() => check(headers, form)).toThrow(expect.objectContaining({ code: 'csrf_failed' }));
  });
});

describe('the device cookie', () => {
  test('is given once, signed, and known again', async () => {
    handler = (ctx) => {
      ctx.body = { known: readBrowser(browser(true), ctx) ?? null, id: ensureBrowser(browser(true), ctx) };
    };
    const first = await fetch(origin);
    expect(await first.json()).toEqual({ known: null, id: 'fresh-browser-id' });
    const cookie = first.headers.get('Set-Cookie') ?? '';
    expect(cookie).toMatch(/^__Host-stile_browser=fresh-browser-id\.[\w-]+; Path=\/; Max-Age=34560000; /);
    expect(cookie).toMatch(/HttpOnly; SameSite=Lax; Secure$/);
    const [pair = ''] = cookie.split(';');
    const again = await fetch(origin, { headers: { Cookie: pair } });
    expect(await again.json()).toEqual({ known: 'fresh-browser-id', id: 'fresh-browser-id' });
    const forged = await fetch(origin, { headers: { Cookie: pair.replace('fresh', 'other') } });
    expect(await forged.json()).toEqual({ known: null, id: 'fresh-browser-id' });
  });

  test('without https it has no prefix and is not Secure', async () => {
    handler = (ctx) => {
      ctx.body = ensureBrowser(browser(false), ctx);
    };
    const cookie = (await fetch(origin)).headers.get('Set-Cookie') ?? '';
    expect(cookie).toMatch(/^stile_browser=/);
    expect(cookie).not.toContain('Secure');
    expect(browserCookieName(false)).toBe('stile_browser');
  });

  test('what is stored of it is a hash', () => {
    expect(browserHash('fresh-browser-id')).toMatch(/^[\w-]{43}$/);
  });
});

describe('the door', () => {
  const accepts = (schema: z.ZodType, limit?: number) => {
    handler = async (ctx) => {
      ctx.body = (await guardForm(ctx, schema, limit)) as object;
    };
  };

  test('a form becomes a typed value', async () => {
    accepts(codeForm);
    const response = await post('_csrf=t&code=123+456');
    expect(await response.json()).toEqual({ _csrf: 't', code: '123456', remember: false });
    accepts(passkeyForm);
    const answer = encodeURIComponent(JSON.stringify({ id: 'x', type: 'public-key' }));
    expect(await (await post(`_csrf=t&response=${answer}`)).json()).toEqual({
      _csrf: 't',
      response: { id: 'x', type: 'public-key' },
      remember: false,
    });
    accepts(codeForm);
    expect(await (await post('_csrf=t&code=123456&remember=on')).json()).toMatchObject({ remember: true });
  });

  test.each([
    ['a repeated field', '_csrf=t&password=a&password=b'],
    ['an unknown field', '_csrf=t&password=a&admin=1'],
    ['a missing field', '_csrf=t'],
    ['NUL', '_csrf=t&password=a%00b'],
    ['a broken escape', '_csrf=t&password=%zz'],
    ['what is not UTF-8', '_csrf=t&password=%ff%fe'],
    ['raw bytes that are not UTF-8', Buffer.from('_csrf=t&password=\xff', 'latin1')],
    ['an overlong value', `_csrf=t&password=${'a'.repeat(257)}`],
    ['a prototype’s name', '_csrf=t&password=a&__proto__=b'],
  ])('%s is a bad request', async (_, body) => {
    accepts(passwordForm);
    const response = await post(body as string);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });

  test('hundreds of fields are a bad request, whatever the schema says', async () => {
    accepts(z.record(z.string(), z.string()));
    expect((await post(Array.from({ length: 51 }, (_, index) => `f${index}=`).join('&'))).status).toBe(400);
  });

  test('a passkey answer that is not a JSON object is a bad request', async () => {
    accepts(passkeyForm);
    for (const answer of ['', '[]', '1', 'null', '{']) {
      expect((await post(`_csrf=t&response=${encodeURIComponent(answer)}`)).status).toBe(400);
    }
  });

  test('a body over the limit is refused, declared or not, and the answer arrives', async () => {
    accepts(emptyForm);
    expect((await post(`_csrf=${'a'.repeat(FORM_LIMIT)}`)).status).toBe(413);
    const chunks = Array.from({ length: 40 }, () => `400\r\n${'a'.repeat(1024)}\r\n`).join('');
    const answer = await raw(
      `POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${chunks}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('other types, and encoded bodies, are refused', async () => {
    accepts(emptyForm);
    expect((await post('{"_csrf":"t"}', { 'Content-Type': 'application/json' })).status).toBe(415);
    expect((await post('_csrf=t', { 'Content-Encoding': 'gzip' })).status).toBe(415);
  });
});

describe('errors', () => {
  test('a browser sees a page with the remedy and the number that the log has', async () => {
    handler = () => {
      throw new StileError('too_many_attempts', { retryAfter: 120, detail: 'bucket account:1:totp' });
    };
    const response = await fetch(`${origin}/interaction/x`, html);
    const page = await response.text();
    expect(response.status).toBe(429);
    expect(response.headers.get('Retry-After')).toBe('120');
    expect(page).toContain('Too many attempts.');
    expect(page).toContain('You can try again in 2 minutes.');
    expect(page).toContain('correlation-1');
    expect(page).not.toContain('bucket');
    expect(lines.join()).toContain('bucket account:1:totp');
    expect(lines.join()).toContain('correlation-1');
  });

  test('a program sees OAuth JSON, whatever it accepts on a path for programs', async () => {
    handler = () => {
      throw new StileError('account_disabled');
    };
    for (const request of [
      fetch(`${origin}/token`, html),
      fetch(origin, { headers: { Accept: 'application/json' } }),
    ]) {
      const response = await request;
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: 'invalid_grant' });
    }
  });

  test('an unexpected error says nothing of itself, and neither log nor page has row values', async () => {
    handler = () => {
      throw Object.assign(new Error('duplicate key'), {
        code: '23505',
        detail: 'Key (email)=(a@b.test)',
        hash: '$argon2',
      });
    };
    const response = await fetch(origin, html);
    const page = await response.text();
    expect(response.status).toBe(500);
    expect(page).toContain('Something went wrong on our side.');
    expect(page).not.toMatch(/duplicate key|23505|a@b\.test|at .*\.ts/);
    expect(lines.join()).toMatch(/duplicate key.*23505|23505.*duplicate key/);
    expect(lines.join()).not.toMatch(/a@b\.test|argon2/);
  });

  test('anything may be thrown', async () => {
    for (const thrown of [null, undefined, 'text', { status: 413 }]) {
      handler = () => {
        throw thrown;
      };
      expect((await fetch(origin, html)).status).toBe(
        thrown === null || typeof thrown !== 'object' ? 500 : 413,
      );
    }
  });

  test('the database being away is 503 with Retry-After', async () => {
    handler = () => {
      throw new StileError('unavailable');
    };
    const response = await fetch(`${origin}/token`, { method: 'POST' });
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toBe('5');
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' });
  });

  test('the library’s public errors are shown to developers, others are not', async () => {
    const fault = {
      status: 400,
      expose: true,
      error: 'invalid_request',
      error_description: 'redirect_uri mismatch',
    };
    handler = () => {
      throw Object.assign(new Error('x'), fault);
    };
    expect(await (await fetch(origin, html)).text()).toContain('invalid_request: redirect_uri mismatch');
    handler = () => {
      throw Object.assign(new Error('x'), { ...fault, expose: false, status: 500 });
    };
    expect(await (await fetch(origin, html)).text()).not.toContain('redirect_uri');
  });
});

describe('assets', () => {
  test('under its own hash an asset is cached for good', async () => {
    const response = await fetch(origin + assets.url('stile.css'));
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('text/css; charset=utf-8');
    expect(response.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
  });

  test('without it, or with another, it is asked for again and answered 304', async () => {
    const response = await fetch(`${origin}/assets/forms.js?v=old`);
    const etag = response.headers.get('ETag') ?? '';
    expect(response.headers.get('Cache-Control')).toBe('no-cache');
    // Not by fetch, which adds "no-cache" to a conditional request of one's own.
    const again = await raw(`GET /assets/forms.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etag}\r\n\r\n`);
    expect(again).toMatch(/^HTTP\/1\.1 304 /);
    expect(again).toMatch(/\r\n\r\n$/);
  });

  test.each([
    '/assets/../layout.ejs',
    '/assets/%2e%2e/layout.ejs',
    '/assets/..%2flayout.ejs',
    '/assets/',
    '/assets/x.css',
  ])('%s leads nowhere', async (path) => {
    expect(await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('only reading is allowed', async () => {
    const response = await fetch(`${origin}/assets/stile.css`, { method: 'POST' });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe('GET, HEAD');
  });

  test('every asset of the pages is there', () => {
    expect([...assets.files.keys()].sort()).toEqual([
      'fence.svg',
      'forms.js',
      'logo.svg',
      'passkey.js',
      'stile.css',
      'times.js',
    ]);
  });
});
