/** Refresh tokens: rotation, reuse, races and revocation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { newPerson, obtain, type Person, quietly, startBeside } from '../../support/journey.ts';
import { API, CALLBACK, OPAQUE_API, startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

type Answer = Partial<Record<'access_token' | 'refresh_token' | 'scope' | 'error', string>>;

describe.skipIf(noPostgres)('refresh tokens', () => {
  let stile: TestStile;
  let other: TestStile;
  let web: TestClient;
  let there: TestClient;
  let person: Person;
  beforeAll(async () => {
    stile = await startStile();
    other = await startBeside(stile, { issuer: stile.issuer });
    web = await createClient(stile);
    there = await createClient(stile, 'web', other.running.port);
    person = await newPerson(stile);
  });
  afterAll(async () => {
    await other?.stop();
    await stile?.stop();
  });

  async function renew(client: TestClient, token: string | undefined, more = {}) {
    const response = await client.refresh(String(token), more);
    return { status: response.status, ...((await response.json()) as Answer) };
  }
  const isActive = async (token: string | undefined) => (await web.introspect(String(token)))['active'];

  it('trap: of two parallel refreshes at two servers at most one succeeds, and the chain ends', async () => {
    const { agent } = await obtain(stile, web, { person });
    for (let trial = 0; trial < 20; trial += 1) {
      const { refresh_token } = await quietly(agent, web);
      const answers = await Promise.all([renew(web, refresh_token), renew(there, refresh_token)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
      const won = answers.find(({ status }) => status === 200);
      expect(answers.find(({ status }) => status === 400)).toMatchObject({ error: 'invalid_grant' });
      expect(await isActive(won?.['access_token'])).toBe(false);
      expect((await renew(web, won?.['refresh_token'])).status).toBe(400);
    }
  });

  it('trap: a refresh token is replaced at every use, for public clients, too', async () => {
    for (const id of ['web', 'spa']) {
      const client = await createClient(stile, id);
      const { tokens } = await obtain(stile, client, { person });
      const renewed = await renew(client, tokens.refresh_token);
      expect(renewed.status).toBe(200);
      expect(renewed.refresh_token).not.toBe(tokens.refresh_token);
      expect((await renew(client, tokens.refresh_token)).status).toBe(400);
    }
  });

  it('trap: a refresh token is refused to another client, and stays good for its own', async () => {
    const { tokens } = await obtain(stile, web, { person });
    for (const id of ['web2', 'spa']) {
      const thief = await createClient(stile, id);
      expect(await renew(thief, tokens.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    }
    expect((await renew(web, tokens.refresh_token)).status).toBe(200);
  });

  it('trap: a refresh refused for its scope or resource leaves the token usable; scopes never widen', async () => {
    const parameters = { scope: 'openid read', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    expect(await renew(web, tokens.refresh_token, { scope: 'openid read write' })).toMatchObject({
      error: 'invalid_scope',
    });
    expect(await renew(web, tokens.refresh_token, { resource: OPAQUE_API })).toMatchObject({
      error: 'invalid_target',
    });
    expect((await renew(web, tokens.refresh_token, { scope: 'openid' })).status).toBe(200);
  });

  it('trap: an authorization for two resources asks for one at a time, and a refresh without loses nothing', async () => {
    const request = await web.authorize({ scope: 'openid read look' });
    const { agent } = await obtain(stile, web, { person });
    const { location } = await agent.open(`${request.url}&resource=${API}&resource=${OPAQUE_API}`);
    const code = new URL(String(location)).searchParams.get('code') ?? '';
    const body = {
      grant_type: 'authorization_code',
      code,
      code_verifier: request.verifier,
      redirect_uri: CALLBACK,
      resource: API,
    };
    const tokens = (await (await web.token(body)).json()) as Answer;
    expect(await renew(web, tokens.refresh_token)).toMatchObject({ error: 'invalid_target' });
    const renewed = await renew(web, tokens.refresh_token, { resource: OPAQUE_API });
    expect([renewed.status, renewed.scope]).toEqual([200, 'look']);
  });

  it('trap: revoking a refresh token ends its chain, and none of the client’s other tokens', async () => {
    const { agent, tokens } = await obtain(stile, web, { person });
    const others = await quietly(agent, web);
    const renewed = await renew(web, tokens.refresh_token);
    expect((await web.revoke(String(renewed.refresh_token))).status).toBe(200);
    expect((await renew(web, renewed.refresh_token)).status).toBe(400);
    for (const token of [tokens.access_token, renewed.access_token])
      expect(await isActive(token)).toBe(false);
    expect(await isActive(others.access_token)).toBe(true);
    expect((await renew(web, others.refresh_token)).status).toBe(200);
  });

  it('trap: an access token can be revoked by its own client only', async () => {
    const { tokens } = await obtain(stile, web, { person });
    const web2 = await createClient(stile, 'web2');
    await web2.revoke(tokens.access_token);
    await web2.revoke(String(tokens.refresh_token));
    expect(await isActive(tokens.access_token)).toBe(true);
    expect((await web.revoke(tokens.access_token)).status).toBe(200);
    expect(await isActive(tokens.access_token)).toBe(false);
  });

  it('trap: revoking what is no token succeeds and changes nothing', async () => {
    const { tokens } = await obtain(stile, web, { person });
    for (const token of ['nothing', `~${tokens.access_token}`, '~']) {
      expect((await web.revoke(token)).status).toBe(200);
    }
    expect(await isActive(tokens.access_token)).toBe(true);
  });

  it('trap: a refresh with a wrong secret is 401 and leaves the token usable', async () => {
    const { tokens } = await obtain(stile, web, { person });
    const response = await fetch(String(web.server.token_endpoint), {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}x`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: String(tokens.refresh_token) }),
    });
    expect(response.status).toBe(401);
    expect((await renew(web, tokens.refresh_token)).status).toBe(200);
  });
});
