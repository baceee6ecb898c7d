/** Authorization codes: who gets one, and what it is good for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { newPerson, obtain, type Person, refusal, startBeside } from '../../support/journey.ts';
import { redirectOf } from '../../support/people.ts';
import { CALLBACK, startStile, type TestStile, testConfig } from '../../support/stile.ts';

const QUERY_CALLBACK = 'http://127.0.0.1:9/with?query=1';

describe.skipIf(noPostgres)('authorization codes', () => {
  let stile: TestStile;
  let other: TestStile;
  let web: TestClient;
  let there: TestClient;
  let person: Person;
  let agent: Agent;
  beforeAll(async () => {
    const clients = [
      ...(testConfig().clients ?? []),
      { clientId: 'exact', firstParty: true, redirectUris: [QUERY_CALLBACK] },
    ];
    stile = await startStile({ config: { clients } });
    other = await startBeside(stile, { issuer: stile.issuer, config: { clients } });
    web = await createClient(stile);
    there = await createClient(stile, 'web', other.running.port);
    person = await newPerson(stile);
    ({ agent } = await obtain(stile, web, { person }));
  });
  afterAll(async () => {
    await other?.stop();
    await stile?.stop();
  });

  /** A code, and the body of its exchange. */
  async function newCode(client = web, parameters: Record<string, string | undefined> = {}) {
    const request = await client.authorize({ prompt: 'none', ...parameters });
    const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
    return {
      grant_type: 'authorization_code',
      code,
      code_verifier: request.verifier,
      redirect_uri: CALLBACK,
    };
  }

  it('trap: of two parallel exchanges of one code at two servers exactly one succeeds, and its tokens end', async () => {
    for (let trial = 0; trial < 20; trial += 1) {
      const body = await newCode();
      const answers = await Promise.all([web.token(body), there.token(body)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
      const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as Record<string, string>[];
      expect(bodies.find(({ error }) => error)).toMatchObject({ error: 'invalid_grant' });
      const won = bodies.find(({ access_token }) => access_token);
      expect(await web.introspect(String(won?.['access_token']))).toEqual({ active: false });
      expect((await web.refresh(String(won?.['refresh_token']))).status).toBe(400);
    }
  });

  it('trap: a code used a second time is invalid_grant, and ends what the first use gave', async () => {
    const body = await newCode();
    const first = (await (await web.token(body)).json()) as { access_token: string };
    expect(await web.introspect(first.access_token)).toMatchObject({ active: true });
    expect(await (await there.token(body)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await web.introspect(first.access_token)).toEqual({ active: false });
  });

  it.each([
    ['no verifier', { code_verifier: '' }],
    ['another verifier', { code_verifier: 'v'.repeat(43) }],
    ['another redirect_uri', { redirect_uri: `${CALLBACK}/` }],
    ['no redirect_uri', { redirect_uri: '' }],
  ])('trap: a code with %s is refused', async (_, change) => {
    const body = Object.fromEntries(
      Object.entries({ ...(await newCode()), ...change }).filter(([, value]) => value !== ''),
    );
    expect((await web.token(body)).status).toBe(400);
  });

  it('trap: a code of one client is refused to another, and stays good for its own', async () => {
    const body = await newCode();
    const web2 = await createClient(stile, 'web2');
    expect(await (await web2.token(body)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await web.token(body)).status).toBe(200);
  });

  it('trap: a request without PKCE, or with a plain challenge, is refused to every client', async () => {
    for (const client of [web, await createClient(stile, 'spa'), await createClient(stile, 'third')]) {
      const without = { code_challenge: undefined, code_challenge_method: undefined };
      const plain = { code_challenge: 'c'.repeat(43), code_challenge_method: 'plain' };
      const unsaid = { code_challenge: 'c'.repeat(43), code_challenge_method: undefined };
      for (const parameters of [without, plain, unsaid]) {
        const { url } = await client.authorize(parameters);
        expect((await refusal(agent, url))?.get('error')).toBe('invalid_request');
      }
    }
  });

  it.each(['token', 'id_token', 'code id_token', 'code token', 'code id_token token', 'none', 'Code'])(
    'rule 5: response_type %j is refused: code only',
    async (response_type) => {
      const { url } = await web.authorize({ response_type });
      const page = await agent.open(url);
      const sent = new URLSearchParams(page.location && new URL(page.location).search);
      const fragment = new URLSearchParams(page.location && new URL(page.location).hash.slice(1));
      const error = sent.get('error') ?? fragment.get('error');
      expect(['unsupported_response_type', 'unauthorized_client', 'invalid_request']).toContain(error);
      for (const answer of [sent, fragment]) {
        expect([answer.get('code'), answer.get('access_token'), answer.get('id_token')]).toEqual([
          null,
          null,
          null,
        ]);
      }
    },
  );

  it('trap: the answer names its issuer, on success and on error (RFC 9207)', async () => {
    const good = await agent.open((await web.authorize({ prompt: 'none' })).url);
    const refused = await agent.open((await web.authorize({ scope: 'openid', max_age: '1e3' })).url);
    const denied = await createAgent().open((await web.authorize({ prompt: 'none' })).url);
    for (const page of [good, refused, denied]) {
      expect(new URL(redirectOf(page)).searchParams.get('iss')).toBe(stile.issuer);
    }
    expect(web.server.authorization_response_iss_parameter_supported).toBe(true);
  });

  it.each([
    `${CALLBACK}/`,
    `${CALLBACK}?x=1`,
    `${CALLBACK}#x`,
    `${CALLBACK}?`,
    'http://127.0.0.1:9/Callback',
    'http://127.0.0.1:9/a/../callback',
    'http://127.0.0.1:9/%63allback',
    'http://127.0.0.1:10/callback',
    'HTTP://127.0.0.1:9/callback',
    'http://localhost:9/callback',
    'https://127.0.0.1:9/callback',
    'http://127.0.0.1:9@evil.example/callback',
  ])('trap: redirect_uri %s is not the registered one: a page, no redirect', async (redirect_uri) => {
    const page = await agent.open((await web.authorize({ redirect_uri })).url);
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.body).not.toContain('code=');
  });

  it('trap: redirect_uri is never left out, though only one is registered', async () => {
    const page = await agent.open((await web.authorize({ redirect_uri: undefined })).url);
    expect([page.status, page.location]).toEqual([400, undefined]);
  });

  it('trap: a registered query is part of the redirect_uri and is kept', async () => {
    const exact = await createClient(stile, 'spa');
    const sent = async (redirect_uri: string) =>
      agent.open((await exact.authorize({ client_id: 'exact', redirect_uri, prompt: 'none' })).url);
    const { searchParams, pathname } = new URL(redirectOf(await sent(QUERY_CALLBACK)));
    expect([pathname, searchParams.get('query'), searchParams.has('code')]).toEqual(['/with', '1', true]);
    for (const changed of [
      'http://127.0.0.1:9/with',
      `${QUERY_CALLBACK}&a=b`,
      'http://127.0.0.1:9/with?query=2',
    ]) {
      expect((await sent(changed)).status).toBe(400);
    }
  });
});
