/** A newcomer's journeys in a real browser: the Harbour Bank, a passkey, an authenticator app. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BankWithStile, startBankWithStile } from '../flows/bank-with-stile.ts';
import { addAuthenticator, browserMissing, launchBrowser } from '../support/browser.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, mailedCode, PASSWORD, totpCode } from '../support/people.ts';

describe.skipIf(noPostgres || browserMissing())('the bank in a browser', () => {
  let world: BankWithStile;
  let browser: Browser;
  let context: BrowserContext;
  beforeAll(async () => {
    [world, browser] = await Promise.all([startBankWithStile(), launchBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  async function open(): Promise<Page> {
    context = await browser.newContext();
    return context.newPage();
  }

  async function signIn(page: Page, username: string): Promise<void> {
    await page.goto(`${world.bank.urls.client}/sign-in`);
    await page.fill('input[name=identifier]', username);
    await page.keyboard.press('Enter');
    await page.fill('input[name=password]', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${world.bank.urls.client}/account`);
  }

  async function transfer(page: Page, amount: string): Promise<void> {
    await page.goto(`${world.bank.urls.client}/transfer`);
    await page.fill('input[name=to]', 'Robin');
    await page.fill('input[name=amount]', amount);
    await page.keyboard.press('Enter');
  }

  async function confirmByMail(page: Page, username: string): Promise<void> {
    await page.locator('form[action$="/email/send"] button').first().click();
    await page.waitForSelector('input[name=code]');
    await page.fill('input[name=code]', mailedCode(world.stile, username));
    await page.keyboard.press('Enter');
  }

  it('a large transfer asks for a passkey, which is enrolled in passing; the next one takes a tap', async () => {
    await addPerson(world.stile, 'ada');
    const page = await open();
    const authenticator = await addAuthenticator(page);
    await signIn(page, 'ada');
    await transfer(page, '2000');
    await page.waitForURL(/\/interaction\//);
    expect(await page.textContent('body')).toContain('Harbour Bank');
    const again = page.locator('input[name=password]');
    if (await again.count()) {
      await again.fill(PASSWORD);
      await page.keyboard.press('Enter');
    }
    await confirmByMail(page, 'ada');
    await page.locator('form[action$="/enrol/passkey"] button').click();
    await page.waitForURL(/\/transfers\//);
    expect(await page.textContent('body')).toContain('€2,000.00 sent to Robin');
    expect(await page.textContent('body')).toContain('phr');
    expect(await authenticator.credentials()).toHaveLength(1);

    const other = await open();
    await signIn(other, 'ada');
    // Only now: a virtual authenticator answers autofill at once.
    await addAuthenticator(other, { credentials: await authenticator.credentials() });
    await transfer(other, '3000');
    await other.waitForURL(/\/interaction\//);
    await other.locator('form[action$="/passkey"] button').click();
    await other.waitForURL(/\/transfers\//);
    expect(await other.textContent('body')).toContain('€3,000.00 sent to Robin');
  });

  it('a passkey signs in without a username, by its button, at the level it is evidence of', async () => {
    await addPerson(world.stile, 'bea');
    const first = await open();
    const authenticator = await addAuthenticator(first);
    await signIn(first, 'bea');
    await first.goto(`${world.stile.issuer}/account`);
    await first.click('a[href="/account/add/passkey"]');
    const again = first.locator('input[name=password]');
    if (await again.count()) {
      await again.fill(PASSWORD);
      await first.keyboard.press('Enter');
    }
    await confirmByMail(first, 'bea');
    await first.locator('form[action$="/enrol/passkey"] button').click();
    await first.waitForURL(/\/account\?notice=factor_added/);

    const page = await open();
    await addAuthenticator(page, { credentials: await authenticator.credentials() });
    await page.goto(`${world.bank.urls.client}/sign-in`);
    // Autofill answers at once with a virtual authenticator; otherwise the button does.
    await page.waitForURL(`${world.bank.urls.client}/account`, { timeout: 5000 }).catch(async () => {
      await page.locator('form[action$="/passkey"] button').click();
      await page.waitForURL(`${world.bank.urls.client}/account`);
    });
    expect(await page.textContent('body')).toContain('phr');
  });

  it('a middling transfer takes a code from an authenticator app', async () => {
    await addPerson(world.stile, 'cal');
    const page = await open();
    await signIn(page, 'cal');
    await transfer(page, '500');
    await page.waitForURL(/\/interaction\//);
    await page.click('a[href$="enrol=totp"]');
    const again = page.locator('input[name=password]');
    if (await again.count()) {
      await again.fill(PASSWORD);
      await page.keyboard.press('Enter');
    }
    await confirmByMail(page, 'cal');
    const uri = await page.getAttribute('a[href^="otpauth:"]', 'href');
    const secret = new URL(uri ?? '').searchParams.get('secret') ?? '';
    await page.fill('input[name=code]', totpCode(secret, world.stile.core.clock.now()));
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/transfers\//);
    expect(await page.textContent('body')).toContain('€500.00 sent to Robin');
    expect(await page.textContent('body')).toContain('urn:stile:acr:mfa');
  });
});
