/** Authorization requests: parameters that concern assurance, resources and scopes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  FIRST,
  MFA,
  newPerson,
  obtain,
  PHR,
  pass,
  quietly,
  refusal,
  stopClock,
} from '../../support/journey.ts';
import { errorOf, passwordSignIn, redirectOf, silently } from '../../support/people.ts';
import { API, OPAQUE_API, startStile, type TestStile, testConfig } from '../../support/stile.ts';

describe.skipIf(noPostgres)('authorization requests', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    stile = await startStile({ config: configOfTheseTests() });
    web = await createClient(stile);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  it('trap: an essential acr claim and acr_values in one request are both heard', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: [MFA] } } });
    const parameters = { claims, acr_values: `${PHR} ${MFA}` };
    const { tokens } = await obtain(stile, web, { person, parameters });
    expect(tokens.claims.acr).toBe(MFA);
    const impossible = JSON.stringify({ id_token: { acr: { essential: true, value: 'nobody-knows' } } });
    const { url } = await web.authorize({ claims: impossible, acr_values: FIRST });
    expect((await refusal(createAgent(), url))?.get('error')).toBe('unmet_authentication_requirements');
  });

  it('trap: an essential acr claim that is unmet ends, and never prompts without end', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['phrh'] } } });
    const { url } = await web.authorize({ claims });
    expect((await refusal(agent, url))?.get('error')).toBe('unmet_authentication_requirements');
  });

  it.each([
    '{',
    '[]',
    'null',
    '"x"',
    '{"id_token":{"acr":{"essential":true,"values":"x"}}}',
    '{"id_token":{"acr":{"essential":true,"values":[1]}}}',
    '{"id_token":{"acr":{"essential":true,"value":5}}}',
    '{"userinfo":{"acr":{"essential":true,"values":[1]}}}',
  ])('trap: claims %s is invalid_request', async (claims) => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const { url } = await web.authorize({ claims, prompt: 'none' });
    expect((await refusal(agent, url))?.get('error')).toBe('invalid_request');
    const { url: fresh } = await web.authorize({ claims });
    expect((await refusal(createAgent(), fresh))?.get('error')).toBe('invalid_request');
  });

  it('trap: a claim for another subject is login_required', async () => {
    const [person, other] = [await newPerson(stile), await newPerson(stile)];
    const { agent } = await obtain(stile, web, { person });
    const claims = (value: string) => JSON.stringify({ id_token: { sub: { value } } });
    expect((await quietly(agent, web, { claims: claims(person.id) })).claims.sub).toBe(person.id);
    expect(errorOf((await silently(agent, web, { claims: claims(other.id) })).page)).toBe('login_required');
  });

  const acrOf = (member: 'id_token' | 'userinfo', acr: object) => JSON.stringify({ [member]: { acr } });

  it.each(['id_token', 'userinfo'] as const)(
    'trap: an essential acr of %s with an empty list is met by nothing, signed in or not',
    async (member) => {
      const person = await newPerson(stile, { totp: true });
      const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
      const claims = acrOf(member, { essential: true, values: [] });
      for (const browser of [agent, createAgent()]) {
        const { url } = await web.authorize({ claims });
        expect((await refusal(browser, url))?.get('error')).toBe('unmet_authentication_requirements');
      }
      const voluntary = acrOf(member, { values: [] });
      expect((await quietly(agent, web, { claims: voluntary, acr_values: FIRST })).claims.acr).toBe(FIRST);
    },
  );

  it('trap: an essential acr that names no value is met by any', async () => {
    const { agent } = await obtain(stile, web, { person: await newPerson(stile) });
    for (const member of ['id_token', 'userinfo'] as const) {
      const { claims } = await quietly(agent, web, { claims: acrOf(member, { essential: true }) });
      expect(claims.acr).toBe(FIRST);
    }
  });

  it('trap: an essential acr of userinfo is necessary, and UserInfo says it', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const claims = acrOf('userinfo', { essential: true, value: MFA });
    expect(errorOf((await silently(agent, web, { claims })).page)).toBe('login_required');
    const up = await obtain(stile, web, { person, agent, parameters: { claims, acr_values: FIRST } });
    expect([up.asked, up.tokens.claims.acr]).toEqual([['totp'], MFA]);
    const headers = { Authorization: `Bearer ${up.tokens.access_token}` };
    const me = await (await fetch(String(web.server.userinfo_endpoint), { headers })).json();
    expect(me).toMatchObject({ acr: MFA, auth_time: stile.core.clock.now() });
    const both = JSON.stringify({
      id_token: { acr: { essential: true, value: FIRST } },
      userinfo: { acr: { essential: true, value: MFA } },
    });
    expect((await quietly(agent, web, { claims: both })).claims.acr).toBe(FIRST);
  });

  it('trap: claims asked for UserInfo are given there', async () => {
    const person = await newPerson(stile);
    const claims = JSON.stringify({ userinfo: { email: null } });
    const { tokens } = await obtain(stile, web, { person, parameters: { claims } });
    const headers = { Authorization: `Bearer ${tokens.access_token}` };
    const me = await (await fetch(String(web.server.userinfo_endpoint), { headers })).json();
    expect(me).toMatchObject({ sub: person.id, email: `${person.username}@example.test` });
  });

  it.each(['http://127.0.0.1:1', `${API}/`, `${API}#x`, 'not a uri'])(
    'trap: resource %j is invalid_target',
    async (resource) => {
      const person = await newPerson(stile);
      const { agent } = await obtain(stile, web, { person });
      const { url } = await web.authorize({ resource, prompt: 'none', scope: 'openid read' });
      expect((await refusal(agent, url))?.get('error')).toBe('invalid_target');
    },
  );

  it('trap: a resource meant for other clients is invalid_target', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const parameters = { resource: 'http://127.0.0.1:9995', scope: 'openid own', prompt: 'none' };
    const { url } = await web.authorize(parameters);
    expect((await refusal(agent, url))?.get('error')).toBe('invalid_target');
    const web2 = await createClient(stile, 'web2');
    const { url: own } = await web2.authorize(parameters);
    expect((await refusal(agent, own))?.get('code')).toBeTypeOf('string');
  });

  it('trap: an access token has its resource’s scopes and audience and no others', async () => {
    const person = await newPerson(stile);
    const parameters = { resource: API, scope: 'openid read look' };
    const { tokens } = await obtain(stile, web, { person, parameters });
    expect(claimsOf(tokens.access_token)).toMatchObject({ aud: API, scope: 'read' });
    const opaque = { resource: OPAQUE_API, scope: 'openid read look' };
    const second = await obtain(stile, web, { person, parameters: opaque });
    expect(await web.introspect(second.tokens.access_token)).toMatchObject({
      aud: OPAQUE_API,
      scope: 'look',
    });
  });

  it('trap: a scope’s own requirement is asked for, named by nobody in the request', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const parameters = { resource: API, scope: 'openid read strong' };
    expect(errorOf((await silently(agent, web, parameters)).page)).toBe('login_required');
    const { tokens, asked } = await obtain(stile, web, { person, agent, parameters });
    expect([claimsOf(tokens.access_token)['scope'], asked]).toEqual(['read strong', ['totp']]);
    expect(tokens.claims.acr).toBe(MFA);
  });

  it('trap: a scope that says narrow is dropped where it cannot be had, an acr never', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const tokens = await quietly(agent, web, { resource: API, scope: 'openid read optional' });
    expect(claimsOf(tokens.access_token)['scope']).toBe('read');
    const { page } = await silently(agent, web, { resource: API, scope: 'openid optional', acr_values: MFA });
    expect(errorOf(page)).toBe('interaction_required');
  });

  it('trap: a client’s default acr_values hold where the request has none, and give way where it has', async () => {
    const careful = await createClient(stile, 'careful');
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens, asked } = await obtain(stile, careful, { person });
    expect([tokens.claims.acr, asked]).toEqual([MFA, ['password', 'totp']]);
    expect((await quietly(agent, careful, { acr_values: FIRST })).claims.acr).toBe(FIRST);
    pass(3600);
    expect(errorOf((await silently(agent, careful)).page)).toBe('login_required');
    expect((await quietly(agent, careful, { max_age: '7200' })).claims.acr).toBe(MFA);
  });

  it('trap: a client’s minimum holds whatever the request says', async () => {
    const strict = await createClient(stile, 'strict');
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const { page } = await silently(agent, strict, { acr_values: FIRST });
    expect(errorOf(page)).toBe('login_required');
    const { tokens } = await obtain(stile, strict, { person, agent, parameters: { acr_values: FIRST } });
    expect(tokens.claims.acr).toBe(FIRST);
    expect((await quietly(agent, strict)).claims.acr).toBe(MFA);
  });

  it('trap: offline_access needs consent, and prompt=none never shows it', async () => {
    const third = await createClient(stile, 'third');
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    expect(errorOf((await silently(agent, third, { scope: 'openid profile' })).page)).toBe(
      'consent_required',
    );
    const request = await third.authorize({ scope: 'openid offline_access', prompt: 'consent' });
    const consent = await agent.open(request.url);
    const end = await agent.submit(consent, '/consent', { decision: 'allow' });
    expect((await third.exchange(request, redirectOf(end))).refresh_token).toBeTypeOf('string');
  });

  it('trap: nonce and state come back as they were sent', async () => {
    const person = await newPerson(stile);
    const request = await web.authorize({ state: 'a b&c=d', nonce: 'n' });
    const agent = createAgent();
    const page = await passwordSignIn(agent, await agent.open(request.url), person.username);
    expect(new URL(redirectOf(page)).searchParams.get('state')).toBe('a b&c=d');
    const again = { ...request, state: 'a b&c=d', nonce: 'n' };
    expect((await web.exchange(again, redirectOf(page))).claims['nonce']).toBe('n');
  });

  it.each(['request', 'request_uri', 'registration'])('trap: the %s parameter is refused', async (name) => {
    const { url } = await web.authorize({ [name]: 'https://client.example/request' });
    const answered = await createAgent().open(url);
    const error = answered.location && new URL(answered.location).searchParams.get('error');
    expect(error ?? answered.status).toSatisfy(
      (said: unknown) => said === 400 || /not_supported|invalid_request/.test(String(said)),
    );
  });

  it('trap: a parameter sent twice is refused', async () => {
    const { url } = await web.authorize({ max_age: '10' });
    for (const again of [
      'max_age=9999',
      `acr_values=${FIRST}&acr_values=${MFA}`,
      'prompt=none&prompt=login',
    ]) {
      const answered = await createAgent().open(`${url}&${again}`);
      const error = answered.location && new URL(answered.location).searchParams.get('error');
      expect(error ?? answered.status).toSatisfy(
        (said: unknown) => said === 400 || said === 'invalid_request',
      );
    }
  });
});

function configOfTheseTests(): Partial<ConfigInput> {
  const { clients = [], resources = [] } = testConfig();
  const web = clients.find(({ clientId }) => clientId === 'web');
  if (!web) throw new Error('there is no client called web');
  return {
    clients: [
      ...clients,
      { ...web, clientId: 'careful', defaultAcrValues: [MFA], defaultMaxAge: 1800 },
      { ...web, clientId: 'strict', minimum: { acr: [MFA] } },
    ],
    resources: [
      ...resources.map((resource) =>
        resource.identifier === API
          ? {
              ...resource,
              scopes: { ...resource.scopes, strong: { acr: [MFA] }, optional: { acr: [MFA], narrow: true } },
            }
          : resource,
      ),
      { identifier: 'http://127.0.0.1:9995', scopes: { own: {} }, clients: ['web2'] },
    ],
  };
}
