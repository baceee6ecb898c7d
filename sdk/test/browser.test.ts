/** The client half in a real Chromium: popups, and DPoP keys that stay in IndexedDB. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserMissing, launchBrowser } from '../../test/support/browser.ts';
import { noPostgres } from '../../test/support/database.ts';
import { addPerson, mailedCode, PASSWORD, totpCode } from '../../test/support/people.ts';
import { API, startStile, type TestStile, testConfig } from '../../test/support/stile.ts';
import { createApi } from './api.ts';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
const library = createRequire(import.meta.url).resolve('oauth4webapi');

const html = (script: string) => `<!doctype html><title>Shop</title>
<script type="importmap">{"imports": {"oauth4webapi": "/oauth4webapi.js"}}</script>
<button id="sign-in">Sign in</button><button id="pay">Pay</button><output></output>
<script type="module">${script}</script>`;

const shop = (issuer: string) => `
import { createStepUpFetch, indexedDbKeys, popup } from '/client/index.js';
const keys = indexedDbKeys();
const fetcher = createStepUpFetch({
  issuer: '${issuer}', clientId: 'shop', redirectUri: location.origin + '/callback', resource: '${API}',
  apis: [location.origin + '/v1'], scope: ['read'], dpop: keys, obtain: popup(),
});
const call = (path, init) => async () => {
  const output = document.querySelector('output');
  try { output.textContent = await (await fetcher(path, init)).text(); } catch (error) { output.textContent = error; }
};
document.querySelector('#sign-in').onclick = call('/v1/plain');
document.querySelector('#pay').onclick = call('/v1/dpop', { method: 'POST', body: 'pay Robin' });
globalThis.keys = keys;
`;

const callback = `import { answerPopup } from '/client/index.js'; answerPopup();`;

describe.skipIf(noPostgres || browserMissing())('the client half in a browser', () => {
  let stile: TestStile;
  let browser: Browser;
  let server: Server;
  let origin: string;

  beforeAll(async () => {
    let api: ReturnType<typeof createApi>;
    server = createServer((request, response) => void serve(request, response, () => api, stile.issuer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const redirectUris = [`${origin}/callback`];
    const clients = [{ clientId: 'shop', name: 'Shop', firstParty: true, redirectUris, dpopBound: true }];
    const { resources = [] } = testConfig();
    [stile, browser] = await Promise.all([startStile({ config: { clients, resources } }), launchBrowser()]);
    api = createApi(stile.issuer);
    await addPerson(stile, 'kim');
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await stile?.stop();
  });

  async function popupOf(page: Page, button: string): Promise<Page> {
    const [popup] = await Promise.all([page.context().waitForEvent('page'), page.click(button)]);
    popup.setDefaultTimeout(15_000);
    return popup;
  }

  it('a step-up in a popup, with a DPoP key that no script can take', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(origin);
    const signIn = await popupOf(page, '#sign-in');
    await signIn.fill('input[name=identifier]', 'kim');
    await signIn.keyboard.press('Enter');
    await signIn.fill('input[name=password]', PASSWORD);
    await signIn.keyboard.press('Enter');
    await page.locator('output', { hasText: '"scheme":"dpop"' }).waitFor({ timeout: 15_000 });

    await enrol(await popupOf(page, '#pay'), stile);
    await page.locator('output', { hasText: 'pay Robin' }).waitFor({ timeout: 15_000 });
    expect(await page.textContent('output')).toContain('urn:stile:acr:mfa');

    const taken = `keys().then(({ privateKey }) => crypto.subtle.exportKey('jwk', privateKey)).then(() => 'taken', (e) => e.name)`;
    expect(await page.evaluate(taken)).toBe('InvalidAccessError');
    const same = `Promise.all([keys(), keys()]).then((all) => Promise.all(all.map(async ({ publicKey }) => (await crypto.subtle.exportKey('jwk', publicKey)).x)))`;
    const [one, two] = (await page.evaluate(same)) as string[];
    expect(one).toBe(two);
  }, 60_000);
});

async function enrol(page: Page, stile: TestStile): Promise<void> {
  await page.click('a[href$="enrol=totp"]');
  const again = page.locator('input[name=password]');
  if (await again.count()) {
    await again.fill(PASSWORD);
    await page.keyboard.press('Enter');
  }
  await page.locator('form[action$="/email/send"] button').first().click();
  await page.waitForSelector('input[name=code]');
  await page.fill('input[name=code]', mailedCode(stile, 'kim'));
  await page.keyboard.press('Enter');
  const uri = await page.getAttribute('a[href^="otpauth:"]', 'href');
  const secret = new URL(uri ?? '').searchParams.get('secret') ?? '';
  await page.fill('input[name=code]', totpCode(secret, stile.core.clock.now()));
  await page.keyboard.press('Enter');
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  api: () => ReturnType<typeof createApi>,
  issuer: string,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://shop');
  const send = (type: string, body: string | Buffer) =>
    response.writeHead(200, { 'content-type': type }).end(body);
  if (pathname.startsWith('/v1/')) {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    return api()(request, response, Buffer.concat(chunks));
  }
  if (pathname === '/') return void send('text/html', html(shop(issuer)));
  if (pathname === '/callback') return void send('text/html', html(callback));
  if (pathname === '/oauth4webapi.js') return void send('text/javascript', readFileSync(library));
  if (/^\/(client|shared)\/[a-z-]+\.js$/.test(pathname))
    return void send('text/javascript', readFileSync(join(dist, pathname)));
  response.writeHead(404).end();
}
