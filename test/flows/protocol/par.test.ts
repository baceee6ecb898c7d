/** Pushed authorization requests (RFC 9126). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, MFA, newPerson, obtain, refusal } from '../../support/journey.ts';
import { redirectOf } from '../../support/people.ts';
import { startStile, type TestStile, testConfig, WEB_SECRET } from '../../support/stile.ts';

describe.skipIf(noPostgres)('pushed authorization requests', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    const clients = (testConfig().clients ?? []).map((client) =>
      client.clientId === 'web2' ? { ...client, requirePar: true } : client,
    );
    stile = await startStile({ config: { clients } });
    web = await createClient(stile);
  });
  afterAll(() => stile?.stop());

  async function push(client: TestClient, id: string, parameters: Record<string, string | undefined> = {}) {
    const request = await client.authorize(parameters);
    const answer = await fetch(String(web.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(`${id}:${WEB_SECRET}`).toString('base64')}` },
      body: new URL(request.url).searchParams,
    });
    const body = (await answer.json()) as Record<string, string>;
    const url = new URL(String(web.server.authorization_endpoint));
    url.search = new URLSearchParams({ client_id: id, request_uri: String(body['request_uri']) }).toString();
    return { request, url: url.href, status: answer.status, body };
  }

  it('trap: a pushed request is answered as one in the address bar, acr_values and all', async () => {
    const person = await newPerson(stile, { totp: true });
    const agent = createAgent();
    const { request, url, status } = await push(web, 'web', { acr_values: MFA });
    expect(status).toBe(201);
    const { page } = await answer(stile, agent, await agent.open(url), { person });
    expect((await web.exchange(request, redirectOf(page))).claims.acr).toBe(MFA);
  });

  it('trap: a request_uri is used once', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const { url, request } = await push(web, 'web', { prompt: 'none' });
    const first = await agent.open(url);
    await web.exchange(request, redirectOf(first));
    expect((await refusal(agent, url))?.get('code') ?? null).toBeNull();
  });

  it('security: whoever has seen the stored row cannot use the request by it', async () => {
    const { agent } = await obtain(stile, web, { person: await newPerson(stile) });
    const { url } = await push(web, 'web', { prompt: 'none' });
    const { rows } = await stile.core.db.query<{ id: string }>(
      `SELECT "id" FROM "artifact" WHERE "model" = 'PushedAuthorizationRequest' ORDER BY "created_at" DESC LIMIT 1`,
    );
    for (const id of [`~${rows[0]?.id}`, String(rows[0]?.id)]) {
      const stored = new URL(url);
      stored.searchParams.set('request_uri', `urn:ietf:params:oauth:request_uri:${id}`);
      const page = await agent.open(stored.href);
      expect([page.status, page.location]).toEqual([400, undefined]);
    }
    expect((await refusal(agent, url))?.get('code')).toBeTypeOf('string');
  });

  it('trap: a request_uri of one client is refused to another', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const { url } = await push(web, 'web', { prompt: 'none' });
    const stolen = new URL(url);
    stolen.searchParams.set('client_id', 'third');
    expect((await refusal(agent, stolen.href))?.get('code') ?? null).toBeNull();
  });

  it('trap: what was pushed cannot be changed in the address bar', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const { url } = await push(web, 'web', { acr_values: MFA, prompt: 'none' });
    const changed = new URL(url);
    changed.searchParams.set('acr_values', 'urn:stile:acr:1fa');
    const answered = await refusal(agent, changed.href);
    expect(answered?.get('code') ?? null).toBeNull();
  });

  it('trap: a client that must push is refused a request that was not', async () => {
    const web2 = await createClient(stile, 'web2');
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const { url } = await web2.authorize({ prompt: 'none' });
    expect((await refusal(agent, url))?.get('code') ?? null).toBeNull();
    const pushed = await push(web2, 'web2', { prompt: 'none' });
    expect((await refusal(agent, pushed.url))?.get('code')).toBeTypeOf('string');
  });

  it('trap: pushing needs the client’s secret', async () => {
    const { url } = await web.authorize();
    const anonymous = await fetch(String(web.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      body: new URL(url).searchParams,
    });
    expect(anonymous.status).toBe(401);
  });
});
