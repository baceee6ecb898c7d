/** What the client asks the issuer for, what it takes for an answer, and what its errors say. */
import { inspect } from 'node:util';
import type { StepUpError, Tokens } from '@stile/sdk/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { API, type ClientWorld, challenge, createClientWorld, outcome } from './client-world.ts';
import { satisfies, tokenKey, withTokens } from './source-cache.mjs';

let world: ClientWorld;
beforeEach(() => {
  world = createClientWorld();
});

const call = () => outcome(world.open()(`${API}/x`));

describe('an answer is refused', () => {
  it.each([
    ['with another nonce', { nonce: 'other' }],
    ['without a nonce', { nonce: undefined }],
    ['without sub', { sub: undefined }],
    ['of another issuer', { iss: 'https://evil.test' }],
  ])('%s', async (_, claims) => {
    world.claims = claims;
    expect([await call(), world.calls]).toEqual(['invalid_response', []]);
  });

  it('without an ID token', async () => {
    world.claims = undefined;
    expect([await call(), world.calls]).toEqual(['invalid_response', []]);
  });

  it.each([undefined, 'now', 1_000_000_000])(
    'with auth_time %s where max_age was demanded',
    async (authTime) => {
      world.api = () => challenge('error="insufficient_user_authentication", max_age="300"');
      const fetcher = world.open();
      await fetcher.complete(world.visit((await fetcher.begin()).url));
      world.claims = { auth_time: authTime };
      expect(await outcome(fetcher(`${API}/x`))).toBe('invalid_response');
      expect(world.calls).toHaveLength(1);
    },
  );

  it('without auth_time only where it was demanded', async () => {
    world.claims = { auth_time: undefined };
    expect(await call()).toBe(200);
  });
});

describe('the request', () => {
  it('is pushed where that is offered, and not where it is switched off', async () => {
    expect([await call(), world.paths.includes('/par')]).toEqual([200, false]);
    world.par = true;
    const fetcher = world.open();
    expect([await outcome(fetcher(`${API}/x`)), world.paths.includes('/par')]).toEqual([200, true]);
    const { url } = await fetcher.begin();
    expect([...new URL(url).searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    world.paths.length = 0;
    await world.open({ par: false }).begin();
    expect(world.paths).not.toContain('/par');
  });

  it.each([
    [{}, 'openid read admin'],
    [{ demandableScope: ['write'] }, 'openid read'],
    [{ demandableScope: ['admin', 'offline_access'] }, 'openid read offline_access admin'],
    [{ scope: ['read', 'offline_access'] }, 'openid read offline_access admin'],
  ])('with %j never asks for a scope an API may not demand', async (options, scope) => {
    world.api = () => challenge('error="insufficient_scope", scope="offline_access admin"', 403);
    expect(await outcome(world.open(options)(`${API}/x`))).toBe('still_insufficient');
    expect(world.asked.at(-1)?.get('scope')).toBe(scope);
  });
});

describe('an error holds neither tokens nor codes nor claims', () => {
  const all = async (error: unknown) =>
    inspect(error, { depth: 9, showHidden: true }) + JSON.stringify((error as StepUpError).details);
  const failure = (options: Parameters<ClientWorld['open']>[0] = {}) =>
    world
      .open(options)(`${API}/x`)
      .catch((error: StepUpError) => error) as Promise<StepUpError>;

  it('of a token response', async () => {
    world.claims = undefined;
    const error = await failure();
    expect(error.code).toBe('invalid_response');
    expect(error.cause).toMatchObject({ name: 'OperationProcessingError', code: 'OAUTH_INVALID_RESPONSE' });
    expect(await all(error)).not.toMatch(/at-ada|rt-ada/);
  });

  it('of an ID token', async () => {
    world.claims = { nonce: 'other', email: 'ada@example.com' };
    expect(await all(await failure())).not.toMatch(/ada@example|at-ada|eyJ/);
  });

  it('of an answer', async () => {
    const error = await failure({
      obtain: async ({ url }) => world.visit(url, { iss: 'https://evil.test' }),
    });
    expect([error.code, error.details.cause]).toEqual(['invalid_response', error.cause]);
    expect(await all(error)).not.toMatch(/code-\d/);
  });

  it('of a refusal', async () => {
    const obtain = async ({ url }: { url: string }) => world.visit(url, { error: 'access_denied' });
    const error = await failure({ obtain });
    expect([error.code, error.details.error]).toEqual(['authorization_refused', 'access_denied']);
    expect(await all(error)).not.toMatch(/code-\d/);
  });
});

describe('which token serves', () => {
  const base: Tokens = {
    access: 'a',
    type: 'bearer',
    idToken: 'i',
    resource: API,
    scope: ['b', 'a'],
    sub: 'ada',
    acr: 'mfa',
    authTime: 1000,
    since: 1000,
    expiresAt: 2000,
    claims: {},
  };
  const need = (demand: object, now = 1000) => ({
    demand: { acrValues: [], scope: [], ...demand },
    implied: { phr: ['mfa'] },
    now,
  });

  it('tokens of one resource, scope and assurance are one; other ones stay, ten at most', () => {
    expect(tokenKey(base)).toBe(tokenKey({ ...base, scope: ['a', 'b'], access: 'x' }));
    const others: Tokens[] = [
      { ...base, access: 'r', resource: 'https://other.test' },
      { ...base, access: 's', scope: ['a'] },
      { ...base, access: 'l', acr: 'phr' },
    ];
    for (const other of others) expect(tokenKey(other)).not.toBe(tokenKey(base));
    const kept = others.reduce<Tokens[]>(withTokens, [base]);
    expect(kept).toHaveLength(4);
    expect(withTokens(kept, { ...base, access: 'new', since: 1001 })[0]?.access).toBe('new');
    expect(withTokens(kept, { ...base, access: 'new' })).toHaveLength(4);
    expect(withTokens(kept, { ...base, sub: 'bob' })).toHaveLength(1);
    const many = Array.from({ length: 15 }, (_, index) => ({ ...base, acr: `${index}`, since: index }));
    const latest = many.reduce<Tokens[]>(withTokens, []);
    expect([latest.length, latest[0]?.acr, latest[9]?.acr]).toEqual([10, '14', '5']);
  });

  it.each([
    ['its acr', {}, { acrValues: ['x', 'mfa'] }, true],
    ['another acr', {}, { acrValues: ['phr'] }, false],
    ['an acr that implies it', { acr: 'phr' }, { acrValues: ['mfa'] }, true],
    ['no acr', { acr: undefined }, { acrValues: ['mfa'] }, false],
    ['an acr of an object', { acr: 'toString' }, { acrValues: ['mfa'] }, false],
    ['its age', {}, { maxAge: 0 }, true],
    ['no auth_time', { authTime: undefined }, { maxAge: 300 }, false],
    ['its scopes', {}, { scope: ['a', 'b'] }, true],
    ['a scope more', {}, { scope: ['a', 'c'] }, false],
  ])('%s', (_, more, demand, does) => {
    expect(satisfies({ ...base, ...more } as Tokens, need(demand))).toBe(does);
  });

  it('not when it is a second too old', () => {
    const aged = (now: number) => satisfies(base, need({ maxAge: 300 }, now));
    expect([aged(1300), aged(1301)]).toEqual([true, false]);
  });
});
