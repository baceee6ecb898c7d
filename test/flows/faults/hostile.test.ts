/** Malformed and hostile requests: a clear page or OAuth JSON of the catalogue, and nothing of our insides. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/domain/errors.ts';
import { accountRoutes } from '../../../src/http/account/routes.ts';
import { interactionRoutes } from '../../../src/http/interaction/routes.ts';
import { type Agent, createAgent, formOf, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, openGate } from '../../support/journeys.ts';
import { addPerson, PASSWORD, passwordSignIn, signIn } from '../../support/people.ts';
import { startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

const FORM = 'application/x-www-form-urlencoded';
const posts = (routes: readonly (readonly [string, string, unknown])[]) =>
  routes.filter(([method]) => method === 'POST').map(([, pattern]) => pattern);
const patterns = [...posts(interactionRoutes({} as never)), ...posts(accountRoutes({} as never))];

/** What each form has beside its token; a route that is not here has nothing. */
const fieldsOf: Readonly<Record<string, readonly string[]>> = {
  '/interaction/:uid/identifier': ['identifier'],
  '/interaction/:uid/password': ['password', 'username'],
  '/interaction/:uid/totp': ['code'],
  '/interaction/:uid/passkey': ['response'],
  '/interaction/:uid/email': ['code'],
  '/interaction/:uid/admin-code': ['code'],
  '/interaction/:uid/enrol/password': ['password', 'repeat', 'username'],
  '/interaction/:uid/enrol/totp': ['code', 'label'],
  '/interaction/:uid/enrol/passkey': ['response', 'label'],
  '/interaction/:uid/consent': ['decision'],
  '/account/factors/:id/rename': ['label'],
  '/account/password': ['password', 'repeat', 'username'],
};

/** Values that a schema wants; others take anything. */
const wellFormed: Readonly<Record<string, string>> = { decision: 'deny', response: '{}' };

const hostile = [
  '',
  ' ',
  "' OR 1=1 --",
  '"; DROP TABLE account; --',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '{{7*7}}<%= process.env %>',
  '../../../../etc/passwd',
  '\r\nSet-Cookie: evil=1',
  '__proto__',
  'constructor',
  '{"__proto__":{"x":1}}',
  '{"id":"x","rawId":"x","type":"public-key","response":{},"clientExtensionResults":{}}',
  '[[[[[[[[[[',
  'null',
  '[null]',
  '[{"type":1}]',
  '{"id_token":[]}',
  '{"id_token":{"acr":null}}',
  '{"id_token":{"acr":5,"sub":{"value":5}}}',
  '{"id_token":{"acr":{"essential":true,"values":[1,null]}}}',
  '{"id_token":{"acr":{"essential":"yes","values":"x","value":{}}}}',
  'NaN',
  '-1',
  '99999999999999999999',
  '\u202Eevil\u200B\uFEFF',
  '𝕒𝕕𝕒'.repeat(40),
  'x'.repeat(3000),
];

