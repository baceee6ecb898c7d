/** What a client is registered for is all it can have, whichever way it asks. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient } from '../../support/client.ts';
import { freshDatabase, noPostgres, type TestDatabase } from '../../support/database.ts';
import { addPerson, errorOf, signIn } from '../../support/people.ts';
import { API, CALLBACK, startStile, type TestStile, testConfig, WEB_SECRET } from '../../support/stile.ts';

const secretHash = createHash('sha256').update(WEB_SECRET).digest('base64url');
const own: NonNullable<ConfigInput['clients']> = [
  {
    clientId: 'reader',
    secretHash,
    firstParty: true,
    redirectUris: [CALLBACK],
    scopes: ['openid', 'read'],
  },
  { clientId: 'robot', secretHash, grantTypes: ['client_credentials'], scopes: ['read'] },
];

/** The configuration of every test, with another demand on `write`, or another list of scopes for the reader. */
function configured(write: object = {}, scopes: string[] = ['openid', 'read']): Partial<ConfigInput> {
  const { clients = [], resources = [] } = testConfig();
  return {
    clients: [...clients, ...own.map((one) => (one.clientId === 'reader' ? { ...one, scopes } : one))],
    resources: resources.map((one) =>
      one.identifier === API ? { ...one, scopes: { read: {}, write } } : one,
    ),
  };
}

describe.skipIf(noPostgres)('scopes', () => {
  let database: TestDatabase;
  let stile: TestStile;
  beforeAll(async () => {
    database = await freshDatabase();
    stile = await startStile({ database, config: configured() });
    await addPerson(stile, 'ada');
  });
  afterAll(async () => {
    await stile?.stop();
    await database?.drop();
  });

  it('security: a client gets no scope of a resource that it is not registered for', async () => {
    const client = await createClient(stile, 'reader');
    const refused = await createAgent().open(
      (await client.authorize({ scope: 'openid read write', resource: API })).url,
    );
    expect(errorOf(refused)).toBe('invalid_scope');
    const { tokens } = await signIn(client, 'ada', { scope: 'openid read', resource: API });
    expect(claimsOf(tokens.access_token)['scope']).toBe('read');
  });

  it('security: a client gets no claim whose scope it is not registered for', async () => {
    const client = await createClient(stile, 'reader');
    const claims = JSON.stringify({ userinfo: { email: null } });
    expect(errorOf(await createAgent().open((await client.authorize({ claims })).url))).toBe('invalid_scope');
  });

  it('security: client credentials get no scope that the client is not registered for', async () => {
    const client = await createClient(stile, 'robot');
    const ask = (scope: string) => client.token({ grant_type: 'client_credentials', scope, resource: API });
    expect((await ask('read')).status).toBe(200);
    const refused = await ask('read write');
    expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_scope',
    ]);
  });

  it('security: the account page, a public client that asks nobody for consent, has no scope but openid', async () => {
    const url = new URL(`${stile.issuer}/auth`);
    const challenge = createHash('sha256').update('x'.repeat(43)).digest('base64url');
    const query = {
      client_id: 'stile-account',
      response_type: 'code',
      redirect_uri: `${stile.issuer}/account/callback`,
      scope: 'openid email read',
      resource: API,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const page = await createAgent().request(url.href);
    expect(new URL(page.location ?? '').searchParams.get('error')).toBe('invalid_scope');
  });

  /** The same server with another configuration, on another port. */
  async function reconfigured(config: Partial<ConfigInput>, clientId: string) {
    const later = await startStile({ database, issuer: stile.issuer, config });
    return { later, client: await createClient(stile, clientId, later.running.port) };
  }

  it('security: naming a scope in a refresh does not bring back one that is no longer covered', async () => {
    const { tokens } = await signIn(await createClient(stile), 'ada', {
      scope: 'openid read write',
      resource: API,
    });
    const { later, client } = await reconfigured(configured({ acr: ['phr'] }), 'web');
    try {
      const answer = await client.refresh(String(tokens.refresh_token), { scope: 'openid read write' });
      const renewed = (await answer.json()) as { access_token: string; refresh_token: string };
      expect(claimsOf(renewed.access_token)['scope']).toBe('read');
      const only = await client.refresh(renewed.refresh_token, { scope: 'write' });
      expect(only.status).toBe(400);
    } finally {
      await later.stop();
    }
  });

  it('security: a scope taken from a client is taken from its refresh tokens', async () => {
    const { tokens } = await signIn(await createClient(stile, 'reader'), 'ada', {
      scope: 'openid read',
      resource: API,
    });
    const { later, client } = await reconfigured(configured({}, ['openid']), 'reader');
    try {
      const answer = await client.refresh(String(tokens.refresh_token), { scope: 'openid read' });
      const renewed = (await answer.json()) as { error?: string; access_token?: string };
      expect(renewed.error ?? claimsOf(renewed.access_token ?? '')['scope'] ?? '').not.toContain('read');
    } finally {
      await later.stop();
    }
  });
});
