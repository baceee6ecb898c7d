import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOpener } from '../../examples/harbour-bank/client/sign-in.ts';
import { startClient } from '../../examples/harbour-bank/client.ts';
import { type Bank, startBank } from '../../examples/harbour-bank/start.ts';
import { createTestBrowser, type TestBrowser, type Visit } from './bank-browser.ts';
import { type Answer, startTestIssuer, type TestIssuer } from './bank-issuer.ts';

let issuer: TestIssuer;
let bank: Bank;
let browser: TestBrowser;
let logged: string[];

beforeEach(async () => {
  issuer = await startTestIssuer();
  const { url, clientId, clientSecret } = issuer;
  bank = await startBank({
    issuer: url,
    clientId,
    clientSecret,
    clientPort: 0,
    apiPort: 0,
    log: (line) => logged.push(line),
  });
  issuer.resource = bank.urls.api;
  browser = createTestBrowser();
  logged = [];
});

afterEach(async () => {
  await bank.close();
  await issuer.close();
});

const passkey = { acr: 'phr', amr: ['pop', 'user', 'mfa'] };
const signIn = () => browser.get(`${bank.urls.client}/sign-in`);

async function transfer(amount: string, to = 'Robin'): Promise<Visit> {
  const form = await browser.get(`${bank.urls.client}/transfer`);
  return browser.submit(form, '/transfer', { to, amount });
}

async function balance(): Promise<string | undefined> {
  const { html } = await browser.get(`${bank.urls.client}/account`);
  return /class="balance">([^<]+)/.exec(html)?.[1];
}

describe('sign-in', () => {
  it('asks for code with PKCE S256, state, nonce, the resource and its scopes, and no step-up', async () => {
    const account = await signIn();
    expect(account.url.pathname).toBe('/account');
    const [request] = issuer.requests;
    expect(Object.fromEntries(request ?? [])).toMatchObject({
      client_id: 'harbour-bank-web',
      response_type: 'code',
      redirect_uri: `${bank.urls.client}/callback`,
      scope: 'openid profile accounts:read transfers:write',
      resource: bank.urls.api,
      code_challenge_method: 'S256',
      state: expect.stringMatching(/.{20}/),
      nonce: expect.stringMatching(/.{20}/),
    });
    expect(request?.has('acr_values') || request?.has('max_age')).toBe(false);
    expect(issuer.exchanges[0]?.get('resource')).toBe(bank.urls.api);
  });

  it('gives the session a new id, so that a planted one is worth nothing', async () => {
    await browser.get(`${bank.urls.client}/sign-in`);
    const planted = createTestBrowser();
    issuer.answer({ error: 'access_denied' });
    await planted.get(`${bank.urls.client}/sign-in`);
    const before = [...planted.cookies.values()];
    issuer.answer({});
    await planted.get(`${bank.urls.client}/sign-in`);
    expect([...planted.cookies.values()]).not.toEqual(before);
  });

  it('says plainly that it was cancelled', async () => {
    issuer.answer({ error: 'access_denied' });
    expect((await signIn()).html).toContain('You cancelled the sign-in');
  });

  const forged: [string, Answer][] = [
    ['iss of another issuer (RFC 9207)', { iss: 'http://127.0.0.1:1' }],
    ['state it never sent', { state: 'forged' }],
    ['nonce of another request', { nonce: 'forged' }],
  ];
  it.each(forged)('refuses an answer with the %s', async (_, answer) => {
    issuer.answer(answer);
    const page = await signIn();
    expect([page.status, page.url.pathname]).toEqual([400, '/callback']);
    expect(logged.join()).not.toMatch(/eyJ|code=/);
    expect((await browser.get(`${bank.urls.client}/account`)).hops.map(({ pathname }) => pathname)).toContain(
      '/sign-in',
    );
  });

  it('refuses a good answer in another browser', async () => {
    const { hops } = await signIn();
    const callback = hops.find(({ pathname }) => pathname === '/callback');
    const stranger = createTestBrowser();
    expect((await stranger.get(callback?.href ?? '')).status).toBe(400);
  });

  it('shows what the ID token proves, and escapes the name in it', async () => {
    const { html } = await signIn();
    expect(html).toContain('<code>urn:stile:acr:1fa</code>');
    expect(html).toContain('<code>pwd</code>');
    expect(html).toContain('Alex &lt;b&gt;Harbour&lt;/b&gt;');
  });

  it('signs out here and at the provider', async () => {
    const page = await signIn();
    const { url } = await browser.submit(page, '/sign-out');
    expect(url.href).toMatch(new RegExp(`^${issuer.url}/end\\?`));
    expect(url.searchParams.get('post_logout_redirect_uri')).toBe(`${bank.urls.client}/`);
    expect(url.searchParams.get('id_token_hint')).not.toBeNull();
    expect((await browser.get(`${bank.urls.client}/`)).html).toContain('href="/sign-in"');
  });
});

