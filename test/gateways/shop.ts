/** The program behind a gateway: an application for browsers on the SDK, and the API it calls, on one origin. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { API } from '../support/stile.ts';
import type { Served } from './world.ts';

const require = createRequire(import.meta.url);
const sdk = dirname(dirname(require.resolve('@stile/sdk/client')));
const library = createRequire(join(sdk, 'client/index.js')).resolve('oauth4webapi');

/** Serves the application; answers as the API with what the gateway says of the caller, and the body that came. */
export function serveShop(request: IncomingMessage, body: string, issuer: string): Served {
  const { pathname } = new URL(request.url ?? '/', 'http://shop');
  const { 'x-stile-sub': sub, 'x-stile-acr': acr } = request.headers;
  if (!pathname.startsWith('/app/')) return ['application/json', JSON.stringify({ sub, acr, body })];
  if (pathname === '/app/sdk/oauth4webapi.js') return ['text/javascript', readFileSync(library)];
  const [, file] = /^\/app\/sdk\/((?:client|shared)\/[a-z-]+\.js)$/.exec(pathname) ?? [];
  if (file !== undefined) return ['text/javascript', readFileSync(join(sdk, file))];
  const script = pages[pathname];
  return script === undefined ? ['text/plain', ''] : ['text/html', html(script(issuer))];
}

const html = (script: string) => `<!doctype html><html lang="en"><title>Shop</title>
<script type="importmap">{"imports": {"oauth4webapi": "/app/sdk/oauth4webapi.js"}}</script>
<button id="accounts">Accounts</button><button id="pay">Pay</button><button id="vault">Vault</button><output></output>
<script type="module">${script}</script></html>`;

/** `?api=` names another origin to call. */
const buttons = `
const output = document.querySelector('output');
const click = (id, call) => { document.getElementById(id).onclick = () => show(call); };
click('accounts', () => fetcher(api + '/accounts/1'));
click('pay', () => fetcher(api + '/transfers/7', { method: 'POST', body: 'pay Robin' }));
click('vault', () => fetcher(api + '/vault/7', { method: 'POST', body: 'open it' }));
`;

const settings = (issuer: string) => `issuer: '${issuer}', resource: '${API}', scope: ['read'],
  apis: ['/accounts', '/transfers', '/vault'].map((path) => api + path)`;

/** Bearer tokens, by redirect. */
const byRedirect = (issuer: string) => `
import { createStepUpFetch, webStorage } from '/app/sdk/client/index.js';
const api = new URL(location.href).searchParams.get('api') ?? location.origin;
const fetcher = createStepUpFetch({ ${settings(issuer)}, clientId: 'shop',
  redirectUri: location.origin + '/app/back', storage: webStorage(sessionStorage) });
const show = async (call) => {
  try { output.textContent = await (await call()).text(); } catch (error) {
    if (error.code === 'authorization_required') location.assign(error.details.url);
    else output.textContent = error;
  }
};
${buttons}
if (location.pathname === '/app/back') {
  const { resume } = await fetcher.complete(location.href);
  history.replaceState(null, '', '/app/redirect');
  await show(resume);
}`;

/** Tokens bound to a key, by popup. */
const byPopup = (issuer: string) => `
import { createStepUpFetch, indexedDbKeys, popup } from '/app/sdk/client/index.js';
const api = new URL(location.href).searchParams.get('api') ?? location.origin;
const fetcher = createStepUpFetch({ ${settings(issuer)}, clientId: 'vault',
  redirectUri: location.origin + '/app/popped', dpop: indexedDbKeys(), obtain: popup() });
const show = async (call) => {
  try { output.textContent = await (await call()).text(); } catch (error) { output.textContent = error; }
};
${buttons}`;

const popped = () => `import { answerPopup } from '/app/sdk/client/index.js'; answerPopup();`;

const pages: Record<string, (issuer: string) => string> = {
  '/app/redirect': byRedirect,
  '/app/back': byRedirect,
  '/app/popup': byPopup,
  '/app/popped': popped,
};
