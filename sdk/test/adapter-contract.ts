/** What every adapter promises, over real HTTP, wherever it runs; the issuer is reached over HTTP, too. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ResourceServerOptions } from '../src/server/index.ts';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../src/testing/index.ts';
import { listen } from './frameworks.ts';

export interface Listening {
  readonly url: string;
  readonly port: number;
  stop(): unknown;
}

/** What is plain enough to be handed to another process. */
export type PlainOptions = Pick<ResourceServerOptions, 'issuer' | 'audience' | 'resourceMetadata'> & {
  readonly dpop: { readonly nonces: true };
};

interface World extends Listening {
  readonly issuer: TestIssuer;
}

/** Declares the suite, in a `describe` of the caller's. */
export function adapterContract(start: (options: PlainOptions) => Promise<Listening>): void {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(start);
  }, 60_000);
  afterAll(() => world?.stop());

  const call = (path: string, token?: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(world.url + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });

  it('tells many callers at once apart, from the first request on', async () => {
    const people = Array.from({ length: 40 }, (_, index) => `person ${index}`);
    const round = () =>
      Promise.all(
        people.map(async (sub) => {
          const response = await call('/amount', await world.issuer.mint({ sub }), { amount: 1 });
          return ((await response.json()) as { sub: string }).sub;
        }),
      );
    expect([await round(), await round()]).toEqual([people, people]);
  });

  it('lets a valid token in, with its caller', async () => {
    const response = await call('/', await world.issuer.mint({ sub: 'ada' }));
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
    const response = await call('/', await world.issuer.mint({ typ: 'JWT' }));
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      401,
      'invalid_token',
    ]);
  });

  it('demands step-up of a route, and honours it', async () => {
    const refused = await call('/pay', await world.issuer.mint({ scope: 'pay' }), {});
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_user_authentication".*acr_values="phr", max_age="300", scope="pay"/,
    );
    expect((await call('/pay', await world.issuer.mint({ acr: 'phr' }), {})).status).toBe(403);
    expect((await call('/pay', await world.issuer.mint({ acr: 'phr', scope: 'pay' }), {})).status).toBe(200);
  });

  it('demands by what is in the request', async () => {
    const token = await world.issuer.mint();
    expect((await call('/amount', token, { amount: 100 })).status).toBe(200);
    expect((await call('/amount', token, { amount: 101 })).status).toBe(401);
  });

  it('sees a second Authorization field', async () => {
    const token = await world.issuer.mint();
    const status = await new Promise((resolve, reject) => {
      const headers = ['authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`, 'host', 'x'];
      httpRequest({ port: world.port, host: '127.0.0.1', headers }, (response) => {
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
    const token = await world.issuer.mint({ jkt: key.thumbprint, acr: 'phr', scope: 'pay' });
    const url = `${world.url}/pay`;
    const prove = (nonce = '') => key.proof({ method: 'POST', url, token, nonce });
    const send = (dpop: string) =>
      call('/pay?x=1', undefined, { amount: 1 }, { authorization: `DPoP ${token}`, dpop });
    const asked = await send(await prove());
    expect([asked.status, asked.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="use_dpop_nonce"/),
    ]);
    const proof = await prove(asked.headers.get('dpop-nonce') ?? '');
    const answered = await send(proof);
    expect(answered.status).toBe(200);
    expect(answered.headers.get('dpop-nonce')).toBeTruthy();
    const again = await send(proof);
    expect([again.status, again.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^DPoP error="invalid_dpop_proof"/),
    ]);
  });

  it('compares the certificate of the connection with that of the token', async () => {
    const token = await world.issuer.mint({ claims: { cnf: { 'x5t#S256': 'abc' } } });
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
      { resource: world.issuer.audience, authorization_servers: [world.issuer.issuer] },
    ]);
  });
}

async function startWorld(start: (options: PlainOptions) => Promise<Listening>): Promise<World> {
  const issuer = await listenIssuer();
  const { issuer: iss, audience } = issuer;
  const api = await start({ issuer: iss, audience, resourceMetadata: {}, dpop: { nonces: true } });
  const stop = async () => void (await Promise.all([api.stop(), issuer.stop()]));
  return { url: api.url, port: api.port, issuer, stop };
}

/** The test issuer, where other processes can ask it. */
async function listenIssuer(): Promise<TestIssuer & Pick<Listening, 'stop'>> {
  let issuer: TestIssuer | undefined;
  const { url, stop } = await listen((request, response) => {
    void issuer?.fetch(url + request.url).then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
  });
  issuer = await createTestIssuer({ issuer: url });
  return { ...issuer, stop };
}
