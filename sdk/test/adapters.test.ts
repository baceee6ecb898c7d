/** One contract for all adapters, over real HTTP. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireStepUp } from '../src/server/express.ts';
import { createResourceServer } from '../src/server/index.ts';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../src/testing/index.ts';
import { frameworks, listen } from './frameworks.ts';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await createTestIssuer();
});

describe.each(Object.entries(frameworks))('%s', (_, build) => {
  let api: Awaited<ReturnType<typeof listen>>;

  beforeAll(async () => {
    const { issuer: iss, audience, fetch } = issuer;
    const options = { issuer: iss, audience, fetch, resourceMetadata: {}, dpop: { nonces: true } };
    api = await listen(await build(createResourceServer(options)));
  });
  afterAll(() => api.stop());

  const call = (path: string, token?: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(api.url + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });

  it('lets a valid token in, with its caller', async () => {
    const response = await call('/', await issuer.mint({ sub: 'ada' }));
    expect([response.status, await response.json()]).toEqual([200, { sub: 'ada' }]);
  });

  it('challenges who has no token, and says nothing of the demand', async () => {
    const response = await call('/pay', undefined, {});
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="[^"]+", DPoP algs=/);
    expect(response.headers.get('www-authenticate')).not.toMatch(/error|acr_values|max_age|scope/);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('refuses a bad token', async () => {
    const response = await call('/', await issuer.mint({ typ: 'JWT' }));
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      401,
      'invalid_token',
    ]);
  });

  it('demands step-up of a route, and honours it', async () => {
    const refused = await call('/pay', await issuer.mint({ scope: 'pay' }), {});
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_user_authentication".*acr_values="phr", max_age="300", scope="pay"/,
    );
    expect((await call('/pay', await issuer.mint({ acr: 'phr' }), {})).status).toBe(403);
    expect((await call('/pay', await issuer.mint({ acr: 'phr', scope: 'pay' }), {})).status).toBe(200);
  });

  it('demands by what is in the request', async () => {
    const token = await issuer.mint();
    expect((await call('/amount', token, { amount: 100 })).status).toBe(200);
    expect((await call('/amount', token, { amount: 101 })).status).toBe(401);
  });

  it('sees a second Authorization field', async () => {
    const token = await issuer.mint();
    const status = await new Promise((resolve, reject) => {
      const headers = ['authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`, 'host', 'x'];
      httpRequest({ port: api.port, host: '127.0.0.1', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(400);
  });

  it('takes a DPoP proof with a nonce, on a route with a demand, once', async () => {
    const key = await createDpopKey();
    const token = await issuer.mint({ jkt: key.thumbprint, acr: 'phr', scope: 'pay' });
    const send = async (nonce?: string) => {
      const url = `${api.url}/pay`;
      const proof = await key.proof({ method: 'POST', url, token, ...(nonce !== undefined && { nonce }) });
      return call('/pay?x=1', undefined, { amount: 1 }, { authorization: `DPoP ${token}`, dpop: proof });
    };
    const asked = await send();
    expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="use_dpop_nonce"/),
    ]);
    const answered = await send(asked.headers.get('dpop-nonce') ?? '');
    expect(answered.status).toBe(200);
    expect(answered.headers.get('dpop-nonce')).toBeTruthy();
  });

  it('compares the certificate of the connection with that of the token', async () => {
    const token = await issuer.mint({ claims: { cnf: { 'x5t#S256': 'abc' } } });
    const statuses = [undefined, 'abd', 'abc'].map(async (thumbprint) => {
      const headers: Record<string, string> = thumbprint === undefined ? {} : { 'x-thumbprint': thumbprint };
      return (await call('/', token, undefined, headers)).status;
    });
    expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
  });

  it('serves the metadata its challenges point to, without a token', async () => {
    const response = await call('/.well-known/oauth-protected-resource');
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { resource: issuer.audience, authorization_servers: [issuer.issuer] },
    ]);
  });
});

it('refuses a maxAge under 30 where the route is declared', () => {
  expect(() => requireStepUp({ maxAge: 29 })).toThrow(/maxAge/);
});
