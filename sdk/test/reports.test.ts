/** What logs and metrics are told, by each adapter; and the metadata of an API that lives under a path. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createResourceServer, type DecisionEvent } from '../src/server/index.ts';
import { createTestIssuer, type TestIssuer } from '../src/testing/index.ts';
import { frameworks, listen } from './frameworks.ts';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await createTestIssuer();
});

const make = (onDecision?: (event: DecisionEvent) => void | Promise<void>) => {
  const { issuer: iss, audience, fetch } = issuer;
  return createResourceServer({ issuer: iss, audience, fetch, ...(onDecision && { onDecision }) });
};

describe.each(Object.entries(frameworks))('%s', (_, build) => {
  it('reports the token, then the demand, each with its reason', async () => {
    const seen: unknown[][] = [];
    const api = await listen(
      await build(
        make(({ method, url, demand, decision }) => {
          const reason = decision.allowed ? 'allowed' : decision.reason;
          seen.push([method, new URL(url).pathname, demand?.acr, reason]);
        }),
      ),
    );
    const pay = (authorization?: string) =>
      fetch(`${api.url}/pay?to=robin`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      });
    try {
      await pay();
      await pay(`Bearer ${await issuer.mint()}`);
      await pay(`Bearer ${await issuer.mint({ acr: 'phr', scope: 'pay' })}`);
    } finally {
      await api.stop();
    }
    expect(seen).toEqual([
      ['POST', '/pay', undefined, 'no_token'],
      ['POST', '/pay', undefined, 'allowed'],
      ['POST', '/pay', ['phr'], 'insufficient_user_authentication'],
      ['POST', '/pay', undefined, 'allowed'],
      ['POST', '/pay', ['phr'], 'allowed'],
    ]);
  });
});

describe('a report that fails', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  afterEach(() => {
    process.off('unhandledRejection', note);
    unhandled.length = 0;
  });

  it('changes nothing, now or later', async () => {
    process.on('unhandledRejection', note);
    const facts = { method: 'GET', url: 'https://api.test/', authorization: `Bearer ${await issuer.mint()}` };
    const now = make(() => {
      throw new Error('no disk');
    });
    const later = make(async () => {
      throw new Error('no disk');
    });
    for (const api of [now, later]) expect(await api.decide(facts)).toMatchObject({ allowed: true });
    // Node tells of a rejection nobody handled once the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  });

  it('is not waited for', async () => {
    const api = make(() => new Promise(() => {}));
    const facts = { method: 'GET', url: 'https://api.test/' };
    expect(await api.decide(facts)).toMatchObject({ reason: 'no_token' });
  });
});

it('the metadata of an API under a path lies under the well-known path and that one (RFC 9728 3.1)', async () => {
  const { issuer: iss, fetch: fetcher } = issuer;
  const options = { issuer: iss, audience: 'https://api.test/v1/', fetch: fetcher, resourceMetadata: {} };
  const server = createResourceServer(options);
  expect(server.metadata.path).toBe('/.well-known/oauth-protected-resource/v1');
  expect(await server.decide({ method: 'GET', url: 'https://api.test/v1/' })).toMatchObject({
    headers: {
      'www-authenticate':
        'Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"',
    },
  });
  const api = await listen(await (frameworks['koa'] as (typeof frameworks)['express'])(server));
  try {
    const found = await fetch(`${api.url}${server.metadata.path}`);
    expect([found.status, await found.json()]).toMatchObject([200, { resource: 'https://api.test/v1/' }]);
    for (const path of ['/.well-known/oauth-protected-resource', '/x/..%2f.well-known/', '/'])
      expect((await fetch(api.url + path)).status).toBe(401);
  } finally {
    await api.stop();
  }
});
