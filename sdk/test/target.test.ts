/** What a DPoP proof is bound to is what is routed, whatever the Host field says (RFC 9449 4.3). */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createResourceServer } from '../src/server/index.ts';
import { addressOf, calledAddress } from '../src/server/target.ts';
import { createDpopKey, createTestIssuer, type DpopKey, type TestIssuer } from '../src/testing/index.ts';
import { frameworks, listen } from './frameworks.ts';

let issuer: TestIssuer;
let key: DpopKey;
let token: string;

beforeAll(async () => {
  issuer = await createTestIssuer();
  key = await createDpopKey();
  token = await issuer.mint({ jkt: key.thumbprint, acr: 'phr', scope: 'pay' });
});

const make = (origin?: string) => {
  const { issuer: iss, audience, fetch } = issuer;
  return createResourceServer({ issuer: iss, audience, fetch, dpop: {}, ...(origin && { origin }) });
};

/** Node's own: what fetch would make of such a target and Host must not matter. */
function send(port: number, path: string, { host, dpop }: { host: string; dpop: string }) {
  const headers = {
    host,
    authorization: `DPoP ${token}`,
    dpop,
    'content-type': 'application/json',
    'content-length': '2',
  };
  return new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject).end('{}');
  });
}

describe.each(Object.entries(frameworks))('%s', (_, build) => {
  let api: Awaited<ReturnType<typeof listen>>;
  beforeAll(async () => {
    api = await listen(await build(make('https://api.test')));
  });
  afterAll(() => api.stop());

  const call = async (path: string, url: string, host = 'api.test') =>
    send(api.port, path, { host, dpop: await key.proof({ method: 'POST', url, token }) });

  it('takes the proof of the address, and of no other, whatever Host is', async () => {
    expect(await call('/pay?x=1', 'https://api.test/pay')).toBe(200);
    for (const host of ['api.test', 'x/cheap?', 'x/cheap#', 'x:80/cheap?', 'x\\cheap?', 'evil@x/cheap?'])
      expect(await call('/pay', 'https://api.test/cheap', host)).not.toBe(200);
  });
});

describe.each(['express', 'koa', 'fastify'])('%s', (name) => {
  it('refuses a bound request whose path is not what it seems', async () => {
    const api = await listen(
      await (frameworks[name] as (typeof frameworks)['koa'])(make('https://api.test')),
    );
    const proof = () => key.proof({ method: 'POST', url: 'https://api.test/pay', token });
    try {
      for (const path of ['/x/%2e%2e/pay', '/x/../pay', '/%2E/pay', '/x/.%2e/pay', '/x\\..\\pay'])
        expect([path, await send(api.port, path, { host: 'api.test', dpop: await proof() })]).toEqual([
          path,
          401,
        ]);
    } finally {
      await api.stop();
    }
  });
});

it('an address has the host only where that is a name or an address', () => {
  for (const host of ['api.test', 'API.test:8080', '127.0.0.1', '[::1]', '[2001:db8::1]:443'])
    expect(addressOf('https', host, '/a?b')).toBe(`https://${host}/a?b`);
  for (const host of [undefined, '', 'a/b', 'a?', 'a#', 'u@a', 'a b', 'a:b', '[::1', 'a\\b', 'a%2fb', 'a,b'])
    expect(addressOf('https', host, '/a?b')).toBe('/a?b');
  expect(addressOf('https', 'api.test', 'https://evil.test/a')).toBe('https://evil.test/a');
});

it.each([
  ['https://api.test/a/b?c#d', undefined, 'https://api.test/a/b'],
  ['https://api.test:443', undefined, 'https://api.test/'],
  ['http://10.0.0.1/a%2Fb', 'https://public.test/', 'https://public.test/a%2Fb'],
  ['/a/b?c', 'https://public.test', 'https://public.test/a/b'],
  ['//evil.test/a', 'https://public.test', 'https://public.test//evil.test/a'],
  ['/a/b', undefined, undefined],
  ['*', 'https://public.test', undefined],
  ['/a/../b', 'https://public.test', undefined],
  ['/a/%2E%2e', 'https://public.test', undefined],
  ['/./b', 'https://public.test', undefined],
  ['/a\\b', 'https://public.test', undefined],
  ['/a%5Cb', 'https://public.test', undefined],
  ['/...', 'https://public.test', 'https://public.test/...'],
])('%s on %s is %s', (url, origin, address) => {
  expect(calledAddress(url, origin)).toBe(address);
});

it('no token bound to a key passes where the origin is not known', async () => {
  const dpop = await key.proof({ method: 'GET', url: '/pay', token });
  const facts = { method: 'GET', url: '/pay', authorization: `DPoP ${token}`, dpop };
  expect(await make().decide(facts)).toMatchObject({ reason: 'invalid_dpop_proof' });
});

it('refuses an origin with a path, which would be dropped', () => {
  expect(() => make('https://api.test/v1')).toThrow(/origin/);
  expect(() => make('https://api.test/')).not.toThrow();
});