describe('RFC 9470: the challenge becomes a sign-in, and the call is sent again', () => {
  it('needs no more than the sign-in for a small transfer', async () => {
    await signIn();
    const page = await transfer('99.50');
    expect(page.html).toContain('€99.50 sent to Robin');
    expect(issuer.requests).toHaveLength(1);
  });

  it('copies acr_values and max_age, keeps its other parameters, and pays after the step-up', async () => {
    await signIn();
    const start = await balance();
    issuer.answer(passkey);
    const page = await transfer('2,000');
    expect(page.html).toContain('€2,000.00 sent to Robin');
    const [first, second] = issuer.requests.map((request) => Object.fromEntries(request));
    expect(second).toMatchObject({ acr_values: 'phr', max_age: '300' });
    for (const kept of [
      'client_id',
      'redirect_uri',
      'scope',
      'resource',
      'claims',
      'code_challenge_method',
    ]) {
      expect(second?.[kept]).toBe(first?.[kept]);
    }
    for (const fresh of ['state', 'nonce', 'code_challenge'])
      expect(second?.[fresh]).not.toBe(first?.[fresh]);
    expect([start, await balance()]).toEqual(['€18,753.70', '€16,753.70']);
  });

  it('shows acr, amr and auth_time before and after', async () => {
    await signIn();
    issuer.answer(passkey);
    const { html } = await transfer('2,000');
    const row = (name: string) => html.split(`<code>${name}</code></th>`)[1]?.split('</tr>')[0];
    expect(row('acr')).toMatch(/urn:stile:acr:1fa[\s\S]*phr/);
    expect(row('amr')).toMatch(/pwd[\s\S]*pop/);
    expect(row('auth_time')?.match(/<time /g)).toHaveLength(2);
  });

  it('sends the call again once, and gives up when the same is demanded again', async () => {
    await signIn();
    issuer.answer({ acr: 'urn:stile:acr:mfa', amr: ['otp', 'pwd', 'mfa'] });
    const page = await transfer('2,000');
    expect(page.html).toContain('The bank asked for the same proof again');
    expect(issuer.requests).toHaveLength(2);
    expect(await balance()).toBe('€18,753.70');
  });

  it('says that nothing was sent when the person cancels, and offers to try again', async () => {
    await signIn();
    issuer.answer({ error: 'access_denied' });
    const cancelled = await transfer('2,000');
    expect(cancelled.html).toContain('You cancelled; nothing was sent');
    issuer.answer(passkey);
    const again = await browser.submit(cancelled, `${cancelled.url.pathname}/again`);
    expect(again.html).toContain('€2,000.00 sent to Robin');
    expect(await balance()).toBe('€16,753.70');
  });

  it('explains unmet_authentication_requirements, and does not offer to try again', async () => {
    await signIn();
    issuer.answer({ error: 'unmet_authentication_requirements' });
    const { html } = await transfer('2,000');
    expect(html).toContain('Your account cannot confirm this yet');
    expect(html).not.toContain('/again"');
  });

  it('refuses the step-up of another person, and stays signed in as the first', async () => {
    await signIn();
    issuer.answer({ ...passkey, sub: 'mallory' });
    const { html } = await transfer('2,000');
    expect(html).toContain('Somebody else answered');
    expect(await balance()).toBe('€18,753.70');
  });

  it('refuses a step-up whose auth_time is older than the max_age it sent', async () => {
    await signIn();
    issuer.answer({ ...passkey, age: 400 });
    expect((await transfer('2,000')).html).toContain('The confirmation did not succeed');
    expect(await balance()).toBe('€18,753.70');
  });

  it('pays once when the button is pressed twice, or the answer is loaded again', async () => {
    await signIn();
    issuer.answer(passkey);
    const form = await browser.get(`${bank.urls.client}/transfer`);
    const fields = { to: 'Robin', amount: '2000' };
    const [one] = await Promise.all([
      browser.submit(form, '/transfer', fields),
      browser.submit(form, '/transfer', fields),
    ]);
    const callback = one.hops.find(({ pathname }) => pathname === '/callback');
    await browser.get(callback?.href ?? '');
    await browser.submit(form, '/transfer', fields);
    expect(await balance()).toBe('€16,753.70');
  });

  it('uses an answer once: loading it again exchanges nothing', async () => {
    await signIn();
    issuer.answer(passkey);
    const { hops } = await transfer('2,000');
    const callback = hops.find(({ pathname }) => pathname === '/callback');
    expect((await browser.get(callback?.href ?? '')).url.pathname).toBe('/account');
    expect(issuer.exchanges).toHaveLength(2);
  });

  it('takes the form changed after "back" for another transfer', async () => {
    await signIn();
    const form = await browser.get(`${bank.urls.client}/transfer`);
    await browser.submit(form, '/transfer', { to: 'Robin', amount: '10' });
    const second = await browser.submit(form, '/transfer', { to: 'Robin', amount: '20' });
    expect(second.html).toContain('€20.00 sent to Robin');
    expect(await balance()).toBe('€18,723.70');
  });

  it('uses the stepped-up token for the next transfer while it is fresh', async () => {
    await signIn();
    issuer.answer(passkey);
    await transfer('2,000');
    expect((await transfer('500')).html).toContain('Your sign-in was enough');
    expect(issuer.requests).toHaveLength(2);
  });
});

