/** A real browser signs in at Stile, is challenged by each gateway, steps up, and the same call passes. */
import type { Browser, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addAuthenticator, browserMissing, launchBrowser } from '../support/browser.ts';
import { noPostgres } from '../support/database.ts';
import { freePort, type Gateway, type Kind, kinds, missing, startGateway } from '../support/gateway.ts';
import { MFA, newPerson, nextCode, PHR } from '../support/journey.ts';
import { PASSWORD } from '../support/people.ts';
import { testConfig } from '../support/stile.ts';
import { serveShop } from './shop.ts';
import { startWorld, type World } from './world.ts';

describe.skipIf(noPostgres || browserMissing())('gateways and a real browser', () => {
  let world: World;
  let browser: Browser;
  const ports = new Map<Kind, number>();
  /** Another origin: that of the program itself, whose pages it gives without a gateway. */
  let elsewhere: string;
  beforeAll(async () => {
    for (const kind of kinds) ports.set(kind, await freePort());
    elsewhere = `http://127.0.0.1:${await freePort()}`;
    const uris = (path: string) => [...ports.values()].map((port) => `http://127.0.0.1:${port}/app/${path}`);
    const clients = [
      { clientId: 'shop', name: 'The Shop', firstParty: true, redirectUris: uris('back') },
      {
        clientId: 'vault',
        name: 'The Vault',
        firstParty: true,
        redirectUris: [...uris('popped'), `${elsewhere}/app/popped`],
        dpopBound: true,
      },
    ];
    const { resources = [] } = testConfig();
    const port = Number(new URL(elsewhere).port);
    [world, browser] = await Promise.all([
      startWorld({
        stile: { config: { clients, resources } },
        port,
        serve: serveShop,
      }),
      launchBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  async function signIn(page: Page, username: string): Promise<void> {
    await page.fill('input[name=identifier]', username);
    await page.keyboard.press('Enter');
    await page.fill('input[name=password]', PASSWORD);
    await page.keyboard.press('Enter');
  }

  describe.each(kinds)('%s', (kind) => {
    describe.skipIf(missing(kind))('from its snippet', () => {
      let gateway: Gateway;
      let forOthers: Gateway;
      let origin: string;
      beforeAll(async () => {
        const own = ports.get(kind) ?? 0;
        gateway = await startGateway(kind, { ...world.ports, own });
        origin = `http://127.0.0.1:${own}`;
        forOthers = await startGateway(kind, world.ports, (snippet) =>
          snippet.replaceAll('#cors ', '').replaceAll('https://app.example.com', elsewhere),
        );
      });
      afterAll(async () => {
        await gateway?.stop();
        await forOthers?.stop();
      });

      /** A page of its own, and what the API's calls were answered, in order. */
      async function open(address: string): Promise<{ page: Page; answers: Response[] }> {
        const page = await (await browser.newContext()).newPage();
        page.setDefaultTimeout(15_000);
        const answers: Response[] = [];
        page.on('response', (response) => {
          if (
            response.request().method() !== 'OPTIONS' &&
            /\/(?:accounts|transfers|vault)\/\d$/.test(response.url())
          )
            answers.push(response);
        });
        await page.goto(address);
        return { page, answers };
      }

      test('by redirect, with a code of an app: the challenge, the reason on the page, and the call with its body', async () => {
        const person = await newPerson(world.stile, { totp: true });
        const { page, answers } = await open(`${origin}/app/redirect`);
        await page.click('#pay');
        await signIn(page, person.username);

        await page.waitForSelector('input[name=code]');
        expect(page.url()).toContain(`${world.stile.issuer}/interaction/`);
        expect(await page.textContent('main')).toContain('The Shop');
        const [refused] = answers;
        expect(refused?.status()).toBe(401);
        const fields = ((await refused?.headersArray()) ?? []).filter(({ name }) =>
          /^www-authenticate$/i.test(name),
        );
        expect(fields.map(({ value }) => value)).toEqual([
          expect.stringMatching(
            /^Bearer .*insufficient_user_authentication.*acr_values="urn:stile:acr:mfa".*max_age="300"/,
          ),
        ]);

        const before = world.seen.length;
        await page.fill('input[name=code]', nextCode(world.stile, person));
        await page.keyboard.press('Enter');
        await page.locator('output', { hasText: 'pay Robin' }).waitFor();
        expect(JSON.parse(String(await page.textContent('output')))).toEqual({
          sub: person.id,
          acr: MFA,
          body: 'pay Robin',
        });
        expect(new URL(page.url()).pathname).toBe('/app/redirect');
        expect(answers.map((answer) => answer.status())).toEqual([401, 200]);
        const paid = world.seen.slice(before).filter(({ url }) => url === '/transfers/7');
        expect(paid.map(({ method }) => method)).toEqual(['POST']);
        await page.context().close();
      });

      test('by popup, with a key that stays in the browser and a passkey: nonce, challenge, and then the same call', async () => {
        await popupJourney(`${origin}/app/popup`);
      });

      test('from a page of another origin, with the lines for it: it reads nonce and challenge, and steps up', async () => {
        const api = `http://127.0.0.1:${forOthers.port}`;
        await popupJourney(`${elsewhere}/app/popup?api=${encodeURIComponent(api)}`);
      });

      async function popupJourney(address: string): Promise<void> {
        const person = await newPerson(world.stile, { passkey: {} });
        const { page, answers } = await open(address);
        await signIn(await popupOf(page, '#accounts'), person.username);
        await page.locator('output', { hasText: person.id }).waitFor();
        expect(answers.map((answer) => answer.status())).toEqual([401, 200]);
        expect(answers[0]?.headers()['www-authenticate']).toMatch(/^DPoP .*use_dpop_nonce/);
        expect(answers[0]?.headers()['dpop-nonce']).toMatch(/\S/);

        const popup = await popupOf(page, '#vault');
        const credentials = person.passkey?.authenticator.credentials() ?? [];
        await popup.waitForSelector('form[action$="/passkey"]');
        expect(await popup.textContent('main')).toContain('The Vault');
        await addAuthenticator(popup, { transport: 'usb', credentials });
        await popup.locator('form[action$="/passkey"] button').click();
        await page.locator('output', { hasText: 'open it' }).waitFor();
        expect(JSON.parse(String(await page.textContent('output')))).toEqual({
          sub: person.id,
          acr: PHR,
          body: 'open it',
        });
        const [, , refused, passed] = answers;
        expect(answers.map((answer) => answer.status())).toEqual([401, 200, 401, 200]);
        expect(refused?.headers()['www-authenticate']).toMatch(/^DPoP .*acr_values="phr"/);
        expect(passed?.request().headers()['authorization']).toMatch(/^DPoP /);
        await page.context().close();
      }
    });
  });
});

async function popupOf(page: Page, button: string): Promise<Page> {
  const [popup] = await Promise.all([page.context().waitForEvent('page'), page.click(button)]);
  popup.setDefaultTimeout(15_000);
  return popup;
}
