/** Rule 1: which acr a token carries. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  addKey,
  answer,
  assertionFor,
  FIRST,
  MFA,
  newPerson,
  obtain,
  PHR,
  pass,
  quietly,
  stopClock,
} from '../../support/journey.ts';
import { postForm } from '../../support/journeys.ts';
import { errorOf, redirectOf, silently } from '../../support/people.ts';
import { API, OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

const ALIAS = 'https://refeds.org/profile/mfa';
const essential = (...values: string[]) => JSON.stringify({ id_token: { acr: { essential: true, values } } });

describe.skipIf(noPostgres)('the acr of a token', () => {
  let stile: TestStile;
  let web: TestClient;
  let web2: TestClient;
  beforeAll(async () => {
    stile = await startStile({ config: { levels: levelsOfTheseTests() as never } });
    [web, web2] = await Promise.all([createClient(stile), createClient(stile, 'web2')]);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  it('rule 1: is the first met value of acr_values, though a stronger level is held', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    expect(tokens.claims.acr).toBe(MFA);
    expect((await quietly(agent, web, { acr_values: `${FIRST} ${MFA}` })).claims.acr).toBe(FIRST);
    expect((await quietly(agent, web, { acr_values: `${PHR} ${MFA} ${FIRST}` })).claims.acr).toBe(MFA);
  });

  it('rule 1: is the first met value of an essential claim before acr_values, and both are necessary', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const both = { claims: essential(PHR, FIRST), acr_values: MFA };
    expect((await quietly(agent, web, both)).claims.acr).toBe(FIRST);
    const weaker = await obtain(stile, web, { person: await newPerson(stile, { totp: true }) });
    const { page } = await silently(weaker.agent, web, both);
    expect(errorOf(page)).toBe('login_required');
    const other = await silently(weaker.agent, web, { claims: essential(MFA), acr_values: FIRST });
    expect(errorOf(other.page)).toBe('login_required');
  });

  it('rule 1: a voluntary claim never fails', async () => {
    const person = await newPerson(stile);
    const claims = JSON.stringify({ id_token: { acr: { values: [PHR] } } });
    const { tokens, asked } = await obtain(stile, web, { person, parameters: { claims } });
    expect([tokens.claims.acr, asked]).toEqual([FIRST, ['password']]);
  });

  it('rule 1: is the strongest level held when nothing is asked', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens } = await obtain(stile, web, { person });
    expect(tokens.claims.acr).toBe(FIRST);
    await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    expect((await quietly(agent, web)).claims.acr).toBe(MFA);
    expect((await quietly(agent, web2)).claims.acr).toBe(MFA);
  });

  it('rule 1: is never a level whose proofs are too old', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(3599);
    expect((await quietly(agent, web)).claims.acr).toBe(MFA);
    pass(1);
    expect((await quietly(agent, web)).claims.acr).toBe(FIRST);
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBe('login_required');
  });

  it('rule 1: a passkey given in a step-up serves a perClient level for the client that asked, and no other', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const { agent } = await obtain(stile, web, { person });
    const up = await obtain(stile, web, { person, agent, parameters: { acr_values: PHR } });
    expect([up.tokens.claims.acr, up.asked]).toEqual([PHR, ['passkey']]);
    expect((await quietly(agent, web)).claims.acr).toBe(PHR);
    expect(errorOf((await silently(agent, web2, { acr_values: PHR })).page)).toBe('login_required');
    expect((await quietly(agent, web2)).claims.acr).toBe(MFA);
    const own = await obtain(stile, web2, { person, agent, parameters: { acr_values: PHR } });
    expect([own.tokens.claims.acr, own.asked]).toEqual([PHR, ['passkey']]);
  });

  it('rule 1: what is proved before the session of another tab, and resumed in it, is a step-up there', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const agent = createAgent();
    const request = await web.authorize({ acr_values: PHR });
    const first = await agent.open(request.url);
    const fields = { response: assertionFor(stile, first, person) };
    const proved = await postForm(agent, first, { action: '/passkey', fields });
    const finished = await agent.request(String(proved.location));
    await obtain(stile, web2, { person, agent });
    const end = await agent.open(String(finished.location));
    expect((await web.exchange(request, redirectOf(end))).claims.acr).toBe(PHR);
    expect(errorOf((await silently(agent, web2, { acr_values: PHR })).page)).toBe('login_required');
  });

  it('rule 1: the acr last stamped on the session decides nothing', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    for (const acr of [
      { essential: true, value: FIRST },
      { essential: true, values: [FIRST] },
    ]) {
      await quietly(agent, web, { acr_values: MFA });
      const { claims } = await quietly(agent, web, { claims: JSON.stringify({ id_token: { acr } }) });
      expect(claims.acr).toBe(FIRST);
    }
  });

  it('rule 1: a passkey given at sign-in serves the whole session', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const { agent, tokens, asked } = await obtain(stile, web, { person, passkeyFirst: true });
    expect([tokens.claims.acr, asked]).toEqual([PHR, ['passkey']]);
    expect((await quietly(agent, web2, { acr_values: PHR })).claims.acr).toBe(PHR);
  });

  it('rule 1: a passkey given in a session that others rest on serves one client, wherever the sign-in began', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const agent = createAgent();
    const request = await web.authorize({ acr_values: PHR });
    const page = await agent.open(request.url);
    const response = assertionFor(stile, page, person);
    const proved = await postForm(agent, page, { action: '/passkey', fields: { response } });
    const finished = await agent.request(String(proved.location));
    // Before the first tab is back, another one signs in with a password.
    await obtain(stile, web2, { person, agent });
    const end = await agent.open(String(finished.location));
    expect((await web.exchange(request, redirectOf(end))).claims.acr).toBe(PHR);
    expect(errorOf((await silently(agent, web2, { acr_values: PHR })).page)).toBe('login_required');
  });

  it('rule 1: what a sign-in goes on to prove serves the whole session, though others have stepped up meanwhile', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const passkey = await addKey(stile, person.id, {});
    const third = await createClient(stile, 'third');
    const agent = createAgent();
    const request = await third.authorize({ acr_values: PHR, scope: 'openid profile' });
    const { page, asked } = await answer(stile, agent, await agent.open(request.url), { person });
    expect([asked, page.body.includes('/consent"')]).toEqual([['password', 'passkey'], true]);
    await obtain(stile, web, { person, agent, parameters: { prompt: 'login', acr_values: FIRST } });
    // Its key is lost before consent is given, so that the same sign-in asks for another one.
    await stile.core.services.credentials.remove(person.id, person.passkey?.id ?? '');
    const next = await agent.submit(page, '/consent', { decision: 'allow' });
    const more = await answer(stile, agent, next, { person: { ...person, passkey } });
    expect(more.asked).toEqual(['passkey']);
    const end = more.page.location
      ? more.page
      : await agent.submit(more.page, '/consent', { decision: 'allow' });
    expect((await third.exchange(request, redirectOf(end))).claims.acr).toBe(PHR);
    expect((await quietly(agent, web2, { acr_values: PHR })).claims.acr).toBe(PHR);
  });

  it('rule 1: ID token, JWT access token and introspection say the same', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { acr_values: MFA, scope: 'openid read', resource: API };
    const { agent, tokens } = await obtain(stile, web, { person, parameters });
    const said = ({ acr, amr, auth_time }: Record<string, unknown>) => ({ acr, amr, auth_time });
    const truth = { acr: MFA, amr: ['mfa', 'otp', 'pwd'], auth_time: stile.core.clock.now() };
    expect(said(tokens.claims)).toEqual(truth);
    expect(said(claimsOf(tokens.access_token))).toEqual(truth);
    pass(60);
    const opaque = await quietly(agent, web, { scope: 'openid look', resource: OPAQUE_API });
    expect(opaque.access_token).not.toContain('.');
    expect(said(opaque.claims)).toEqual(truth);
    expect(said(await web.introspect(opaque.access_token))).toEqual(truth);
    expect(said(await web.introspect(opaque.access_token, 'api'))).toEqual(truth);
    const plain = await quietly(agent, web);
    expect(said(await web.introspect(plain.access_token))).toEqual(truth);
  });

  it('rule 1: an alias is echoed as it was requested, also after a refresh', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { acr_values: ALIAS, scope: 'openid read', resource: API };
    const { agent, tokens } = await obtain(stile, web, { person, parameters });
    expect([tokens.claims.acr, claimsOf(tokens.access_token)['acr']]).toEqual([ALIAS, ALIAS]);
    const renewed = await web.refresh(String(tokens.refresh_token));
    const { id_token } = (await renewed.json()) as { id_token: string };
    expect(claimsOf(id_token)['acr']).toBe(ALIAS);
    expect((await quietly(agent, web, { acr_values: MFA })).claims.acr).toBe(MFA);
  });
});

function levelsOfTheseTests() {
  return defaultLevels.map((level) => ({
    ...level,
    ...(level.acr === FIRST ? {} : { maxAge: 3600, tokensFor: 7200 }),
    ...(level.acr === MFA ? { aliases: [ALIAS] } : {}),
  }));
}