describe('tokens that end', () => {
  it('refreshes with the old refresh token, and carries on', async () => {
    issuer.answer({ expiresIn: 5, refreshToken: 'r1' });
    await signIn();
    expect(await balance()).toBe('€18,753.70');
    expect(issuer.requests).toHaveLength(1);
    const refresh = issuer.exchanges.find((body) => body.get('grant_type') === 'refresh_token');
    expect([refresh?.get('refresh_token'), refresh?.get('resource')]).toEqual(['r1', bank.urls.api]);
  });

  it('uses a refresh token once, however many pages need it at the same time', async () => {
    const { url, clientId, clientSecret, resource } = issuer;
    const now = () => Math.floor(Date.now() / 1000);
    const settings = { issuer: url, clientId, clientSecret, resource, baseUrl: url, now, log: () => {} };
    const fetcher = createOpener({ ...settings, apiUrl: resource })();
    issuer.answer({ ...passkey, expiresIn: 5, refreshToken: 'r1' });
    const asked = await fetcher.begin();
    const answer = await fetch(asked.url, { redirect: 'manual' });
    const { tokens } = await fetcher.complete(answer.headers.get('location') ?? '');
    const renewed = await Promise.all([fetcher.tokens(), fetcher.tokens()]);
    expect(issuer.exchanges).toHaveLength(2);
    const { acr, authTime } = tokens;
    expect(renewed).toMatchObject([
      { refresh: 'r2', acr, authTime },
      { refresh: 'r2', acr, authTime },
    ]);
  });

  it('takes invalid_grant for the end of these tokens and signs in again without any demand', async () => {
    issuer.answer({ expiresIn: 5, refreshToken: 'r1' }, {});
    issuer.onRefresh({ error: 'invalid_grant' });
    await signIn();
    expect(issuer.requests).toHaveLength(2);
    expect(issuer.requests[1]?.has('acr_values')).toBe(false);
    expect(await balance()).toBe('€18,753.70');
  });

  it('replaces a token that the API calls invalid once, and sends the transfer again', async () => {
    issuer.answer({ access: { aud: 'http://127.0.0.1:1' } }, {});
    await signIn();
    expect((await transfer('10')).html).toContain('€10.00 sent to Robin');
    expect(issuer.requests).toHaveLength(2);
  });

  it('does not go round in circles when every token is called invalid', async () => {
    issuer.answer({ access: { aud: 'http://127.0.0.1:1' } });
    const account = await signIn();
    expect(account.status).toBe(502);
    expect((await transfer('10')).html).toContain('Nothing was sent');
    expect(issuer.requests).toHaveLength(2);
  });
});

