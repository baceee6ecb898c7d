/** The popup's two ends, over a real channel; a window is what Node has none of. A real browser is in browser.test.ts. */
import type * as client from '@stile/sdk/client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import * as source from './source.mjs';

const { answerPopup, popup, StepUpError } = source as unknown as typeof client;

const authorization = { url: 'https://id.example.com/auth?state=s1', state: 's1' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof StepUpError ? error.code : error),
  );

it('a popup that the browser does not open is popup_blocked', async () => {
  vi.stubGlobal('window', { open: () => null });
  expect(await code(popup()(authorization))).toBe('popup_blocked');
  expect(vi.getTimerCount()).toBe(0);
});

it('a popup that nobody answers is popup_timeout, after the stated time', async () => {
  vi.stubGlobal('window', { open: () => ({ location: {} }) });
  const answered = code(popup({ timeout: 1000 })(authorization));
  await vi.advanceTimersByTimeAsync(999);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await answered).toBe('popup_timeout');
  const later = code(popup()(authorization));
  await vi.advanceTimersByTimeAsync(599_999);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await later).toBe('popup_timeout');
});

it('the page at the redirect URI answers the popup of its own state, and closes', async () => {
  const close = vi.fn();
  const comeBack = (state: string) => {
    vi.stubGlobal('location', { href: `https://shop.example.com/callback?code=c&state=${state}` });
    answerPopup();
  };
  vi.stubGlobal('window', { open: () => ({ location: {} }), close });
  const answered = Promise.resolve(popup()(authorization));
  comeBack('another');
  comeBack('s1');
  expect(String(await answered)).toBe('https://shop.example.com/callback?code=c&state=s1');
  expect([close.mock.calls.length, vi.getTimerCount()]).toEqual([2, 0]);
});

it('the page in a popup gets no hold of this one, and a call that asks anew closes it', async () => {
  const opened = { opener: 'this page', location: { href: '' }, close: vi.fn() };
  const open = vi.fn((..._: string[]) => opened);
  vi.stubGlobal('window', { open });
  const controller = new AbortController();
  const obtain = popup();
  const answered = code(obtain({ ...authorization, signal: controller.signal }));
  expect(open.mock.calls[0]?.slice(0, 2)).toEqual(['', '_blank']);
  expect(opened).toMatchObject({ opener: null, location: { href: authorization.url } });
  for (const isActive of [true, false]) {
    vi.stubGlobal('navigator', { userActivation: { isActive } });
    expect(obtain.isLeft?.()).toBe(isActive);
  }
  controller.abort();
  expect([await answered, opened.close.mock.calls.length, vi.getTimerCount()]).toEqual([
    'popup_timeout',
    1,
    0,
  ]);
});
