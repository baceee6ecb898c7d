/** Rule 2: what auth_time says, and what max_age asks. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answer,
  assertionFor,
  FIRST,
  MFA,
  newPerson,
  nextCode,
  obtain,
  PHR,
  pass,
  quietly,
  refusal,
  stopClock,
} from '../../support/journey.ts';
import { errorOf, PASSWORD, passwordSignIn, redirectOf, silently } from '../../support/people.ts';
import { startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

describe.skipIf(noPostgres)('auth_time and max_age', () => {
  let stile: TestStile;
  let web: TestClient;
  let web2: TestClient;
  const now = () => stile.core.clock.now();
  beforeAll(async () => {
    stile = await startStile({ config: { levels: levelsOfTheseTests() as never } });
    [web, web2] = await Promise.all([createClient(stile), createClient(stile, 'web2')]);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  it('rule 2: a password typed a minute ago never makes an old authenticator code look fresh', async () => {
    const person = await newPerson(stile, { totp: true });
    const first = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const start = now();
    expect(first.tokens.claims.auth_time).toBe(start);
    pass(7200);
    const again = { person, agent: first.agent, parameters: { acr_values: FIRST, prompt: 'login' } };
    expect((await obtain(stile, web, again)).tokens.claims.auth_time).toBe(now());
    pass(60);
    const quiet = await quietly(first.agent, web, { acr_values: MFA });
    expect(quiet.claims).toMatchObject({ acr: MFA, auth_time: start });
    const { page } = await silently(first.agent, web, { acr_values: MFA, max_age: '300' });
    expect(errorOf(page)).toBe('login_required');
  });

  it('rule 2: the time last stamped on the session decides nothing', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(1000);
    await obtain(stile, web2, { person, agent, parameters: { prompt: 'login', acr_values: FIRST } });
    // A client that is new in the session: what its code says is stored with it.
    const spa = await createClient(stile, 'spa');
    expect((await quietly(agent, spa, { acr_values: MFA })).claims.auth_time).toBe(now() - 1000);
    const { claims } = await quietly(agent, web, { acr_values: FIRST, max_age: '300' });
    expect(claims.auth_time).toBe(now());
  });

  it('rule 2: a password typed a minute ago never makes a two-hour-old passkey look fresh', async () => {
    const person = await newPerson(stile, { passkey: { userVerified: false } });
    const first = await obtain(stile, web, { person, parameters: { acr_values: PHR } });
    expect([...first.asked].sort()).toEqual(['passkey', 'password']);
    const start = now();
    pass(7140);
    const again = await web.authorize({ acr_values: FIRST, prompt: 'login' });
    const { url } = await first.agent.open(again.url);
    const typed = await first.agent.submit(await first.agent.open(`${url}?with=password`), '/password', {
      password: PASSWORD,
    });
    expect((await web.exchange(again, redirectOf(typed))).claims.auth_time).toBe(start + 7140);
    pass(60);
    const { tokens, asked } = await obtain(stile, web, {
      person,
      agent: first.agent,
      parameters: { acr_values: PHR, max_age: '7300' },
    });
    expect([tokens.claims.auth_time, asked]).toEqual([start, []]);
    const { page } = await silently(first.agent, web, { acr_values: PHR, max_age: '7000' });
    expect(errorOf(page)).toBe('login_required');
  });

  it('rule 2: max_age asks for the anchor again and for nothing beside it', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(600);
    const parameters = { acr_values: MFA, max_age: '300' };
    const { tokens, asked } = await obtain(stile, web, { person, agent, parameters });
    expect([tokens.claims.auth_time, asked]).toEqual([now(), ['totp']]);
  });

  it('rule 2: the level’s own maxAge limits the proofs that are no anchors', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(43_201);
    const { tokens, asked } = await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    expect(asked).toEqual(['password']);
    expect(tokens.claims).toMatchObject({ acr: MFA, auth_time: now() - 43_201 });
  });

  it('rule 2: among the sets that satisfy, the one with the latest auth_time counts', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const { agent, asked } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    expect(asked).toEqual(['password', 'passkey']);
    pass(100);
    const request = await web.authorize({ acr_values: MFA, max_age: '30' });
    const { url } = await agent.open(request.url);
    const page = await agent.open(`${url}?with=totp`);
    const end = await agent.submit(page, '/totp', { code: nextCode(stile, person) });
    const second = now();
    expect((await web.exchange(request, redirectOf(end))).claims.auth_time).toBe(second);
    pass(100);
    expect((await quietly(agent, web, { acr_values: MFA })).claims.auth_time).toBe(second);
  });

  it.each([{ prompt: 'login' }, { max_age: '0' }])(
    'rule 2: %j counts only proofs of this transaction',
    async (once) => {
      const person = await newPerson(stile, { totp: true });
      const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
      pass(30);
      const parameters = { acr_values: MFA, ...once };
      const { tokens, asked } = await obtain(stile, web, { person, agent, parameters });
      expect([...asked].sort()).toEqual(['password', 'totp']);
      expect(tokens.claims.auth_time).toBe(now());
      pass(30);
      expect((await obtain(stile, web, { person, agent, parameters })).asked).toHaveLength(2);
    },
  );

  it('rule 2: proofs of a sign-in in another tab do not answer prompt=login', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const request = await web.authorize({ prompt: 'login' });
    const page = await agent.open(request.url);
    await obtain(stile, web2, { person, agent: agent.fork(), parameters: { prompt: 'login' } });
    const after = await answer(stile, agent, await agent.open(page.url), { person });
    expect(after.asked).toEqual(['password']);
  });

  it('rule 2: max_age without an acr is evaluated at the acr last issued to this client in this session', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web2, { person });
    await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    pass(600);
    const parameters = { max_age: '300' };
    expect(errorOf((await silently(agent, web, parameters)).page)).toBe('login_required');
    const other = await obtain(stile, web2, { person, agent, parameters });
    expect([other.tokens.claims.acr, other.asked]).toEqual([FIRST, ['password']]);
    const own = await obtain(stile, web, { person, agent, parameters });
    expect([own.tokens.claims.acr, own.asked]).toEqual([MFA, ['totp']]);
    expect(own.tokens.claims.auth_time).toBe(now());
  });

  it.each([{ max_age: '30' }, { max_age: '0' }, { prompt: 'login' }])(
    'rule 2: %j asks nobody for one method twice, however slowly they type',
    async (limit) => {
      const person = await newPerson(stile, { totp: true });
      const agent = createAgent();
      const request = await web.authorize({ acr_values: MFA, ...limit });
      const page = await passwordSignIn(agent, await agent.open(request.url), person.username);
      const typed = now();
      pass(900);
      const { page: end, asked } = await answer(stile, agent, page, { person });
      expect(asked).toEqual(['totp']);
      const { claims } = await web.exchange(request, redirectOf(end));
      expect(claims).toMatchObject({ acr: MFA, auth_time: typed + 900 });
    },
  );

  it('rule 2: a passkey touched before a slow password is fresh, and is not asked for again', async () => {
    const person = await newPerson(stile, { passkey: { userVerified: false } });
    const agent = createAgent();
    const request = await web.authorize({ acr_values: PHR, max_age: '30' });
    const signIn = await agent.open(request.url);
    const response = assertionFor(stile, signIn, person);
    const page = await agent.submit(signIn, '/passkey', { response });
    const touched = now();
    pass(900);
    const { page: end, asked } = await answer(stile, agent, page, { person });
    expect(asked).toEqual(['password']);
    const { claims } = await web.exchange(request, redirectOf(end));
    expect(claims).toMatchObject({ acr: PHR, auth_time: touched });
  });

  it('rule 2: a slow first factor is not asked for again where it is the only one', async () => {
    const person = await newPerson(stile);
    const agent = createAgent();
    const request = await web.authorize({ max_age: '10' });
    const shown = await agent.submit(await agent.open(request.url), '/identifier', {
      identifier: person.username,
    });
    pass(600);
    const { page, asked } = await answer(stile, agent, shown, { person });
    expect(asked).toEqual(['password']);
    expect((await web.exchange(request, redirectOf(page))).claims.auth_time).toBe(now());
  });

  it('trap: a slow consent does not move auth_time', async () => {
    const third = await createClient(stile, 'third');
    const person = await newPerson(stile);
    const agent = createAgent();
    const request = await third.authorize({ scope: 'openid profile', max_age: '60' });
    const consent = await passwordSignIn(agent, await agent.open(request.url), person.username);
    const proved = now();
    pass(600);
    const end = await agent.submit(consent, '/consent', { decision: 'allow' });
    const { claims, access_token } = await third.exchange(request, redirectOf(end));
    expect(claims.auth_time).toBe(proved);
    expect((await third.introspect(access_token))['auth_time']).toBe(proved);
  });

  const malformed = ['1e3', '0x10', '+5', ' ', '', '-1', '1.5', '1234567890', ' 5', '5 ', '٣'];
  it.each(malformed)('rule 2: max_age %j is invalid_request', async (value) => {
    const { url } = await web.authorize({ max_age: value });
    expect((await refusal(createAgent(), url))?.get('error')).toBe('invalid_request');
    const body = new URL(url).searchParams;
    const posted = await createAgent().open(String(web.server.authorization_endpoint), {
      method: 'POST',
      body,
    });
    expect(new URL(redirectOf(posted)).searchParams.get('error')).toBe('invalid_request');
    const pushed = await fetch(String(web.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      body,
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
    });
    expect([pushed.status, await pushed.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });

  it('rule 2: max_age sent by POST or pushed counts as one sent by GET', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    pass(600);
    const { url } = await web.authorize({ max_age: '60', prompt: 'none' });
    const body = new URL(url).searchParams;
    const posted = await agent.open(String(web.server.authorization_endpoint), { method: 'POST', body });
    expect(errorOf(posted)).toBe('login_required');
    const pushed = await fetch(String(web.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      body,
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
    });
    const { request_uri } = (await pushed.json()) as { request_uri: string };
    const authorize = new URL(String(web.server.authorization_endpoint));
    authorize.search = new URLSearchParams({ client_id: 'web', request_uri }).toString();
    expect((await refusal(agent, authorize.href))?.get('error')).toBe('login_required');
  });

  it('rule 2: auth_time is in every ID token, asked for or not', async () => {
    const person = await newPerson(stile);
    const { tokens } = await obtain(stile, web, { person });
    expect(claimsOf(String(tokens.id_token))).toMatchObject({ auth_time: now(), amr: ['pwd'] });
  });
});

function levelsOfTheseTests() {
  return defaultLevels.map((level) =>
    level.acr === FIRST ? level : { ...level, maxAge: 43_200, tokensFor: 86_400 },
  );
}
