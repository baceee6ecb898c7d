/** Opaque tokens: what an answer of the issuer has to say (RFC 7662), and how often it is asked. */
import { beforeEach, expect, it } from 'vitest';
import { createResourceServer, type Fetch, type IntrospectionOptions } from '../src/server/index.ts';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../src/testing/index.ts';

let time = 1_800_000_000;
const now = () => time;
let issuer: TestIssuer;

beforeEach(async () => {
  time = 1_800_000_000;
  issuer = await createTestIssuer({ now });
});

const server = (more: Partial<IntrospectionOptions> = {}, fetch: Fetch = issuer.fetch) => {
  const introspection = { clientId: 'api', clientSecret: 'secret', ...more };
  return createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    fetch,
    now,
    introspection,
  });
};
const ask = async (token: string, api = server(), more: object = {}) => {
  const authorization = `Bearer ${token}`;
  const decision = await api.decide({ method: 'GET', url: 'https://api.test/', authorization, ...more });
  return decision.allowed ? 'allowed' : decision.reason;
};
const asked = () => issuer.requests.filter((url) => url.endsWith('/introspect')).length;
const mint = (claims: object) => issuer.mintOpaque({ claims: { ...claims } });

it.each([
  ['another issuer', { iss: 'https://other.test' }],
  ['no type', { token_type: undefined }],
  ['the type of a refresh token', { token_type: 'refresh_token' }],
  ['the type of an ID token', { token_type: 'N_A' }],
  ['DPoP, and no key', { token_type: 'DPoP' }],
  ['a type that is no text', { token_type: 1 }],
  ['an end that has passed', { exp: 1_800_000_000 }],
  ['an end that is no number', { exp: '1900000000' }],
  ['no client', { client_id: undefined }],
])('an answer is refused: %s', async (_, claims) => {
  expect(await ask(mint(claims))).toBe('invalid_token');
});

it('an answer without iss is believed, a type in any case of letters, and none where that is said', async () => {
  expect(await ask(mint({ iss: undefined }))).toBe('allowed');
  expect(await ask(mint({ token_type: 'bearer' }))).toBe('allowed');
  const lax = server({ requireTokenType: false });
  expect(await ask(mint({ token_type: undefined }), lax)).toBe('allowed');
  expect(await ask(mint({ token_type: 'refresh_token' }), lax)).toBe('invalid_token');
});

it('a bound token needs its proof', async () => {
  const key = await createDpopKey(now);
  const token = issuer.mintOpaque({ jkt: key.thumbprint });
  const dpop = await key.proof({ method: 'GET', url: 'https://api.test/', token });
  expect(await ask(token)).toBe('invalid_token');
  expect(await ask(token, server(), { authorization: `DPoP ${token}`, dpop })).toBe('allowed');
});

it.each([0, 30])('an answer without exp is believed for %i seconds', async (cacheFor) => {
  const api = server({ cacheFor });
  const token = mint({ exp: undefined });
  expect(await ask(token, api)).toBe('allowed');
  expect([await ask(token, api), asked()]).toEqual(['allowed', cacheFor === 0 ? 2 : 1]);
  issuer.revoke(token);
  time += cacheFor;
  expect(await ask(token, api)).toBe('invalid_token');
});

it('many requests with one token ask once', async () => {
  const [api, token] = [server(), mint({})];
  const all = await Promise.all(Array.from({ length: 20 }, () => ask(token, api)));
  expect([new Set(all), asked()]).toEqual([new Set(['allowed']), 1]);
});

it('a token that is not valid is asked for again after five seconds only', async () => {
  const api = server();
  for (let index = 0; index < 20; index += 1) expect(await ask('rubbish', api)).toBe('invalid_token');
  expect(asked()).toBe(1);
  time += 4;
  await ask('rubbish', api);
  expect(asked()).toBe(1);
  time += 1;
  await ask('rubbish', api);
  expect(asked()).toBe(2);
});

it('an issuer that is away is no answer about the token', async () => {
  const [api, token] = [server(), mint({})];
  await ask('rubbish', api);
  issuer.setReachable(false);
  expect(await ask(token, api)).toBe('issuer_unavailable');
  issuer.setReachable(true);
  expect(await ask(token, api)).toBe('allowed');
});

it('what is too long to be a token is not asked for', async () => {
  expect([await ask('x'.repeat(4097)), asked()]).toEqual(['invalid_token', 0]);
  expect([await ask('x'.repeat(4096)), asked()]).toEqual(['invalid_token', 1]);
});
