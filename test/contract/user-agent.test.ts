import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agentOf } from '../../src/services/user-agent.ts';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const apple = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';

test.each([
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0`,
    'Firefox',
    128,
    'Windows',
    'desktop',
  ],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0`,
    'Microsoft Edge',
    128,
    'Windows',
    'desktop',
  ],
  [
    `Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/127.0.0.0 Mobile Safari/537.36`,
    'Chrome',
    127,
    'Android',
    'mobile',
  ],
  [
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${apple} Version/17.5 Mobile/15E148 Safari/604.1`,
    'Safari',
    17,
    'iOS',
    'mobile',
  ],
  [
    `Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) ${apple} CriOS/126.0.6478.153 Mobile/15E148 Safari/604.1`,
    'Chrome',
    126,
    'iOS',
    'tablet',
  ],
  [
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${apple} Version/17.5 Safari/605.1.15`,
    'Safari',
    17,
    'macOS',
    'desktop',
  ],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', 2, '', 'bot'],
  ['curl/8.5.0', 'curl', 8, '', 'unknown'],
  ['python-requests/2.31.0', 'python-requests', 2, '', 'unknown'],
])('%s', (userAgent, browser, version, os, kind) => {
  expect(agentOf({ userAgent })).toEqual({ browser, version, os, kind });
});

test('client hints name the browser that its User-Agent hides', () => {
  const chrome = `Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/128.0.0.0 Safari/537.36`;
  const hints = {
    brands: '"Chromium";v="128", "Not;A=Brand";v="24", "Brave";v="128"',
    mobile: '?0',
    platform: '"Linux"',
  };
  expect(agentOf({ userAgent: chrome })).toMatchObject({ browser: 'Chrome' });
  expect(agentOf({ userAgent: chrome, ...hints })).toMatchObject({
    browser: 'Brave',
    version: 128,
    os: 'Linux',
  });
});

test('no header, no program', () => {
  const silent = { browser: '', version: 0, os: '', kind: 'unknown' };
  expect(agentOf({ userAgent: null })).toEqual(silent);
  expect(agentOf({ userAgent: '' })).toEqual(silent);
});

test('a header is looked at up to 300 characters', () => {
  const padded = `${'x'.repeat(300)} Firefox/128.0`;
  expect(agentOf({ userAgent: padded }).browser).not.toBe('Firefox');
});

test('whatever is sent, it answers with short texts and whole numbers', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('Mozilla/5.0 (', 'Version/', 'Chrome/', ') ', 'Android ', '__proto__/'),
  );
  const header = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(header, header, header, (userAgent, brands, platform) => {
      const agent = agentOf({ userAgent, brands, platform });
      expect(Number.isSafeInteger(agent.version)).toBe(true);
      for (const text of [agent.browser, agent.os]) expect(text.length).toBeLessThanOrEqual(40);
      expect(agentOf({ userAgent, brands, platform })).toBe(agent);
    }),
  );
});
