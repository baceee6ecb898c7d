import { createResourceServer } from '@stile/sdk/server';
import { createTestIssuer } from '@stile/sdk/testing';
import { expect, test } from 'vitest';
import { limitPosts } from '../../src/gate/crowd.ts';

test('of many invented tokens so many are asked about at once; the others get a 503, and JWTs are judged', async () => {
  const issuer = await createTestIssuer();
  let waiting = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = async (url: string, init: RequestInit) => {
    if (init.method !== 'POST') return issuer.fetch(url, init);
    waiting += 1;
    await released;
    return Response.json({ active: false });
  };
  const server = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    fetch: limitPosts(slow, 2),
    introspection: { clientId: 'gate', clientSecret: 'secret' },
  });
  const ask = async (token: string) =>
    server.decide({ method: 'GET', url: 'https://bank.test/', authorization: `Bearer ${token}` });
  const crowd = ['a', 'b', 'c', 'd'].map((token) => ask(token));
  await expect(Promise.race(crowd)).resolves.toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(waiting).toBe(2);
  expect((await ask(await issuer.mint({ sub: 'other' }))).allowed).toBe(true);
  release();
  const answers = await Promise.all(crowd);
  expect(answers.map((answer) => ('status' in answer ? answer.status : 200)).sort()).toEqual([
    401, 401, 503, 503,
  ]);
  expect(await ask('e')).toMatchObject({ status: 401 });
});
