/** A call belongs to the person it began with; signing out is final. */

import type { StepUpError, WebStorage } from '@stile/sdk/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { API, type ClientWorld, challenge, createClientWorld, createGate, outcome } from './client-world.ts';
import { memoryStorage, webStorage } from './source.mjs';

let world: ClientWorld;
beforeEach(() => {
  world = createClientWorld();
});

const transfer = { method: 'POST', body: "ada's transfer" };
const mfa = 'error="insufficient_user_authentication", acr_values="phr"';
const invalidGrant = () => Response.json({ error: 'invalid_grant' }, { status: 400 });
const isRefresh = (form: URLSearchParams) => form.get('grant_type') === 'refresh_token';

/** What others sent of Ada's. */
const strangers = () =>
  world.calls.filter((call) => call.includes("ada's transfer") && !call.includes('at-ada-'));

async function signedIn(options: Parameters<ClientWorld['open']>[0] = {}) {
  const fetcher = world.open(options);
  const { url } = await fetcher.begin();
  await fetcher.complete(world.visit(url));
  return fetcher;
}

describe('another person never sends a call', () => {
  it('when the token was called invalid, and cannot be refreshed', async () => {
    const fetcher = await signedIn();
    world.api = ({ authorization }) =>
      authorization.includes('ada') ? challenge('error="invalid_token"') : Response.json('paid');
    world.token = (form) => (isRefresh(form) ? invalidGrant() : undefined);
    world.person = 'mallory';
    expect(await outcome(fetcher(`${API}/pay`, transfer))).toBe('other_subject');
    expect(strangers()).toEqual([]);
  });

  it('when the token had expired before the call, without a refresh token', async () => {
    world.refreshTokens = false;
    const fetcher = await signedIn();
    world.ahead = 295;
    world.person = 'mallory';
    expect(await outcome(fetcher(`${API}/pay`, transfer))).toBe('other_subject');
    expect(strangers()).toEqual([]);
    expect(world.asked.at(-1)?.get('id_token_hint')).toBe(null);
  });

  it('when they answer the redirect', async () => {
    world.refreshTokens = false;
    const fetcher = await signedIn({ obtain: undefined });
    world.ahead = 295;
    const error = await fetcher(`${API}/pay`, transfer).catch((each: StepUpError) => each);
    world.person = 'mallory';
    const answer = world.visit((error as StepUpError).details.url ?? '');
    expect(await outcome(fetcher.complete(answer))).toBe('other_subject');
    expect(strangers()).toEqual([]);
  });

  it('when they signed in between the redirect and `resume`', async () => {
    const fetcher = world.open({ obtain: undefined });
    const error = await fetcher(`${API}/pay`, transfer).catch((each: StepUpError) => each);
    const { resume } = await fetcher.complete(world.visit((error as StepUpError).details.url ?? ''));
    await fetcher.signOut();
    world.person = 'bob';
    await fetcher.complete(world.visit((await fetcher.begin()).url));
    expect(await outcome(resume?.() ?? Promise.resolve())).toBe('other_subject');
    expect(strangers()).toEqual([]);
  });

  it.each([mfa, 'error="invalid_token"'])('when they signed in before the answer %s', async (answer) => {
    const fetcher = await signedIn();
    const gate = createGate();
    world.api = async ({ authorization }) => {
      if (!authorization.includes('ada')) return Response.json('paid');
      await gate.pass();
      return challenge(answer);
    };
    const call = outcome(fetcher(`${API}/pay`, transfer));
    await gate.entered;
    await fetcher.signOut();
    world.person = 'bob';
    await fetcher.complete(world.visit((await fetcher.begin()).url));
    gate.open();
    expect(await call).toBe('other_subject');
    expect(strangers()).toEqual([]);
    expect((await fetcher.tokens())?.sub).toBe('bob');
  });

  it('and a call of nobody is that of who signs in for it', async () => {
    expect(await outcome(world.open()(`${API}/pay`, transfer))).toBe(200);
  });
});

