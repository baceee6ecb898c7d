/** `response_mode=form_post` in a real browser, under our content security policy. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { browserMissing, launchBrowser } from '../../support/browser.ts';
import { createClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, PASSWORD } from '../../support/people.ts';
import { startStile, type TestStile, testConfig } from '../../support/stile.ts';

describe.skipIf(noPostgres || browserMissing())('an answer by form_post', () => {
  let stile: TestStile;
  let client: Server;
  let browser: Browser;
  let redirect_uri: string;
  const posted: string[] = [];
  beforeAll(async () => {
    client = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        if (request.method === 'POST') posted.push(body);
        response.end('<h1>Welcome back</h1>');
      });
    });
    await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
    redirect_uri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
    const clients = (testConfig().clients ?? []).map((each) =>
      each.clientId === 'web' ? { ...each, redirectUris: [redirect_uri] } : each,
    );
    stile = await startStile({ config: { clients } });
    await addPerson(stile, 'ada');
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await stile?.stop();
    client?.close();
  });

  it('trap: the page that posts the answer reaches the client, and no other address', async () => {
    const request = await (await createClient(stile)).authorize({ response_mode: 'form_post', redirect_uri });
    const page = await browser.newPage();
    await page.goto(request.url);
    await page.fill('#identifier', 'ada');
    await page.keyboard.press('Enter');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(redirect_uri);
    const [body = ''] = posted;
    expect(new URLSearchParams(body).get('state')).toBe(request.state);
    expect(new URLSearchParams(body).get('code')).toBeTruthy();
  });

  it('trap: an address that is not registered is not let into the policy', async () => {
    const request = await (await createClient(stile)).authorize({
      response_mode: 'form_post',
      redirect_uri: 'https://evil.example/',
    });
    const page = await createAgent().open(request.url);
    expect(page.status).toBe(400);
    expect(page.headers.get('content-security-policy')).not.toContain('evil');
  });
});
