/** Rule 3 in a real browser, with JavaScript and without: the way back from a page that turns somebody away. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserMissing, launchBrowser } from '../support/browser.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { startStile, type TestStile } from '../support/stile.ts';

describe.skipIf(noPostgres || browserMissing())('throttled in a browser', () => {
  let stile: TestStile;
  let browser: Browser;
  let application: Server;
  let callback: string;
  beforeAll(async () => {
    application = createServer((_, response) => response.end('The application'));
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    callback = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`;
    const clients = [{ clientId: 'web', name: 'Web', firstParty: true, redirectUris: [callback] }];
    const account = { attempts: 1, window: 900, consecutive: 100 };
    const wide = { attempts: 100, window: 900 };
    const config = { clients, throttle: { account, address: wide, email: wide } };
    [stile, browser] = await Promise.all([startStile({ config }), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stile?.stop();
    application?.close();
  });

  it.each([true, false])(
    'rule 3: the throttled page leads back to the application: access_denied (JavaScript: %s)',
    async (javaScriptEnabled) => {
      const context = await browser.newContext({ javaScriptEnabled });
      const page = await context.newPage();
      const client = await createClient(stile);
      await page.goto((await client.authorize({ redirect_uri: callback })).url);
      await page.fill('input[name=identifier]', `nobody-${javaScriptEnabled}`);
      await page.keyboard.press('Enter');
      for (let at = 0; at < 2; at += 1) {
        await page.fill('input[name=password]', 'wrong');
        const answer = page.waitForResponse((response) => response.request().method() === 'POST');
        await page.keyboard.press('Enter');
        expect((await answer).status()).toBe(at === 0 ? 422 : 429);
        await page.waitForLoadState();
      }
      await page.locator('form[action$="/cancel"] button').click();
      await page.waitForURL(`${callback}?**`);
      const answer = new URL(page.url()).searchParams;
      expect(answer.get('error')).toBe('access_denied');
      expect(answer.get('error_description')).toBe('too many attempts');
      await context.close();
    },
  );
});
