/** What the README promises a newcomer, over HTTP: sign-in, a transfer, TOTP enrolled in the step-up, a second one. */
import { createHmac } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { createBrowser, formOf } from './newcomer-browser.mjs';

/** Throws with the page's text where the journey ends too early. */
export async function journey({ bank, username, password, say = () => {} }) {
  const browser = createBrowser();
  const home = await browser.open(bank);
  let page = await browser.follow(home, /^\/sign-in/);
  const stile = new URL(page.url).origin;
  expect(page, stile !== new URL(bank).origin, 'the sign-in page is at Stile');
  page = await browser.submit(page, /\/identifier$/, { identifier: username });
  page = await browser.submit(page, /\/password$/, { password });
  expect(page, page.url.startsWith(bank) && /1fa/.test(page.text), 'signed in at the bank with one factor');
  say(`signed in: acr ${acrOf(page)}`);

  page = await transfer(browser, page, '20');
  expect(page, page.url.startsWith(bank), 'a small transfer needs no more');

  page = await transfer(browser, page, '500');
  expect(page, page.url.startsWith(stile), 'a larger one asks for a step-up');
  page = await enrolTotp(browser, page, { stile, password });
  expect(page, page.url.startsWith(bank), 'back at the bank after the step-up');
  expect(page, /€500(\.00)?/.test(page.text), 'the transfer is done');
  page = await browser.open(new URL('/account', bank).href);
  expect(page, /€500\.00/.test(page.text), 'the transfer is in the account');
  expect(page, /acr:mfa/.test(page.text), 'the token says mfa');
  say(`stepped up: acr ${acrOf(page)}`);
  return page;
}

async function transfer(browser, page, amount) {
  const form = await browser.open(new URL('/transfer', page.url).href);
  return browser.submit(form, /^\/transfer$/, { to: 'Lantern Street Bakery', amount });
}

/** Answers whatever the first enrolment asks, in whatever order: password, emailed code, code of the app. */
async function enrolTotp(browser, first, { stile, password }) {
  let page = await browser.follow(first, /enrol=totp/);
  for (let step = 0; step < 8 && page.url.startsWith(stile); step++) {
    if (formOf(page, /\/enrol\/totp$/))
      page = await browser.submit(page, /\/enrol\/totp$/, { code: totp(keyOn(page)) });
    else if (formOf(page, /\/password$/)) page = await browser.submit(page, /\/password$/, { password });
    else if (formOf(page, /\/email$/))
      page = await browser.submit(page, /\/email$/, { code: await mailedCode(browser, stile) });
    else if (formOf(page, /\/email\/send$/)) page = await browser.submit(page, /\/email\/send$/);
    else throw new Error(`nothing to go on with at ${page.url}:\n${page.text}`);
  }
  return page;
}

async function mailedCode(browser, stile) {
  const outbox = await browser.open(`${stile}/outbox`);
  const [, code] = /\b(\d{6,8})\b/.exec(outbox.text) ?? [];
  if (!code) throw new Error(`no code in the outbox:\n${outbox.text}`);
  return code;
}

function keyOn(page) {
  const [key] = /\b([A-Z2-7]{4} ){7}[A-Z2-7]{4}\b/.exec(page.text) ?? [];
  if (!key) throw new Error(`no key on this page:\n${page.text}`);
  return key.replaceAll(' ', '');
}

/** RFC 6238: SHA-1, six digits, thirty seconds. */
function totp(key) {
  const bits = [...key]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  const seed = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', seed).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

function acrOf(page) {
  return /acr level (\S+)/.exec(page.text)?.[1] ?? '?';
}

function expect(page, holds, what) {
  if (!holds) throw new Error(`expected: ${what}\n${page.status} ${page.url}\n${page.text}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [bank = 'http://127.0.0.1:3001', username = 'alex', password = 'over-the-stile'] =
    process.argv.slice(2);
  await journey({ bank, username, password, say: console.log });
}