describe('forms', () => {
  it.each(['', '0', '-5', '1e3', '1.234', '12,34', '100,000.01', 'NaN'])(
    'refuses the amount "%s" beside its field and keeps what was typed',
    async (amount) => {
      await signIn();
      const page = await transfer(amount, 'Robin "the hood"');
      expect(page.status).toBe(422);
      expect(page.html).toContain('aria-describedby="amount-fault"');
      expect(page.html).toContain('value="Robin &quot;the hood&quot;"');
    },
  );

  it('refuses a form without its token, with another session’s, or from another origin', async () => {
    await signIn();
    const form = await browser.get(`${bank.urls.client}/transfer`);
    const csrf = /name="_csrf" value="([^"]+)"/.exec(form.html)?.[1] ?? '';
    const url = `${bank.urls.client}/transfer`;
    const fields = { id: randomUUID(), to: 'Mallory', amount: '50' };
    const other = createTestBrowser();
    await other.get(`${bank.urls.client}/sign-in`);
    const foreign = { origin: 'http://127.0.0.1:1' };
    expect((await browser.post(url, fields)).status).toBe(403);
    expect((await other.post(url, { ...fields, _csrf: csrf })).status).toBe(403);
    expect((await browser.post(url, { ...fields, _csrf: csrf }, foreign)).status).toBe(403);
    expect(await balance()).toBe('€18,753.70');
  });

  it('sends a policy without inline code, and nothing to be stored', async () => {
    const { headers } = await signIn();
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`form-action 'self' ${issuer.url}`);
    expect(policy).not.toMatch(/unsafe|script-src/);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('answers unknown addresses and methods with a page', async () => {
    expect((await browser.get(`${bank.urls.client}/nowhere`)).status).toBe(404);
    expect((await browser.post(`${bank.urls.client}/account`, {})).status).toBe(405);
  });
});

describe('when something is away', () => {
  it('shows a page while the provider is away, and works when it is back', async () => {
    const away = await startClient({
      issuer: 'http://127.0.0.1:9',
      clientId: 'harbour-bank-web',
      apiUrl: bank.urls.api,
      port: 0,
    });
    expect((await browser.get(`${away.url}/sign-in`)).status).toBe(503);
    await away.close();
  });

  it('does not claim to know whether a transfer was made when the API gives no answer', async () => {
    const { url, clientId, clientSecret, resource } = issuer;
    const mute = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const apiUrl = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const client = await startClient({ issuer: url, clientId, clientSecret, resource, apiUrl, port: 0 });
    await browser.get(`${client.url}/sign-in`);
    const form = await browser.get(`${client.url}/transfer`);
    const page = await browser.submit(form, '/transfer', { to: 'Robin', amount: '10' });
    expect(page.html).toContain('It is not known whether the transfer was made');
    expect(page.html).toContain('/again"');
    await client.close();
    await new Promise((resolve) => mute.close(resolve));
  });
});