describe('signing out', () => {
  it.each([
    ['nobody', undefined],
    ['the next person', 'bob'],
  ])('is not undone by a refresh that comes late: %s is signed in', async (_, next) => {
    const fetcher = await signedIn();
    const gate = createGate();
    world.token = async (form) => {
      if (isRefresh(form)) await gate.pass();
      return undefined;
    };
    world.api = () => challenge('error="invalid_token"');
    const call = outcome(fetcher(`${API}/y`));
    await gate.entered;
    await fetcher.signOut();
    if (next !== undefined) {
      world.person = next;
      await fetcher.complete(world.visit((await fetcher.begin()).url));
    } else world.token = async (form) => (isRefresh(form) ? undefined : invalidGrant());
    gate.open();
    expect(await call).toBe(next === undefined ? 'authorization_refused' : 'other_subject');
    expect((await fetcher.tokens())?.sub).toBe(next);
    expect(world.calls.at(-1)).toContain('at-ada');
  });

  it('leaves no other token of theirs to a call that waits for a refresh', async () => {
    const fetcher = await signedIn();
    world.api = ({ request }) =>
      request.url.endsWith('/strong') && world.calls.length === 1 ? challenge(mfa) : Response.json('done');
    world.claims = { acr: 'phr' };
    world.lifetime = 60;
    await fetcher(`${API}/strong`);
    const gate = createGate();
    world.ahead = 100;
    world.token = async (form) => {
      if (isRefresh(form)) await gate.pass();
      return isRefresh(form) ? invalidGrant() : undefined;
    };
    const tokens = fetcher.tokens();
    await gate.entered;
    await fetcher.signOut();
    gate.open();
    expect(await tokens).toBe(undefined);
  });

  it('is not undone by an answer that comes late', async () => {
    const fetcher = world.open({ obtain: undefined });
    const gate = createGate();
    world.token = async () => {
      await gate.pass();
      return undefined;
    };
    const answer = outcome(fetcher.complete(world.visit((await fetcher.begin()).url)));
    await gate.entered;
    await fetcher.signOut();
    gate.open();
    expect([await answer, await fetcher.tokens()]).toEqual(['unknown_state', undefined]);
  });
});

/** Bytes at most, as a browser has them. */
function limited(most: number): WebStorage & { readonly values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (key) => values.get(key) ?? null,
    removeItem: (key) => void values.delete(key),
    setItem: (key, value) => {
      const others = [...values].filter(([name]) => name !== key).map(([, text]) => text.length);
      if (others.reduce((sum, length) => sum + length, value.length) > most)
        throw new DOMException('full', 'QuotaExceededError');
      values.set(key, value);
    },
  };
}

describe('what is kept', () => {
  it('ends with signing out, calls that wait included', async () => {
    const web = limited(1e9);
    const fetcher = await signedIn({ storage: webStorage(web), obtain: undefined });
    world.api = () => challenge(mfa);
    const error = await fetcher(`${API}/pay`, transfer).catch((each: StepUpError) => each);
    const answer = world.visit((error as StepUpError).details.url ?? '');
    await fetcher.signOut();
    expect([...web.values.keys()]).toEqual([]);
    expect(await outcome(fetcher.complete(answer))).toBe('unknown_state');
  });

  it('is the latest ten calls that wait, each until it is answered', async () => {
    const web = limited(1e9);
    const fetcher = world.open({ storage: webStorage(web), obtain: undefined });
    const waiting = () => [...web.values.keys()].filter((key) => key.startsWith('stile:pending:')).length;
    const urls: string[] = [];
    const pay = async () => {
      const error = await fetcher(`${API}/pay`, transfer).catch((each: StepUpError) => each);
      urls.push((error as StepUpError).details.url ?? '');
    };
    for (let index = 0; index < 15; index += 1) await pay();
    expect(waiting()).toBe(10);
    expect(await outcome(fetcher.complete(world.visit(urls[4] ?? '')))).toBe('unknown_state');
    await fetcher.complete(world.visit(urls[5] ?? ''));
    expect(waiting()).toBe(9);
    await fetcher.complete(world.visit(urls[14] ?? ''));
    expect(waiting()).toBe(8);
    // Those that were answered take nobody's place.
    world.api = () => challenge(mfa);
    for (const _ of [1, 2]) await pay();
    expect(waiting()).toBe(10);
  });

  it('makes room for what is new, and says where there is none', async () => {
    const web = limited(6000);
    const fetcher = await signedIn({ storage: webStorage(web), obtain: undefined });
    world.api = () => challenge(mfa);
    const pay = (length: number) =>
      outcome(fetcher(`${API}/pay`, { method: 'POST', body: 'x'.repeat(length) }));
    for (let index = 0; index < 5; index += 1) expect(await pay(900)).toBe('authorization_required');
    expect(await pay(6000)).toBe('storage_failed');
    expect((await fetcher.tokens())?.sub).toBe('ada');
  });

  it('is apart for each issuer and client, also in one storage', async () => {
    const storage = memoryStorage();
    const other = createClientWorld('https://other.test');
    await (await signedIn({ storage })).tokens();
    const second = other.open({ storage, resource: API });
    expect(await second.tokens()).toBe(undefined);
    await second(`${API}/x`);
    expect(other.asked[0]?.get('id_token_hint')).toBe(null);
    const third = world.open({ storage, clientId: 'other' });
    expect(await third.tokens()).toBe(undefined);
    expect((await world.open({ storage }).tokens())?.sub).toBe('ada');
  });

  it('is sent again once', async () => {
    const fetcher = world.open({ obtain: undefined });
    const error = await fetcher(`${API}/pay`, transfer).catch((each: StepUpError) => each);
    const { resume } = await fetcher.complete(world.visit((error as StepUpError).details.url ?? ''));
    const outcomes = [
      await outcome(resume?.() ?? Promise.resolve()),
      await outcome(resume?.() ?? Promise.resolve()),
    ];
    expect([outcomes, world.calls.length]).toEqual([[200, 'unknown_state'], 1]);
  });
});
