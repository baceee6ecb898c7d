import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import Koa from 'koa';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { handleErrors } from '../../src/http/errors.ts';
import { guardForm, PASSKEY_LIMIT } from '../../src/http/guard.ts';
import { allowFormsTo, securityHeaders } from '../../src/http/security.ts';
import { loadAssets, serveAssets } from '../../src/http/static.ts';
import type { ViewModel } from '../../src/http/view-models.ts';
import { createRenderer } from '../../src/http/views.ts';
import {
  accessibilityFaults,
  addAuthenticator,
  browserMissing,
  inspectable,
  launchBrowser,
} from '../support/browser.ts';
import { samplePages } from '../support/sample-pages.ts';

const directory = fileURLToPath(new URL('../../views', import.meta.url));
const pages: Record<string, ViewModel> = { ...samplePages };
const names = Object.keys(pages);
const busiest = [
  'password-problem',
  'step-up-throttled',
  'enrol-choose',
  'enrol-totp',
  'consent',
  'password-change-problem',
  'account',
  'error',
];
/** In the page: does anything reach beyond the window's edge? */
const isCutOff = `[...document.querySelectorAll('body *')]
  .some((element) => element.getBoundingClientRect().right > innerWidth + 0.5)`;
/** What forms posted, in order. */
const posts: { readonly path: string; readonly fields: Record<string, string> }[] = [];

let server: Server;
/** Another origin, as a client's would be. */
let client: Server;
let origin: string;
let redirectTo: string | undefined;
/** Forms are answered 204. */
let stay = false;
let browser: Browser;
let context: BrowserContext | undefined;

