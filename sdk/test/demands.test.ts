/** A demand that cannot be meant never opens a route. */
import express from 'express';
import { beforeAll, describe, expect, it } from 'vitest';
import * as forExpress from '../src/server/express.ts';
import * as forFastify from '../src/server/fastify.ts';
import * as forHono from '../src/server/hono.ts';
import {
  checkDemand,
  createResourceServer,
  InvalidDemandError,
  protect,
  type ResourceServer,
} from '../src/server/index.ts';
import * as forKoa from '../src/server/koa.ts';
import type { Demand } from '../src/shared/demand.ts';
import { createTestIssuer, type TestIssuer } from '../src/testing/index.ts';
import { listen } from './frameworks.ts';

let issuer: TestIssuer;
let server: ResourceServer;
beforeAll(async () => {
  issuer = await createTestIssuer();
  const { issuer: iss, audience, fetch } = issuer;
  server = createResourceServer({ issuer: iss, audience, fetch });
});

const facts = (token: string) => ({
  method: 'GET',
  url: 'https://api.test/',
  authorization: `Bearer ${token}`,
});

const declarations = (): ((demand: Demand) => unknown)[] => [
  forExpress.requireStepUp,
  forKoa.requireStepUp,
  forFastify.requireStepUp,
  forHono.requireStepUp,
  protect(server).requireStepUp,
];

const senseless: readonly unknown[] = [
  { acr_values: ['phr'] },
  { max_age: 300 },
  { maxage: 300 },
  { scopes: ['pay'] },
  { acr: ['phr'], Scope: ['pay'] },
  {},
  { acr: undefined },
  { scope: [] },
  { authorizationDetails: [] },
  { authorizationDetails: { type: 'payment' } },
  { authorizationDetails: [null] },
  { acr: 'phr' },
  [],
  null,
  false,
  'phr',
  300,
];

it.each(senseless.map((value) => [value]))('is none: %j', async (value) => {
  const demand = value as Demand;
  const token = await issuer.mint({ acr: 'phr' });
  expect(() => checkDemand(demand)).toThrow(InvalidDemandError);
  await expect(server.decide(facts(token), demand)).rejects.toThrow(InvalidDemandError);
  const permit = await server.authenticate(facts(token));
  if (!permit.allowed) throw new Error('refused');
  expect(() => server.authorize(facts(token), permit, demand)).toThrow(InvalidDemandError);
  for (const requireStepUp of declarations()) expect(() => requireStepUp(demand)).toThrow(InvalidDemandError);
  const check = protect(server);
  const request = () => new Request('https://api.test/', { headers: { authorization: `Bearer ${token}` } });
  await expect(check(request(), demand)).rejects.toThrow(InvalidDemandError);
  await expect(check(request(), () => demand)).rejects.toThrow(InvalidDemandError);
});

it('undefined is none where a route is declared, and nothing more where it is found in a request', async () => {
  const nothing = undefined as unknown as Demand;
  for (const requireStepUp of declarations())
    expect(() => requireStepUp(nothing)).toThrow(InvalidDemandError);
  const headers = { authorization: `Bearer ${await issuer.mint()}` };
  const found = await protect(server)(new Request('https://api.test/', { headers }), () => undefined);
  expect(found).toMatchObject({ allowed: true });
});

it('an empty scope beside something else asks for no scope', async () => {
  expect(checkDemand({ acr: ['phr'], scope: [] })).toBeTruthy();
  const token = await issuer.mint({ acr: 'phr' });
  expect(await server.decide(facts(token), { acr: ['phr'], scope: [] })).toMatchObject({ allowed: true });
});

describe('Request and Response', () => {
  const request = (token?: string) =>
    new Request('https://api.test/', token ? { headers: { authorization: `Bearer ${token}` } } : {});

  it('looks for the demand of a valid token only', async () => {
    const check = protect(server);
    const looked: string[] = [];
    const demand = () => {
      looked.push('looked');
      return { acr: ['phr'] };
    };
    for (const refused of [
      await check(request(), demand),
      await check(request('rubbish'), demand),
      await check.requireStepUp(demand)(request()),
    ])
      expect([(refused as Response).status, looked]).toEqual([401, []]);
    expect(((await check(request(await issuer.mint()), demand)) as Response).status).toBe(401);
    expect(looked).toEqual(['looked']);
    const broken = () => {
      throw new Error('no database');
    };
    expect(((await check(request(), broken)) as Response).status).toBe(401);
    await expect(check(request(await issuer.mint()), broken)).rejects.toThrow('no database');
  });

  it('a demand may be declared once, and is refused there', async () => {
    const { requireStepUp } = protect(server);
    expect(() => requireStepUp({ maxAge: 5 })).toThrow(/maxAge/);
    const check = requireStepUp({ acr: ['phr'] });
    const refused = (await check(request(await issuer.mint()))) as Response;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('acr_values="phr"'),
    ]);
    expect(await check(request(await issuer.mint({ acr: 'phr' })))).toMatchObject({ allowed: true });
  });
});

it('a demand may depend on what is asked for, and on the time', async () => {
  let hour = 12;
  const app = express();
  app.use(forExpress.protect(server));
  const demand = async ({ params }: forExpress.ExpressRequest) => {
    const atNight = hour < 6;
    if ((params as { account: string }).account === 'savings')
      return { acr: ['phr'], maxAge: atNight ? 60 : 600 };
    return atNight ? { maxAge: 600 } : undefined;
  };
  app.get('/accounts/:account', forExpress.requireStepUp(demand), (_, response) => void response.json({}));
  const api = await listen(app as unknown as Parameters<typeof listen>[0]);
  const ask = async (account: string, token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${api.url}/accounts/${account}`, { headers });
    return [response.status, /max_age="(\d+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1]];
  };
  try {
    const ago = (seconds: number) => ({ authTime: Math.floor(Date.now() / 1000) - seconds });
    const [old, strong] = [await issuer.mint(ago(900)), await issuer.mint({ ...ago(300), acr: 'phr' })];
    expect(await ask('current', old)).toEqual([200, undefined]);
    expect(await ask('savings', old)).toEqual([401, '600']);
    expect(await ask('savings', strong)).toEqual([200, undefined]);
    hour = 3;
    expect(await ask('current', old)).toEqual([401, '600']);
    expect(await ask('savings', strong)).toEqual([401, '60']);
  } finally {
    await api.stop();
  }
});
