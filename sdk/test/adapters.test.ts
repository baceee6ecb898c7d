/** One contract for all adapters, under Node; and what is of Express alone. */
import express from 'express';
import { describe, expect, it } from 'vitest';
import { callerOf, protect, requireStepUp } from '../src/server/express.ts';
import { createResourceServer, protect as plain } from '../src/server/index.ts';
import { createDpopKey, createTestIssuer } from '../src/testing/index.ts';
import { adapterContract } from './adapter-contract.ts';
import { frameworks, listen } from './frameworks.ts';

describe.each(Object.entries(frameworks))('%s', (_, build) => {
  adapterContract(async (options) => listen(await build(createResourceServer(options))));
});

it('refuses a maxAge under 30 where the route is declared', () => {
  expect(() => requireStepUp({ maxAge: 29 })).toThrow(/maxAge/);
});

it('nothing of a request is read for a demand before its token was found good', async () => {
  const { issuer, audience, fetch: ask, mint } = await createTestIssuer();
  const check = plain({ issuer, audience, fetch: ask });
  const read: string[] = [];
  const demand = async (request: Request) => {
    read.push(await request.clone().text());
    return { acr: ['phr'] };
  };
  const send = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await check(
      new Request('https://api.test/', { method: 'POST', headers, body: 'x' }),
      demand,
    );
    return [answer instanceof Response && answer.status, ...read];
  };
  expect(await send('bad')).toEqual([401]);
  expect(await send(await mint({ acr: 'phr' }))).toEqual([false, 'x']);
  await expect(check(new Request('https://api.test/'), { maxAge: 1 })).rejects.toThrow(/maxAge/);
});

it('a request that waits is not told of the caller of another', async () => {
  const { issuer, audience, fetch: ask, mint } = await createTestIssuer();
  const app = express();
  const [waiting, released] = [latch(), latch()];
  const demand = async (request: express.Request) => {
    if (request.path !== '/slow') return undefined;
    waiting.open();
    await released.opened;
    return undefined;
  };
  app.use(protect({ issuer, audience, fetch: ask }));
  app.get('/*path', requireStepUp(demand), (req, res) => void res.json(callerOf(req).sub));
  const api = await listen(app);
  const call = async (path: string, sub: string) => {
    const headers = { authorization: `Bearer ${await mint({ sub })}` };
    return (await fetch(api.url + path, { headers })).json();
  };
  const slow = call('/slow', 'ada');
  await waiting.opened;
  expect(await call('/fast', 'bob')).toBe('bob');
  released.open();
  expect(await slow).toBe('ada');
  await api.stop();
});

function latch() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe('behind a proxy that ends TLS and hides the address', () => {
  const publicUrl = 'https://api.example.com/v1/things';
  const setUp = async (origin?: string) => {
    const { issuer, audience, fetch: ask, mint } = await createTestIssuer();
    const app = express();
    app.use(protect({ issuer, audience, fetch: ask, dpop: {}, ...(origin && { origin }) }));
    app.get('/v1/things', (req, res) => void res.json(callerOf(req).sub));
    const api = await listen(app);
    const key = await createDpopKey();
    const token = await mint({ jkt: key.thumbprint, sub: 'ada' });
    const call = async (url: string, forged: Record<string, string> = {}) => {
      const dpop = await key.proof({ method: 'GET', url, token });
      const headers = { authorization: `DPoP ${token}`, dpop, ...forged };
      return (await fetch(`${api.url}/v1/things?page=2`, { headers })).status;
    };
    return { api, call };
  };

  it('with `origin`, a proof is for the address that clients call, and for no other', async () => {
    const { api, call } = await setUp('https://api.example.com');
    expect(await call(publicUrl)).toBe(200);
    expect(await call(publicUrl.replace('example', 'evil'))).toBe(401);
    expect(await call(`${api.url}/v1/things`)).toBe(401);
    const forged = { 'x-forwarded-host': 'api.evil.com', 'x-forwarded-proto': 'https' };
    expect(await call('https://api.evil.com/v1/things', forged)).toBe(401);
    await api.stop();
  });

  it('without it, the address is that of the hop behind the proxy', async () => {
    const { api, call } = await setUp();
    expect([await call(publicUrl), await call(`${api.url}/v1/things`)]).toEqual([401, 200]);
    await api.stop();
  });
});
