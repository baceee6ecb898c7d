/** Clients: how they authenticate, and what each may do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseClient } from '../../../src/config/parse.ts';
import { hashClientSecret, registerClient, removeClient } from '../../../src/services/clients.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { MFA, newPerson, obtain, type Person } from '../../support/journey.ts';
import { redirectOf } from '../../support/people.ts';
import {
  API,
  CALLBACK,
  OPAQUE_API,
  startStile,
  type TestStile,
  testConfig,
  WEB_SECRET,
} from '../../support/stile.ts';

const MACHINES = 'http://127.0.0.1:9997';
const GUARDED = 'http://127.0.0.1:9996';

type Answer = Partial<Record<'access_token' | 'id_token' | 'error', string>>;

describe.skipIf(noPostgres)('clients', () => {
  let stile: TestStile;
  let web: TestClient;
  let person: Person;
  beforeAll(async () => {
    stile = await startStile({ config: configOfTheseTests() });
    web = await createClient(stile);
    person = await newPerson(stile);
  });
  afterAll(() => stile?.stop());

  const basic = (id: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });
  const token = async (body: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await fetch(String(web.server.token_endpoint), {
      method: 'POST',
      headers,
      body: new URLSearchParams(body),
    });
    return { status: answer.status, ...((await answer.json()) as Answer) };
  };
  const machine = { grant_type: 'client_credentials' };

  it('trap: client_secret_basic and client_secret_post work for the clients registered for them', async () => {
    expect((await token(machine, basic('machine', WEB_SECRET))).status).toBe(200);
    expect((await token({ ...machine, client_id: 'poster', client_secret: WEB_SECRET })).status).toBe(200);
  });

  it('trap: a client with a secret is 401 without it, and 400 with two ways to authenticate at once', async () => {
    expect(await token({ ...machine, client_id: 'machine' })).toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
    const both = { ...machine, client_id: 'machine', client_secret: WEB_SECRET };
    expect((await token(both, basic('machine', WEB_SECRET))).status).toBe(400);
  });

  it('trap: a wrong secret, none, an unknown client and the stored hash itself are 401', async () => {
    const wrong = [`${WEB_SECRET}x`, WEB_SECRET.slice(1), '', hashClientSecret(WEB_SECRET)];
    for (const secret of wrong) {
      const answer = await token(machine, basic('machine', secret));
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.access_token).toBeUndefined();
      expect(answer.error).toMatch(/^invalid_(client|request)$/);
    }
    expect((await token(machine, basic('nobody', WEB_SECRET))).status).toBe(401);
  });

  it('trap: a client kept in the database works at once, its secret as a hash only', async () => {
    const raw = { clientId: 'stored', redirectUris: [CALLBACK], firstParty: true };
    const parsed = parseClient(stile.core.config, raw);
    if ('faults' in parsed) throw new Error('the client is not valid');
    const clientDeps = { ...stile.core.services, clients: stile.core.stores.clients };
    const { secret = '' } = await registerClient(clientDeps, parsed.client, { confidential: true });
    const { agent } = await obtain(stile, web, { person });
    const request = await web.authorize({ client_id: 'stored', prompt: 'none' });
    const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
    const body = {
      grant_type: 'authorization_code',
      code,
      code_verifier: request.verifier,
      redirect_uri: CALLBACK,
    };
    expect((await token(body, basic('stored', `${secret}x`))).status).toBe(401);
    const good = await token(body, basic('stored', secret));
    expect([good.status, claimsOf(String(good.id_token))['aud']]).toEqual([200, 'stored']);
    const { rows } = await stile.core.db.query('SELECT * FROM "client"');
    expect(JSON.stringify(rows)).not.toContain(secret);
    await removeClient(clientDeps, 'stored');
    expect((await token(body, basic('stored', secret))).status).toBe(401);
  });

  it('trap: introspection is for the token’s own client and its resource’s API, and others learn nothing', async () => {
    const parameters = { scope: 'openid look', resource: OPAQUE_API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const plain = (await obtain(stile, web, { person })).tokens;
    expect(await web.introspect(tokens.access_token)).toMatchObject({ active: true, aud: OPAQUE_API });
    expect(await web.introspect(tokens.access_token, 'api')).toMatchObject({ active: true, sub: person.id });
    expect(await web.introspect(tokens.access_token, 'web2')).toEqual({ active: false });
    expect(await web.introspect(tokens.access_token, 'machine')).toEqual({ active: false });
    expect(await web.introspect(plain.access_token, 'api')).toEqual({ active: false });
    expect(await web.introspect(String(tokens.refresh_token), 'api')).toEqual({ active: false });
    expect(await web.introspect('nothing')).toEqual({ active: false });
    const anonymous = await fetch(String(web.server.introspection_endpoint), {
      method: 'POST',
      body: new URLSearchParams({ token: tokens.access_token }),
    });
    expect(anonymous.status).toBe(400);
  });

  it('rule 5: client credentials carry no acr, amr or auth_time, introspected or as a JWT', async () => {
    const asked = { ...machine, resource: MACHINES, scope: 'free open' };
    const answer = await token(asked, basic('machine', WEB_SECRET));
    const claims = claimsOf(String(answer.access_token));
    expect(claims).toMatchObject({ aud: MACHINES, scope: 'free open', sub: 'machine' });
    const opaque = await token(machine, basic('machine', WEB_SECRET));
    const introspected = await web.introspect(String(opaque.access_token), 'machine');
    expect(introspected).toMatchObject({ active: true, client_id: 'machine' });
    for (const name of ['acr', 'amr', 'auth_time']) {
      expect([claims[name], introspected[name]]).toEqual([undefined, undefined]);
    }
  });

  it('rule 5: client credentials are refused a scope with a requirement unless it says subject: any', async () => {
    const ask = (scope: string, resource = MACHINES) =>
      token({ ...machine, resource, scope }, basic('machine', WEB_SECRET));
    expect(await ask('guarded')).toMatchObject({ status: 400, error: 'invalid_scope' });
    expect(await ask('free guarded')).toMatchObject({ status: 400, error: 'invalid_scope' });
    expect((await ask('open')).status).toBe(200);
    expect(await ask('any', GUARDED)).toMatchObject({ status: 400, error: 'invalid_target' });
  });

  it('trap: a public client is answered across origins from where it is sent back to, and from nowhere else', async () => {
    const spa = await createClient(stile, 'spa');
    const home = new URL(CALLBACK).origin;
    const { tokens } = await obtain(stile, spa, { person });
    const renew = (origin: string) =>
      fetch(String(spa.server.token_endpoint), {
        method: 'POST',
        headers: { Origin: origin },
        body: new URLSearchParams({
          client_id: 'spa',
          grant_type: 'refresh_token',
          refresh_token: String(tokens.refresh_token),
        }),
      });
    const foreign = await renew('https://evil.example');
    expect([foreign.ok, foreign.headers.get('Access-Control-Allow-Origin')]).toEqual([false, null]);
    const own = await renew(home);
    expect([own.status, own.headers.get('Access-Control-Allow-Origin')]).toEqual([200, home]);
    const preflight = await fetch(String(spa.server.token_endpoint), {
      method: 'OPTIONS',
      headers: { Origin: home, 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.headers.get('Access-Control-Allow-Methods')).toContain('POST');
    expect(preflight.headers.get('Access-Control-Allow-Credentials')).toBeNull();
  });
});

function configOfTheseTests() {
  const { clients = [], resources = [] } = testConfig();
  const grantTypes = ['client_credentials'] as ['client_credentials'];
  const secretHash = hashClientSecret(WEB_SECRET);
  return {
    clients: [
      ...clients,
      { clientId: 'machine', secretHash, grantTypes },
      { clientId: 'poster', secretHash, grantTypes, authMethod: 'client_secret_post' as const },
    ],
    resources: [
      ...resources,
      {
        identifier: MACHINES,
        scopes: { free: {}, guarded: { acr: [MFA] }, open: { acr: [MFA], subject: 'any' as const } },
      },
      { identifier: GUARDED, scopes: { any: {} }, demand: { acr: [MFA] } },
      { identifier: `${API}/unused` },
    ],
  };
}