describe.skipIf(browserMissing())('the pages in a browser', () => {
  beforeAll(async () => {
    server = createServer((await siteOfSamples()).callback()).listen(0, 'localhost');
    client = createServer((_, response) => response.end('the client')).listen(0, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(client, 'listening')]);
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
    server.close();
    client.close();
  });

  afterEach(async () => {
    await context?.close();
    context = undefined;
    redirectTo = undefined;
    stay = false;
    posts.length = 0;
  });

  describe.each([
    ['light', names, { colorScheme: 'light', viewport: { width: 1100, height: 800 } }],
    ['dark and narrow', busiest, { colorScheme: 'dark', viewport: { width: 320, height: 640 } }],
  ] as const)('%s', (_, looked, options) => {
    test('every page is accessible and never scrolls sideways', { timeout: 120_000 }, async () => {
      context = await inspectable(browser, options);
      const page = await context.newPage();
      const faults: string[] = [];
      for (const name of looked) {
        await page.goto(`${origin}/${name}`);
        for (const fault of await accessibilityFaults(page)) faults.push(`${name}: ${fault}`);
        if (await page.evaluate<boolean>(isCutOff)) faults.push(`${name}: wider than the window`);
      }
      expect(faults).toEqual([]);
    });
  });

  test('no page breaks the content security policy or throws', { timeout: 60_000 }, async () => {
    const page = await open('outbox');
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    for (const name of names) await page.goto(`${origin}/${name}`);
    expect(faults).toEqual([]);
  });

  describe('forms', () => {
    test('a form is sent once, with the button that sent it, until the page comes back', async () => {
      stay = true; // 204: the browser stays on the page, as it does while an answer is on its way
      const page = await open('consent');
      const allow = page.getByRole('button', { name: 'Allow', exact: true });
      await allow.click();
      await expect.poll(() => posts.length).toBe(1);
      expect(await allow.isDisabled()).toBe(true);
      await allow.click({ force: true });
      // As the back-forward cache does it; under automation the browser keeps no pages.
      await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
      expect(await allow.isEnabled()).toBe(true);
      stay = false;
      await allow.click();
      await page.waitForURL('**/sent');
      const sent = {
        path: '/interaction/sample/consent',
        fields: { _csrf: 'sample-token', decision: 'allow' },
      };
      expect(posts).toEqual([sent, sent]);
    });

    test('after the back button it can be sent again', async () => {
      const page = await open('step-up-totp');
      for (const code of ['111111', '222222']) {
        await page.getByLabel('Code from your authenticator app').fill(code);
        await page.getByRole('button', { name: 'Confirm' }).click();
        await page.waitForURL('**/sent');
        await page.goBack();
        await page.getByRole('button', { name: 'Confirm' }).and(page.locator(':enabled')).waitFor();
      }
      expect(posts.map(({ fields }) => fields['code'])).toEqual(['111111', '222222']);
    });

    test('a password can be looked at, and is sent as a password', async () => {
      const page = await open('password');
      const field = page.getByLabel('Password', { exact: true });
      await field.fill('correct horse');
      await page.getByRole('button', { name: 'Show password' }).click();
      expect(await field.getAttribute('type')).toBe('text');
      await page.getByRole('button', { name: 'Hide password' }).click();
      expect(await field.getAttribute('type')).toBe('password');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL('**/sent');
      expect(posts[0]?.fields).toEqual({
        _csrf: 'sample-token',
        username: 'alex@example.test',
        password: 'correct horse',
      });
    });

    test('the keyboard alone is enough, and the focus is where one types', async () => {
      const page = await open('sign-in');
      await page.keyboard.type('alex');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/sent');
      expect(posts[0]?.fields).toEqual({ _csrf: 'sample-token', identifier: 'alex' });
    });

    test('times are shown in the reader’s zone', async () => {
      context = await browser.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en' });
      const page = await context.newPage();
      await page.goto(`${origin}/outbox`);
      await expect.poll(() => page.locator('time').first().textContent()).toContain('Nov 22, 2026, 7:26');
    });

    test('a form may lead to the client its page names, and to nobody else', async () => {
      redirectTo = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
      const page = await open('consent?client');
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.waitForURL(redirectTo);
      await page.goto(`${origin}/consent`);
      const refused = page.waitForEvent('console', (message) => message.text().includes('form-action'));
      await page.getByRole('button', { name: 'Allow', exact: true }).click();
      await refused;
    });
  });

  describe('without JavaScript', () => {
    test('everything but passkeys works, and the page says so', async () => {
      context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await page.goto(`${origin}/sign-in`);
      expect(await page.getByRole('button', { name: 'Sign in with a passkey' }).isVisible()).toBe(false);
      expect(await page.locator('noscript .note').innerText()).toContain('Passkeys need JavaScript');
      await page.getByLabel('Username or email').fill('alex');
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.waitForURL('**/sent');
      await page.goto(`${origin}/account`);
      await page.getByText('Rename').first().click();
      await page.getByLabel('New name').first().fill('Phone');
      await page.getByRole('button', { name: 'Save' }).first().click();
      await page.waitForURL('**/sent');
      expect(posts.map(({ fields }) => fields['label'] ?? fields['identifier'])).toEqual(['alex', 'Phone']);
    });
  });

  describe('passkeys', () => {
    test('are created and used: the server’s library verifies what the page sends', async () => {
      const page = await open('enrol-passkey');
      await addAuthenticator(page);
      await page.getByLabel('Name it').fill('Laptop');
      await page.getByRole('button', { name: 'Create the passkey' }).click();
      await page.waitForURL('**/sent');
      const { response, label } = posts[0]?.fields ?? {};
      expect(label).toBe('Laptop');
      expect(json<{ response: object }>(response).response).toMatchObject({ transports: ['internal'] });
      const registration = await verifyRegistrationResponse({ response: json(response), ...expected() });
      expect(registration.verified).toBe(true);

      await page.goto(`${origin}/step-up-passkey`);
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await page.waitForURL('**/sent');
      const { credential } = registration.registrationInfo ?? {};
      if (!credential) throw new Error('no credential');
      const assertion = json(posts[1]?.fields['response']);
      const { verified } = await verifyAuthenticationResponse({
        response: assertion,
        credential,
        ...expected(),
      });
      expect(verified).toBe(true);
    });

    test('autofill: a passkey among the suggestions signs in without the button', async () => {
      const page = await open('enrol-passkey');
      await addAuthenticator(page);
      await page.getByRole('button', { name: 'Create the passkey' }).click();
      await page.waitForURL('**/sent');
      await page.goto(`${origin}/sign-in`);
      await page.waitForURL('**/sent');
      expect(posts[1]?.path).toBe('/interaction/sample/passkey');
      expect(json(posts[1]?.fields['response'])).toMatchObject({ type: 'public-key' });
    });

    test('a cancelled ceremony is said in plain words and can be tried again', async () => {
      const page = await open('step-up-passkey');
      await addAuthenticator(page);
      await page.getByRole('button', { name: 'Use your passkey' }).click();
      await page.getByRole('status').getByText('Nothing was confirmed').waitFor();
      expect(await page.getByRole('button', { name: 'Use your passkey' }).isEnabled()).toBe(true);
      expect(posts).toEqual([]);
    });

    test('a device that already has one says so', async () => {
      const page = await open('enrol-passkey');
      const authenticator = await addAuthenticator(page);
      await page.getByRole('button', { name: 'Create the passkey' }).click();
      await page.waitForURL('**/sent');
      const [held] = await authenticator.credentials();
      const id = Buffer.from(held?.credentialId ?? '', 'base64').toString('base64url');
      const { 'enrol-passkey': sample } = samplePages;
      pages['again'] = {
        ...sample,
        options: { ...sample.options, excludeCredentials: [{ type: 'public-key', id }] },
      };
      await page.goto(`${origin}/again`);
      await page.getByRole('button', { name: 'Create the passkey' }).click();
      await page.getByRole('status').getByText('already has a passkey').waitFor();
    });

    test('a browser without them says so and offers no button', async () => {
      context = await browser.newContext();
      await context.addInitScript('delete window.PublicKeyCredential');
      const page = await context.newPage();
      await page.goto(`${origin}/step-up-passkey`);
      await page.getByText('This browser cannot use passkeys').waitFor();
      expect(await page.getByRole('button', { name: 'Use your passkey' }).isVisible()).toBe(false);
    });
  });
});

