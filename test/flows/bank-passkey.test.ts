/** The bank on a whole Stile in a real browser: the transfer of the README, with a passkey made on the way. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accessibilityFaults,
  addAuthenticator,
  browserMissing,
  inspectable,
  launchBrowser,
} from '../support/browser.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, PASSWORD } from '../support/people.ts';
import { type BankWithStile, startBankWithStile } from './bank-with-stile.ts';

describe.skipIf(noPostgres || browserMissing())('the bank in a browser', () => {
  let world: BankWithStile;
  let browser: Browser;

  beforeAll(async () => {
    [world, browser] = await Promise.all([startBankWithStile(), launchBrowser()]);
    await addPerson(world.stile, 'kim');
    await addPerson(world.stile, 'lee');
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  async function signIn(context: BrowserContext, username: string): Promise<Page> {
    return signInOn(await context.newPage(), username);
  }

  async function signInOn(page: Page, username: string): Promise<Page> {
    page.setDefaultTimeout(10_000);
    await page.goto(world.bank.urls.client);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('textbox').fill(username);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${world.bank.urls.client}/account`);
    return page;
  }

  async function transfer(page: Page, amount: string): Promise<void> {
    await page.goto(`${world.bank.urls.client}/transfer`);
    await page.getByLabel('To').fill('Robin');
    await page.getByLabel('Amount in euros').fill(amount);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  /** Password and an emailed code (rule 6), then the passkey. */
  async function enrolPasskey(page: Page): Promise<void> {
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('button', { name: 'Send the code' }).click();
    const field = page.getByLabel('Code from the email');
    await field.waitFor();
    const mail = world.stile.core.outbox?.list()[0]?.text ?? '';
    await field.fill(/\b\d{6,8}\b/.exec(mail)?.[0] ?? '');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('button', { name: 'Create the passkey' }).click();
  }

  it('a large transfer goes through with a passkey made on the way; the next sign-in needs a tap for it', async () => {
    const context = await browser.newContext();
    const page = await signIn(context, 'kim');
    const authenticator = await addAuthenticator(page);
    await transfer(page, '2,000');
    await enrolPasskey(page);
    await page.getByRole('heading', { name: '€2,000.00 sent to Robin' }).waitFor();
    expect(await page.getByRole('row', { name: /^acr/ }).innerText()).toMatch(/urn:stile:acr:1fa[\s\S]*phr/);

    await transfer(page, '3,000');
    await page.getByRole('heading', { name: 'Your sign-in was enough' }).waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${world.bank.urls.client}/`);
    // The sign-in page offers passkeys by autofill; this person types the password.
    await authenticator.setPresence(false);
    const again = await signInOn(page, 'kim');
    await transfer(again, '4,000');
    await authenticator.setPresence(true);
    await again.getByRole('button', { name: /passkey/i }).click();
    await again.getByRole('heading', { name: '€4,000.00 sent to Robin' }).waitFor();
    await context.close();
  }, 60_000);

  it('cancelling leads back to the bank, with nothing sent', async () => {
    const context = await browser.newContext();
    const page = await signIn(context, 'lee');
    await transfer(page, '2,000');
    await page.getByRole('button', { name: /^Cancel/ }).click();
    await page.getByRole('heading', { name: 'You cancelled; nothing was sent' }).waitFor();
    expect(page.url().startsWith(`${world.bank.urls.client}/transfers/`)).toBe(true);
    await context.close();
  });

  it.each(['light', 'dark'] as const)('has accessible pages, also narrow and %s', async (colorScheme) => {
    const context = await inspectable(browser, { colorScheme, viewport: { width: 320, height: 640 } });
    const page = await signIn(context, 'lee');
    const look = async () => {
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    };
    await look();
    await transfer(page, 'a lot');
    await look();
    await transfer(page, '20');
    await look();
    await context.close();
  });
});
