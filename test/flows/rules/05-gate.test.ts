/** Rule 5: one gate at issuance, and what is refused there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { extraTokenClaims } from '../../../src/oidc/issuance.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { startBeside } from '../../support/journey.ts';
import { count, MFA } from '../../support/journeys.ts';
import { addPerson, errorOf, passwordSignIn, redirectOf, signIn, silently } from '../../support/people.ts';
import { API, OPAQUE_API, startStile, type TestStile, testConfig, WEB_SECRET } from '../../support/stile.ts';

type Resource = NonNullable<ConfigInput['resources']>[number];

describe.skipIf(noPostgres)('the gate at issuance', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    const scopes = {
      read: {},
      write: {},
      pay: { acr: [MFA], reason: 'Payments.' },
      report: { acr: [MFA], subject: 'any' as const },
    };
    const strict = { identifier: 'http://127.0.0.1:9997', scopes: { strict: {} }, demand: { acr: [MFA] } };
    const base = testConfig();
    stile = await startStile({
      config: {
        resources: [
          ...(base.resources ?? []).filter(({ identifier }) => identifier !== API),
          { identifier: API, scopes, accessToken: { format: 'jwt' } },
          strict,
        ],
      },
    });
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  it.each(['token', 'id_token', 'code id_token', 'code token', 'id_token token', 'none'])(
    'rule 5: response_type=%s is refused: only a code goes through the browser',
    async (response_type) => {
      const { agent } = await signIn(client, 'ada');
      const page = await agent.open((await client.authorize({ response_type })).url);
      const answer = page.location ? new URL(page.location) : undefined;
      const said = answer ? `${answer.search}${answer.hash}` : page.body;
      expect(said).toMatch(/unsupported_response_type|unauthorized_client/);
      expect(said).not.toMatch(/access_token|id_token=|code=/);
      expect(client.server.response_types_supported).toEqual(['code']);
    },
  );

  it('rule 5: a code whose record is gone is gone with it and buys nothing', async () => {
    const agent = createAgent();
    const request = await client.authorize();
    const end = await passwordSignIn(agent, await agent.open(request.url), 'ada');
    await stile.core.db.query('DELETE FROM "assurance_record"');
    const kept = `SELECT count(*) AS "n" FROM "artifact" WHERE "model" IN ('AuthorizationCode', 'RefreshToken')`;
    expect(await count(stile, kept)).toBe(0);
    await expect(client.exchange(request, redirectOf(end))).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('rule 5: a code or refresh token without a known source buys nothing, and the refresh token is not used up', async () => {
    const { tokens, agent } = await signIn(client, 'ada');
    const { request, page } = await silently(agent, client);
    const used = () =>
      count(
        stile,
        `SELECT count(*) AS "n" FROM "artifact" WHERE "model" = 'RefreshToken' AND "consumed_at" IS NOT NULL`,
      );
    const before = await used();
    await stile.core.db.query('UPDATE "artifact" SET "record_id" = NULL');
    await expect(client.exchange(request, redirectOf(page))).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const refreshed = await client.refresh(String(tokens.refresh_token));
    expect(refreshed.status).toBe(400);
    expect(await refreshed.json()).toMatchObject({ error: 'invalid_grant' });
    expect(await used()).toBe(before);
  });

  it('rule 5: claims of an access token fail closed without a known source', async () => {
    const ctx = { req: {}, oidc: {} };
    await expect(
      extraTokenClaims(undefined as never, ctx as never, { kind: 'AccessToken' } as never),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('rule 5: a code cannot be stored without the record it rests on', async () => {
    const { AuthorizationCode } = stile.running.app.provider;
    const code = Reflect.construct(AuthorizationCode, [{ accountId: 'somebody', grantId: 'some' }]);
    await expect(code.save(60)).rejects.toThrow('without an assurance record');
  });

  it('rule 5: a refused account is refused before its refresh token is used up', async () => {
    const { tokens } = await signIn(client, 'ada');
    const set = (status: string) =>
      stile.core.db.query('UPDATE "account" SET "status" = $2 WHERE "id" = $1', [tokens.claims.sub, status]);
    await set('disabled');
    const refused = await client.refresh(String(tokens.refresh_token));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    await set('active');
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
  });

  it('rule 5: a stricter minimum of the client holds at refresh, and leaves the token as it was', async () => {
    const { tokens } = await signIn(client, 'ada');
    const clients = (testConfig().clients ?? []).map((each) =>
      each.clientId === 'web' ? { ...each, minimum: { acr: [MFA] } } : each,
    );
    const strict = await startStile({ config: { clients }, database: stile.database, issuer: stile.issuer });
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: String(tokens.refresh_token),
    });
    const refused = await fetch(`http://127.0.0.1:${strict.running.port}/token`, {
      method: 'POST',
      body,
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
    });
    await strict.stop();
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
  });

  /** A code for the signed-in person, and its exchange at a server whose API demands something else. */
  async function newCode(scope: string) {
    const { agent } = await signIn(client, 'ada');
    const { request, page } = await silently(agent, client, { scope, resource: API });
    const redirect = redirectOf(page);
    const exchangeUnder = async (api: Partial<Resource>) => {
      const resources = (testConfig().resources ?? []).map((each) =>
        each.identifier === API ? { ...each, ...api } : each,
      );
      const other = await startBeside(stile, { issuer: stile.issuer, config: { resources } });
      const there = await createClient(stile, 'web', other.running.port);
      return there.exchange(request, redirect).finally(() => other.stop());
    };
    return { exchangeUnder, exchange: () => client.exchange(request, redirect) };
  }

  it('rule 5: a scope that demands more by the time its code is exchanged is dropped', async () => {
    const { exchangeUnder } = await newCode('openid read write');
    const tokens = await exchangeUnder({ scopes: { read: {}, write: { acr: [MFA] } } });
    expect(claimsOf(tokens.access_token)['scope']).toBe('read');
  });

  it('rule 5: a code whose resource demands more by then is invalid_grant, and is used up all the same', async () => {
    const { exchangeUnder, exchange } = await newCode('openid read');
    const refused = { error: 'invalid_grant' };
    await expect(exchangeUnder({ demand: { acr: [MFA] } })).rejects.toMatchObject(refused);
    await expect(exchange()).rejects.toMatchObject(refused);
  });

  it('rule 5: a pushed request meets the same gate', async () => {
    const { agent } = await signIn(client, 'ada');
    const url = new URL((await client.authorize({ acr_values: MFA, prompt: 'none' })).url);
    const pushed = await fetch(String(client.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      body: url.searchParams,
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
    });
    expect(pushed.status).toBe(201);
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const short = new URL(String(client.server.authorization_endpoint));
    short.searchParams.set('client_id', 'web');
    short.searchParams.set('request_uri', request_uri);
    expect(errorOf(await agent.open(short.href))).toBe('interaction_required');
  });

  it('rule 5: client credentials are refused what demands a person', async () => {
    const api = await createClient(stile, 'api');
    const ask = (parameters: Record<string, string>) =>
      api.token({ grant_type: 'client_credentials', ...parameters });
    const scope = await ask({ scope: 'pay', resource: API });
    expect(scope.status).toBe(400);
    expect(await scope.json()).toMatchObject({ error: 'invalid_scope' });
    const mixed = await ask({ scope: 'read pay', resource: API });
    expect(await mixed.json()).toMatchObject({ error: 'invalid_scope' });
    const resource = await ask({ scope: 'strict', resource: 'http://127.0.0.1:9997' });
    expect(resource.status).toBe(400);
    expect(await resource.json()).toMatchObject({ error: 'invalid_target' });
  });

  it('rule 5: client credentials carry no acr, also where a scope is open to any subject', async () => {
    const api = await createClient(stile, 'api');
    for (const scope of ['read', 'report']) {
      const answer = await api.token({ grant_type: 'client_credentials', scope, resource: API });
      expect(answer.status).toBe(200);
      const { access_token } = (await answer.json()) as { access_token: string };
      expect(claimsOf(access_token)).not.toHaveProperty('acr');
      expect(claimsOf(access_token)).not.toHaveProperty('auth_time');
    }
    const opaque = await api.token({ grant_type: 'client_credentials', scope: 'look', resource: OPAQUE_API });
    const { access_token } = (await opaque.json()) as { access_token: string };
    const seen = await api.introspect(access_token);
    expect(seen['active']).toBe(true);
    expect(seen).not.toHaveProperty('acr');
  });
});