/** Each sample at `/<name>`; every form leads to `/sent`, or to where the test says. */
async function siteOfSamples(): Promise<Koa> {
  const assets = await loadAssets(join(directory, 'assets'));
  const renderer = await createRenderer({ directory, site: 'Harbour Group', assets });
  const log = { warn: () => undefined, error: () => undefined };
  const app = new Koa();
  app.use(securityHeaders({ https: false }));
  app.use(handleErrors({ render: renderer.render, log, correlationId: () => 'x', isApi: () => false }));
  app.use(serveAssets(assets));
  app.use(async (ctx) => {
    if (ctx.method === 'POST') {
      const fields = await guardForm(ctx, z.record(z.string(), z.string()), PASSKEY_LIMIT);
      posts.push({ path: ctx.path, fields });
      ctx.status = stay ? 204 : 303;
      ctx.set('Location', redirectTo ?? '/sent');
      return;
    }
    if (ctx.querystring === 'client' && redirectTo) allowFormsTo(ctx, [redirectTo]);
    const page = pages[ctx.path.slice(1)];
    ctx.type = 'html';
    ctx.body = page ? renderer.render(page) : 'sent';
  });
  return app;
}

async function open(name: string): Promise<Page> {
  context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/${name}`);
  return page;
}

function expected() {
  return {
    expectedChallenge: 'c2FtcGxlLWNoYWxsZW5nZQ',
    expectedOrigin: origin,
    expectedRPID: 'localhost',
    requireUserVerification: false,
  };
}

function json<T = never>(text: string | undefined): T {
  return JSON.parse(text ?? '') as T;
}
