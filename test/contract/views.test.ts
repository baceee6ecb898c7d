import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { catalogue } from '../../src/domain/errors.ts';
import { english } from '../../src/http/messages/en.ts';
import { createTranslator, en, type Messages, plain } from '../../src/http/messages.ts';
import { loadAssets } from '../../src/http/static.ts';
import {
  deviceName,
  factorName,
  grouped,
  moment,
  needsText,
  reasonTexts,
  retryText,
  safeHref,
  scopeText,
} from '../../src/http/texts.ts';
import { maskAddress, type ViewModel } from '../../src/http/view-models.ts';
import { createRenderer, type Renderer } from '../../src/http/views.ts';
import { samplePages } from '../support/sample-pages.ts';

const directory = fileURLToPath(new URL('../../views', import.meta.url));
const translator = createTranslator(en);
const samples = Object.entries(samplePages) as [string, ViewModel][];
const templates = (readdirSync(directory, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ejs'))
  .map((name) => ({ name, source: readFileSync(join(directory, name), 'utf8') }));

let renderer: Renderer;

beforeAll(async () => {
  const assets = await loadAssets(join(directory, 'assets'));
  renderer = await createRenderer({ directory, site: 'Harbour Group', assets });
});

describe('names', () => {
  const other: Messages = {
    ...en,
    'method.totp': '<totp>',
    'account.device': '{system}: {browser}',
    'account.device_unknown': 'unbekannt',
  };

  test('a factor is called what its person calls it, else what the catalogue does', () => {
    const t = createTranslator(other, 'de');
    expect(factorName({ method: 'totp', label: '' }, t)).toBe('<totp>');
    expect(factorName({ method: 'totp', label: 'Authenticator app' }, t)).toBe('Authenticator app');
  });

  test('a device is called by what it told, in the pattern of the catalogue', () => {
    const t = createTranslator(other, 'de');
    const told = (browser: string | null, system: string | null) => deviceName({ browser, system }, t);
    expect(told('Firefox', 'Windows')).toBe('Windows: Firefox');
    expect([told('Firefox', null), told(null, 'Windows')]).toEqual(['Firefox', 'Windows']);
    expect(told(null, null)).toBe('unbekannt');
  });

  test('the account page and the page that removes a factor name them so', async () => {
    const assets = await loadAssets(join(directory, 'assets'));
    const { render } = await createRenderer({
      directory,
      site: 'Harbour Group',
      assets,
      languages: { de: other },
    });
    const account = render(samplePages.account);
    expect(account).toContain('Linux: Firefox');
    expect(account).toContain('&lt;totp&gt;');
    const page = samplePages['factor-remove'];
    const removing = render({ ...page, factor: { ...page.factor, label: '' } });
    expect(removing).toContain('Remove &lt;totp&gt;?');
    expect(removing).toContain('<strong>&lt;totp&gt;</strong>');
  });
});

describe('every page', () => {
  test.each(samples)('%s is a whole document with one heading and a title', (_, page) => {
    const html = renderer.render(page);
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html).toMatch(/<title>[^<]+ · Harbour Group<\/title>/);
    expect(html.match(/<main /g)).toHaveLength(1);
    expect(html).not.toMatch(/undefined|\[object|NaN/);
  });

  test.each(samples)('%s posts only forms that carry their token', (_, page) => {
    const forms = renderer.render(page).match(/<form[\s\S]*?<\/form>/g) ?? [];
    for (const form of forms) {
      expect(form).toMatch(/^<form method="post" action="\/[^"]+"/);
      expect(form).toMatch(/name="(_csrf|xsrf)" value="sample/);
    }
  });

  test.each(samples)('%s has no inline script, style or handler', (_, page) => {
    const html = renderer.render(page);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
    for (const script of html.match(/<script[^>]*>[^<]*/g) ?? []) expect(script).toMatch(/ src="[^"]+">$/);
  });

  test('there is a sample of each', () => {
    const pages = readdirSync(join(directory, 'pages')).map((name) => name.replace('.ejs', ''));
    expect(pages.sort()).toEqual([...new Set(samples.map(([, { page }]) => page))].sort());
  });

  test('the title of a page with a problem begins with "Error:", and the problem leads to its field', () => {
    const html = renderer.render(samplePages['step-up-totp-problem']);
    expect(html).toContain('<title>Error: Confirm it’s you');
    expect(html).toMatch(/role="alert"[\s\S]*<a href="#code">/);
    expect(html).toMatch(
      /<input id="code"[^>]*aria-describedby="code-hint code-problem"[^>]*aria-invalid="true"/,
    );
  });
});

describe('hostile names', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'&';

  test.each(samples)('%s escapes whatever people, clients and operators wrote', (_, page) => {
    const html = renderer.render(poison(page));
    expect(html).not.toMatch(/<script>|<img src=x/);
  });

  test('templates output nothing raw but each other', () => {
    const raw = templates.flatMap(({ source }) => source.match(/<%-(?!\s*v\.include\()[^%]*%>/g) ?? []);
    expect(raw).toEqual([]);
  });

  test('a name cannot change the direction of the text around it or hide characters', () => {
    expect(plain('Bank\u202e knaB\u0000\n\tLtd\u2069')).toBe('Bank knaB Ltd');
    expect(renderer.render({ ...samplePages['sign-in'], client: { name: 'A\u202eB' } })).not.toContain(
      '\u202e',
    );
  });

  test('a client’s address is linked only when it is a web address', () => {
    const page = { ...samplePages['signed-out'], client: { name: 'X', uri: 'javascript:alert(1)' } };
    expect(renderer.render({ ...page, href: 'data:text/html,x' })).not.toMatch(/javascript:|data:text/);
    expect(safeHref('https://bank.example.test/')).toBe('https://bank.example.test/');
    expect(safeHref('/account')).toBe('/account');
    expect(safeHref('//elsewhere.example.test/')).toBeUndefined();
  });

  /** Replaces every text that is not part of the page's own structure. */
  function poison(value: unknown, key = ''): never {
    const kept = [
      'page',
      'method',
      'code',
      'notice',
      'action',
      'href',
      'removeHref',
      'changeHref',
      'back',
      'field',
      'uri',
    ];
    if (typeof value === 'string') return (kept.includes(key) && key !== 'hidden' ? value : evil) as never;
    if (Array.isArray(value)) return value.map((item) => poison(item, key)) as never;
    if (typeof value !== 'object' || value === null) return value as never;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, poison(item, name)]),
    ) as never;
  }
});