describe.skipIf(noPostgres)('hostile requests', () => {
  let stile: TestStile;
  let client: TestClient;
  /** Signed in, with another sign-in waiting for a password. */
  let agent: Agent;
  let waiting: Page;
  let csrf: { anonymous: string; waiting: string; enrolling: string; account: string };
  /** A sign-in of each sort: of nobody yet, waiting for a password, or for an authenticator app to be registered. */
  let uids: { anonymous: string; waiting: string; enrolling: string };
  /** Where nobody is signed in. */
  const stranger = createAgent();

  beforeAll(async () => {
    const wide = { attempts: 100_000, window: 900 };
    stile = await startStile({
      config: {
        throttle: { account: wide, address: wide, email: wide },
        authorizationDetails: { payment: {} },
      },
    });
    client = await createClient(stile);
    await addPerson(stile, 'ada');
    ({ agent } = await signIn(client, 'ada'));
    waiting = await agent.open((await client.authorize({ prompt: 'login' })).url);
    const enrolling = await openGate(stile, agent, await agent.open(`${stile.issuer}/account/add/totp`), {
      username: 'ada',
      method: 'totp',
    });
    const anonymous = await stranger.open((await client.authorize()).url);
    uids = { anonymous: uidOf(anonymous), waiting: uidOf(waiting), enrolling: uidOf(enrolling) };
    const account = await agent.open(`${stile.issuer}/account`);
    csrf = {
      anonymous: formOf(anonymous, '/identifier').fields['_csrf'] ?? '',
      waiting: formOf(waiting, '/password').fields['_csrf'] ?? '',
      enrolling: formOf(enrolling, '/enrol/totp').fields['_csrf'] ?? '',
      account: formOf(account, '/account/sign-out').fields['_csrf'] ?? '',
    };
  });
  afterAll(() => stile?.stop());

  const uidOf = (page: Page) => new URL(page.url).pathname.split('/')[2] ?? '';
  const stageOf = (pattern: string) => {
    if (pattern.includes('/identifier')) return 'anonymous';
    return pattern.includes('/enrol/') ? 'enrolling' : 'waiting';
  };
  const browserOf = (pattern: string) => (pattern.includes('/identifier') ? stranger : agent);
  const address = (pattern: string) =>
    `${stile.issuer}${pattern.replace(':uid', uids[stageOf(pattern)]).replace(':id', 'x')}`;
  const tokenOf = (pattern: string) => csrf[pattern.startsWith('/account') ? 'account' : stageOf(pattern)];

  function send(pattern: string, body: string, headers: Record<string, string> = {}): Promise<Page> {
    return browserOf(pattern).request(address(pattern), {
      method: 'POST',
      body,
      headers: { 'Content-Type': FORM, Origin: stile.issuer, ...headers },
    });
  }

  const insides =
    /node_modules|\.ts:\d|\bat \w+ \(|SELECT |INSERT |UPDATE "|relation "|Prisma|ECONN|TypeError|ZodError|\$argon2/;

  function expectRefused(page: Page, statuses: readonly number[]): void {
    expect(statuses, `${page.url} answered ${page.status}`).toContain(page.status);
    expectClean(page);
    expect(page.body).toContain(page.headers.get('x-correlation-id'));
    expect(page.headers.get('cache-control')).toContain('no-store');
  }

  function expectClean(page: Page): void {
    expect(page.status).toBeLessThan(500);
    expect(page.headers.get('x-correlation-id')).toBeTruthy();
    expect(page.body).not.toMatch(insides);
    expect(page.body).not.toMatch(/<script>alert|<img src=x/);
    expect(page.headers.get('set-cookie') ?? '').not.toContain('evil=');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  }

  it.each(patterns)('fault: POST %s refuses what is not a well-formed form', async (pattern) => {
    const token = `_csrf=${encodeURIComponent(tokenOf(pattern))}`;
    const others = (fieldsOf[pattern] ?? []).map((name) => `&${name}=1`).join('');
    expectRefused(await send(pattern, '{"_csrf":"x"}', { 'Content-Type': 'application/json' }), [415]);
    expectRefused(await send(pattern, token, { 'Content-Type': 'multipart/form-data; boundary=x' }), [415]);
    expectRefused(await send(pattern, `${token}${others}`, { 'Content-Encoding': 'gzip' }), [415]);
    expectRefused(await send(pattern, `${token}&${token}${others}`), [400]);
    expectRefused(await send(pattern, `${token}${others}&more=1`), [400]);
    expectRefused(await send(pattern, `${token}${others}&__proto__=1`), [400]);
    expectRefused(await send(pattern, `${token}%00${others}`), [400]);
    expectRefused(await send(pattern, `${token}%ED%A0%80${others}`), [400]);
    expectRefused(await send(pattern, `${token}%zz${others}`), [400]);
    expectRefused(await send(pattern, ''), [400]);
    expectRefused(await send(pattern, `${token}${others}&a=1`.repeat(60)), [400]);
    expectRefused(await send(pattern, `${token}&pad=${'x'.repeat(70_000)}`), [413]);
  });

  it.each(patterns)('fault: %s answers other methods with 405 and says which it knows', async (pattern) => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const page = await agent.request(address(pattern), { method });
      expectRefused(page, [405]);
      expect(page.headers.get('allow')).toContain('POST');
    }
  });

  it.each(patterns.flatMap((pattern) => (fieldsOf[pattern] ?? []).map((field) => ({ pattern, field }))))(
    'fault: $field of $pattern takes any text without a fault, and shows none of it unescaped',
    async ({ pattern, field }) => {
      for (const value of hostile) {
        const body = new URLSearchParams({ _csrf: tokenOf(pattern) });
        for (const name of fieldsOf[pattern] ?? []) body.set(name, name === field ? value : '1');
        const page = await send(pattern, body.toString());
        expectClean(page);
        if (page.location) expectClean(await browserOf(pattern).open(page.location));
      }
      expect(await count(stile, 'SELECT count(*) AS "n" FROM "account"')).toBe(1);
    },
  );

  it.each(patterns)(
    'security: POST %s is refused from elsewhere, and with the token of another form',
    async (pattern) => {
      const others = (fieldsOf[pattern] ?? []).map((name) => [name, wellFormed[name] ?? '1']);
      const form = (token: string) =>
        new URLSearchParams({ _csrf: token, ...Object.fromEntries(others) }).toString();
      const another = pattern.startsWith('/account') ? csrf.waiting : csrf.account;
      const foreign = { Origin: 'https://evil.example' };
      for (const refused of [
        await send(pattern, form(another)),
        await send(pattern, form(tokenOf(pattern)), foreign),
        await send(pattern, form(tokenOf(pattern)), { 'Sec-Fetch-Site': 'cross-site' }),
      ]) {
        expectRefused(refused, [403]);
        expect(refused.body).toContain(catalogue.csrf_failed.message);
      }
    },
  );

  it('fault: any text as a token is refused', async () => {
    for (const value of hostile) {
      const body = new URLSearchParams({ _csrf: value, password: PASSWORD }).toString();
      expectRefused(await send('/interaction/:uid/password', body), [400, 403]);
    }
  });

  it.each([
    '/nowhere',
    '/interaction',
    '/interaction/x/y/z',
    '/interaction/%00',
    '/interaction/..%2f..%2fetc',
    '/account/add/email',
    '/account/factors/%27/remove',
    '/assets/..%2f..%2fpackage.json',
    '/assets/%2e%2e/%2e%2e/package.json',
    '//evil.example/',
    '/.git/config',
    '/%zz',
  ])('fault: GET %s is a clear page', async (path) => {
    const page = await agent.request(`${stile.issuer}${path}`);
    expectRefused(page, [400, 404]);
    expect(page.headers.get('content-type')).toContain('text/html');
    const json = await agent.request(`${stile.issuer}${path}`, { headers: { Accept: 'application/json' } });
    expect([400, 404]).toContain(json.status);
    expect(json.headers.get('content-type')).toContain('application/json');
    expect(Object.keys(JSON.parse(json.body)).sort()).toEqual(['error', 'error_description']);
  });

  it('fault: what programs use answers in JSON whatever they accept', async () => {
    for (const path of ['/token/nowhere', '/.well-known/nothing', '/jwks/x']) {
      const page = await agent.request(`${stile.issuer}${path}`);
      expect(page.status).toBe(404);
      expect(JSON.parse(page.body)).toMatchObject({ error: 'invalid_request' });
    }
  });

  it.each([
    'client_id',
    'redirect_uri',
    'scope',
    'response_type',
    'resource',
    'claims',
    'acr_values',
    'prompt',
    'max_age',
    'id_token_hint',
    'login_hint',
    'ui_locales',
    'code_challenge',
    'code_challenge_method',
    'nonce',
    'response_mode',
    'request',
    'request_uri',
    'authorization_details',
    'stile_enrol',
    'stile_acr_values',
    'stile_max_age',
  ])('fault: any text as %s of an authorization request is answered, never a fault', async (name) => {
    for (const value of hostile) {
      const page = await createAgent().open((await client.authorize({ [name]: value })).url);
      expectClean(page);
      expect([200, 303, 302, 400]).toContain(page.status);
      if (name === 'redirect_uri') expect(page.location).toBeUndefined();
    }
    const twice = `${(await client.authorize({ [name]: 'x' })).url}&${name}=y`;
    if (name !== 'resource') expect((await createAgent().open(twice)).status).toBeGreaterThanOrEqual(300);
  });

  it.each([
    { nonce: '\0' },
    { state: 'a\0b' },
    { login_hint: '\0' },
    { acr_values: 'urn:stile:acr:1fa \0' },
    { client_id: '\0' },
    { scope: 'openid \0' },
    { claims: '{"id_token":{"sub":{"value":"nobody-has-this-id"}}}' },
    { claims: '{"id_token":{"sub":{"value":"\\u0000"}}}' },
    { claims: '{"id_token":{"name":{"value":"\\u0000"}}}' },
    { claims: '{"id_token":{"name":{"value":"\\ud800"}}}' },
    { authorization_details: '[{"type":"payment","x":"\\u0000"}]' },
  ])('fault: what no column can hold is refused, not a fault: %j', async (parameters) => {
    const request = await client.authorize(parameters as Record<string, string>);
    const browser = createAgent();
    let page = await browser.open(request.url);
    expectClean(page);
    if (page.body.includes('/identifier"')) page = await passwordSignIn(browser, page, 'ada');
    expectClean(page);
  });

  it('fault: an address that is not registered is never redirected to', async () => {
    for (const redirect_uri of [
      'https://evil.example/',
      'http://127.0.0.1:9/callback/../x',
      'http://127.0.0.1:9/callback?x',
      'javascript:alert(1)',
    ]) {
      const page = await createAgent().open((await client.authorize({ redirect_uri })).url);
      expectRefused(page, [400]);
      expect(page.location).toBeUndefined();
    }
  });

  it('fault: the token endpoint answers every malformed request with OAuth JSON', async () => {
    const basic = `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}`;
    const post = (body: string, headers: Record<string, string> = {}) =>
      agent.request(`${stile.issuer}/token`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': FORM, Authorization: basic, ...headers },
      });
    const answers = [
      await post(''),
      await post('grant_type=password&username=ada&password=x'),
      await post('grant_type=authorization_code&code=a&code=b'),
      await post('grant_type=authorization_code&code=%00'),
      await post('{"grant_type":"client_credentials"}', { 'Content-Type': 'application/json' }),
      await post('grant_type=refresh_token&refresh_token=x'.padEnd(200_000, 'x')),
      await post('grant_type=client_credentials', { Authorization: 'Basic !!!' }),
      await post('grant_type=client_credentials', { Authorization: `Basic ${btoa('%00:x')}` }),
      await post('grant_type=client_credentials&client_id=%00&client_secret=x', { Authorization: '' }),
      await post('grant_type=client_credentials', { Authorization: 'Basic d2ViOndyb25n' }),
      ...(await Promise.all(
        hostile.map((text) =>
          post(new URLSearchParams({ grant_type: 'refresh_token', refresh_token: text }).toString()),
        ),
      )),
      ...(await Promise.all(
        hostile.map((text) => post(new URLSearchParams({ grant_type: text }).toString())),
      )),
    ];
    for (const answer of answers) {
      expectClean(answer);
      expect([400, 401, 413, 415]).toContain(answer.status);
      expect(JSON.parse(answer.body)).toHaveProperty('error');
      expect(answer.headers.get('cache-control')).toContain('no-store');
    }
  });

  it('fault: every page of an error says what the catalogue says', async () => {
    const page = await agent.request(`${stile.issuer}/nowhere`);
    expect(page.body).toContain(catalogue.not_found.message);
    expect(page.body).toContain(catalogue.not_found.remedy);
  });
});
