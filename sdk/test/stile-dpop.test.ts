/** DPoP from end to end: tokens a real Stile binds, proofs our client makes, APIs that check them. */
import type * as client from '@stile/sdk/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../test/support/agent.ts';
import { noPostgres } from '../../test/support/database.ts';
import { answer, newPerson, type Person } from '../../test/support/journey.ts';
import { redirectOf } from '../../test/support/people.ts';
import { API, CALLBACK, startStile, type TestStile } from '../../test/support/stile.ts';
import { createResourceServer, type ReplayStore, type ResourceServerOptions } from '../src/server/index.ts';
import { createDpopKey } from '../src/testing/index.ts';
import { frameworks, listen } from './frameworks.ts';
import * as source from './source.mjs';

const { createStepUpFetch, generateKeys } = source as unknown as typeof client;

/** As a database would: one step that decides. */
function sharedStore(): ReplayStore {
  const used = new Map<string, number>();
  return { use: (key, until) => !used.has(key) && used.set(key, until).size > 0 };
}

describe.skipIf(noPostgres)('DPoP with tokens of a real Stile', () => {
  let stile: TestStile;
  let person: Person;
  const stops: (() => unknown)[] = [];
  beforeAll(async () => {
    stile = await startStile();
    person = await newPerson(stile, { passkey: {} });
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });
  afterAll(() => stile?.stop());

  /** Instances of one API, all known by the address of the first. */
  async function startApis(count: number, dpop: ResourceServerOptions['dpop'] = {}) {
    const urls: string[] = [];
    for (let index = 0; index < count; index += 1) {
      let listener: Parameters<typeof listen>[0] = (_, response) => void response.end();
      const { url, stop } = await listen((request, response) => listener(request, response));
      urls.push(url);
      stops.push(stop);
      const { issuer } = stile;
      const server = createResourceServer({ issuer, audience: API, origin: urls[0] ?? url, dpop });
      listener = (await frameworks['express']?.(server)) ?? listener;
    }
    return urls;
  }

  /** A client, and what it sent last, as somebody on the way would have it, who also chooses the instance. */
  async function startClient(api: string, instance = () => api) {
    let last = new Request(api);
    const statuses: number[] = [];
    const recording: typeof fetch = async (input, init) => {
      if (!(input instanceof Request && input.url.startsWith(api))) return fetch(input, init);
      last = input;
      const response = await fetch(new Request(input.url.replace(api, instance()), input));
      statuses.push(response.status);
      return response;
    };
    const agent = createAgent();
    const call = createStepUpFetch({
      issuer: stile.issuer,
      clientId: 'spa',
      redirectUri: CALLBACK,
      resource: API,
      apis: [api],
      scope: ['read'],
      dpop: await generateKeys(),
      fetch: recording,
      obtain: async ({ url }) =>
        redirectOf((await answer(stile, agent, await agent.open(url), { person })).page),
    });
    const taken = () => ({
      authorization: String(last.headers.get('authorization')),
      dpop: String(last.headers.get('dpop')),
    });
    return { call, statuses, taken };
  }

  const send = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(url, { headers });
    return [response.status, response.headers.get('www-authenticate')?.split(',')[0]];
  };

  it('the nonce is asked for once, a step-up is honoured, and a second use of a proof refused', async () => {
    const [api = ''] = await startApis(1, { nonces: true });
    const { call, statuses, taken } = await startClient(api);
    expect((await call(`${api}/`)).status).toBe(200);
    expect(statuses).toEqual([401, 200]);
    expect(await send(`${api}/`, taken())).toEqual([401, 'DPoP error="invalid_dpop_proof"']);
    const headers = { 'content-type': 'application/json' };
    const pay = await call(`${api}/amount`, { method: 'POST', headers, body: '{"amount": 500}' });
    expect(pay.status).toBe(200);
    expect(statuses).toEqual([401, 200, 401, 200]);
    expect(await send(`${api}/`, taken())).toEqual([401, 'DPoP error="invalid_dpop_proof"']);
  });

  it('the token is of no use without its key', async () => {
    const [api = ''] = await startApis(1);
    const { call, taken } = await startClient(api);
    await call(`${api}/`);
    const token = taken().authorization.replace('DPoP ', '');
    const thief = await createDpopKey();
    const dpop = await thief.proof({ method: 'GET', url: `${api}/`, token });
    const refused = [401, 'DPoP error="invalid_token"'];
    expect(await send(`${api}/`, { authorization: `DPoP ${token}`, dpop })).toEqual(refused);
    expect(await send(`${api}/`, { authorization: `Bearer ${token}` })).toEqual(refused);
  });

  it('instances that share a secret and a store take each other’s nonces, and a proof once in all', async () => {
    const dpop = { nonces: { secret: 's'.repeat(32) }, replays: sharedStore() };
    const [one = '', two = ''] = await startApis(2, dpop);
    let next = one;
    const { call, statuses, taken } = await startClient(one, () => next);
    await call(`${one}/`);
    expect(await send(`${two}/`, taken())).toEqual([401, 'DPoP error="invalid_dpop_proof"']);
    next = two;
    await call(`${one}/`);
    expect(statuses).toEqual([401, 200, 200]);
  });

  it('instances that share nothing remember only what they saw themselves', async () => {
    const [one = '', two = ''] = await startApis(2);
    const { call, taken } = await startClient(one);
    await call(`${one}/`);
    expect((await send(`${two}/`, taken()))[0]).toBe(200);
    expect(await send(`${two}/`, taken())).toEqual([401, 'DPoP error="invalid_dpop_proof"']);
  });
});