describe('no page says whether an account exists', () => {
  test('the password page differs by the identifier alone', () => {
    const { password } = samplePages;
    const one = renderer.render({ ...password, identifier: 'alex' });
    const other = renderer.render({ ...password, identifier: 'nobody' });
    expect(other.replaceAll('nobody', 'alex')).toBe(one);
  });

  test('an address is masked but for its first letter and its host', () => {
    expect(maskAddress('alex@example.test')).toBe('a•••@example.test');
    expect(maskAddress('@')).toBe('•••');
  });
});

describe('messages', () => {
  test('every key the templates name is in the catalogue', () => {
    const named = templates.flatMap(({ source }) =>
      [...source.matchAll(/v\.t\('([^']+)'/g)].map(([, key]) => key),
    );
    expect(named.filter((key) => key === undefined || !Object.hasOwn(en, key))).toEqual([]);
  });

  test('no key is left unused', () => {
    const text = [
      ...templates.map(({ source }) => source),
      ...['texts.ts', 'view-models.ts', 'letters.ts'].map((file) => readFileSync(`src/http/${file}`, 'utf8')),
    ].join('\n');
    const families =
      /^(need|reason|method|use|notice|scope|enrol\.(totp|passkey|password)(_text)?$|account\.add|mail\.factor\.|passkey)/;
    const unused = Object.keys(english).filter((key) => !text.includes(`'${key}'`) && !families.test(key));
    expect(unused).toEqual([]);
  });

  test('every error of the catalogue has its texts', () => {
    for (const code of Object.keys(catalogue)) {
      expect(translator.t(`error.${code}`)).not.toBe('');
      expect(translator.t(`remedy.${code}`)).not.toBe('');
    }
  });

  test('an unknown key or a missing parameter is a fault', () => {
    expect(() => translator.t('no.such')).toThrow('no message');
    expect(() => translator.t('toString')).toThrow('no message');
    expect(() => translator.t('asking.client')).toThrow('needs client');
  });

  test('another language is one more catalogue, chosen by the order of preference', async () => {
    const nl: Messages = { ...en, 'sign_in.title': 'Inloggen' };
    const both = await createRenderer({
      directory,
      site: 'X',
      assets: { url: (name) => name },
      languages: { en, nl },
    });
    expect(both.render(samplePages['sign-in'], ['fr', 'nl', 'en'])).toMatch(
      /<html lang="nl">[\s\S]*Inloggen/,
    );
    expect(both.render(samplePages['sign-in'], ['fr'])).toContain('<html lang="en">');
  });
});

describe('texts', () => {
  test('reasons: message keys become sentences, an operator’s own words stay, repeats are dropped', () => {
    const reasons = [
      { reason: 'reason.request' },
      { reason: 'reason.request' },
      { reason: 'Your harbour master asks.' },
      { reason: 'reason.recent', maxAge: 90 },
      { reason: 'reason.recent', maxAge: 900 },
      { reason: 'reason.recent', maxAge: 30 },
      { reason: 'reason.client' },
    ];
    expect(reasonTexts(reasons, 'Bank', translator)).toEqual([
      'This takes a stronger sign-in than you have given so far.',
      'Your harbour master asks.',
      'It takes a proof from the last minute.',
      'It takes a proof from the last 15 minutes.',
      'It has been a while since you proved it’s you.',
      'Bank always asks for this.',
    ]);
  });

  test('needs: what is missing is said in order', () => {
    const need = (
      method: 'password' | 'totp' | 'passkey',
      userVerified = false,
      hardwareProtected = false,
    ) => ({
      method,
      userVerified,
      hardwareProtected,
    });
    const say = (...needs: ReturnType<typeof need>[]) => needsText(needs, translator);
    expect(say()).toBe('');
    expect(say(need('passkey', true))).toBe('Still missing: a passkey with your fingerprint, face or PIN.');
    expect(say(need('passkey', true, true))).toBe('Still missing: a hardware security key.');
    expect(say(need('password'), need('passkey'))).toBe('Still missing: your password, then a passkey.');
    expect(say(need('password'), need('totp'), need('passkey'))).toMatch(/, then .* and a passkey\.$/);
  });

  test('scopes: the operator’s description, else our own text, else the name', () => {
    expect(scopeText({ name: 'profile', description: 'See your badge' }, translator)).toBe('See your badge');
    expect(scopeText({ name: 'profile' }, translator)).toBe('See your name and username');
    expect(scopeText({ name: 'boats:read' }, translator)).toBe('boats:read');
  });

  test('times, waits and secrets are readable', () => {
    expect(moment(1_795_300_000, false, translator).iso).toBe('2026-11-21T22:26:40.000Z');
    expect(moment(1_795_300_000, true, translator).text).toBe('Nov 21, 2026');
    expect(retryText(59, translator)).toContain('59 seconds');
    expect(retryText(61, translator)).toContain('2 minutes');
    expect(retryText(undefined, translator)).toBe('');
    expect(grouped('JBSWY3DPEH')).toBe('JBSW Y3DP EH');
  });
});
