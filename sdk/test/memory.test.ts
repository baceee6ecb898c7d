/** What is remembered is bounded, and fetched together. */
import { expect, it } from 'vitest';
import { createBounded } from '../src/server/bounded.ts';
import { createResourceServer, type Fetch } from '../src/server/index.ts';
import { createReplayMemory } from '../src/server/replay.ts';
import { createTestIssuer, type TestIssuer } from '../src/testing/index.ts';

it('keeps no more than its limit, and what was used lately', () => {
  const kept = createBounded<number>(10);
  kept.set('used', 0);
  for (let index = 0; index < 1000; index += 1) {
    kept.set(`key ${index}`, index);
    expect(kept.get('used')).toBe(0);
  }
  const left = Array.from({ length: 1000 }, (_, index) => kept.get(`key ${index}`));
  expect(left.filter((value) => value !== undefined).length).toBeLessThan(10);
});

it('remembers a used proof for as long as it could be used', () => {
  let time = 1000;
  const replays = createReplayMemory(() => time);
  expect([replays.use('a', 1070), replays.use('a', 1070)]).toEqual([true, false]);
  for (time = 1001; time <= 1070; time += 1) {
    expect(replays.use(`other ${time}`, time + 70)).toBe(true);
    expect(replays.use('a', 1070)).toBe(false);
  }
});

it('full of proofs that could be used still, refuses rather than forgetting one', () => {
  let time = 1000;
  const replays = createReplayMemory(() => time, 10);
  for (let index = 0; index < 10; index += 1) expect(replays.use(`${index}`, 1070)).toBe(true);
  for (let index = 0; index < 10; index += 1) expect(replays.use(`${index}`, 1070)).toBe(false);
  for (time = 1000; time <= 1070; time += 1) {
    expect(() => replays.use('one more', time + 70)).toThrow(/10 proofs/);
    expect(replays.use('0', 1070)).toBe(false);
  }
  time = 1080;
  expect(replays.use('one more', 1150)).toBe(true);
});

const decideWith = async (issuer: TestIssuer, fetch: Fetch = issuer.fetch) => {
  const server = createResourceServer({ issuer: issuer.issuer, audience: issuer.audience, fetch });
  const facts = { method: 'GET', url: 'https://api.test/', authorization: `Bearer ${await issuer.mint()}` };
  return Promise.all(Array.from({ length: 20 }, () => server.decide(facts)));
};

it('asks the issuer once for many first requests at the same time', async () => {
  const issuer = await createTestIssuer();
  const decisions = await decideWith(issuer);
  expect(decisions.every(({ allowed }) => allowed)).toBe(true);
  expect(issuer.requests).toHaveLength(2);
});

it('finds the metadata of RFC 8414 where there is none of OpenID Connect', async () => {
  const issuer = await createTestIssuer();
  const oauthOnly: Fetch = (url, init) => {
    if (url.endsWith('/openid-configuration')) return Promise.resolve(new Response(null, { status: 404 }));
    return issuer.fetch(url.replace('oauth-authorization-server', 'openid-configuration'), init);
  };
  expect((await decideWith(issuer, oauthOnly))[0]).toMatchObject({ allowed: true });
});

it('believes no metadata of another issuer', async () => {
  const [issuer, other] = [
    await createTestIssuer(),
    await createTestIssuer({ issuer: 'https://other.test' }),
  ];
  const misled: Fetch = (url, init) => other.fetch(url.replace(issuer.issuer, other.issuer), init);
  expect((await decideWith(issuer, misled))[0]).toMatchObject({ status: 503, reason: 'issuer_unavailable' });
});

it('takes no keys over plain HTTP from an issuer that speaks HTTPS', async () => {
  const issuer = await createTestIssuer();
  const plain: Fetch = async (url, init) => {
    const response = await issuer.fetch(url.replace('http:', 'https:'), init);
    if (!url.endsWith('/openid-configuration')) return response;
    const metadata = (await response.json()) as object;
    return Response.json({ ...metadata, jwks_uri: 'http://issuer.test/jwks' });
  };
  expect((await decideWith(issuer, plain))[0]).toMatchObject({
    status: 503,
    detail: expect.stringContaining('jwks_uri'),
  });
});
