/** Step-up in plain OAuth (RFC 9470): a client that never asks for `openid`. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Agent, createAgent } from '../../support/agent.ts';
import { type AuthorizationRequest, claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answer,
  FIRST,
  MFA,
  newPerson,
  type Person,
  PHR,
  pass,
  refusal,
  stopClock,
} from '../../support/journey.ts';
import { errorOf, redirectOf } from '../../support/people.ts';
import { API, CALLBACK, OPAQUE_API, startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

const plain = { scope: 'read', resource: API, nonce: undefined };

describe.skipIf(noPostgres)('a request without openid', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    web = await createClient(stile);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  interface Answer {
    readonly access_token: string;
    readonly id_token?: string;
    readonly refresh_token: string;
  }

  async function exchange({ verifier }: AuthorizationRequest, redirect: string): Promise<Answer> {
    const response = await web.token({
      grant_type: 'authorization_code',
      code: new URL(redirect).searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: CALLBACK,
    });
    return (await response.json()) as Answer;
  }

  async function obtain(agent: Agent, person: Person, parameters: Record<string, string | undefined> = {}) {
    const request = await web.authorize({ ...plain, ...parameters });
    const { page, asked } = await answer(stile, agent, await agent.open(request.url), { person });
    return { asked, tokens: await exchange(request, redirectOf(page)) };
  }

  const silently = async (agent: Agent, parameters: Record<string, string>) =>
    agent.open((await web.authorize({ ...plain, prompt: 'none', ...parameters })).url);

  it('RFC 9470: acr_values are necessary, and the access token says what was proved', async () => {
    const person = await newPerson(stile, { totp: true });
    const agent = createAgent();
    const base = await obtain(agent, person);
    expect([claimsOf(base.tokens.access_token)['acr'], base.asked]).toEqual([FIRST, ['password']]);
    expect(errorOf(await silently(agent, { acr_values: MFA }))).toBe('login_required');
    const { asked, tokens } = await obtain(agent, person, { acr_values: `${PHR} ${MFA}` });
    expect(asked).toEqual(['totp']);
    expect(claimsOf(tokens.access_token)).toMatchObject({ acr: MFA, auth_time: stile.core.clock.now() });
    expect(tokens.id_token).toBeUndefined();
    const renewed = (await (await web.refresh(tokens.refresh_token)).json()) as Answer;
    expect(claimsOf(renewed.access_token)['acr']).toBe(MFA);
    const none = await createAgent().open((await web.authorize({ ...plain, acr_values: 'nobody' })).url);
    expect(errorOf(none)).toBe('unmet_authentication_requirements');
  });

  it('RFC 9470: max_age asks anew, 0 always, and introspection says when', async () => {
    const person = await newPerson(stile);
    const agent = createAgent();
    const opaque = { scope: 'look', resource: OPAQUE_API };
    await obtain(agent, person, opaque);
    pass(100);
    expect((await silently(agent, { max_age: '300' })).location).toContain('code=');
    expect(errorOf(await silently(agent, { max_age: '60' }))).toBe('login_required');
    for (const max_age of ['60', '0']) {
      pass(100);
      const { asked, tokens } = await obtain(agent, person, { ...opaque, max_age });
      expect(asked).toEqual(['password']);
      expect(await web.introspect(tokens.access_token)).toMatchObject({
        acr: FIRST,
        auth_time: stile.core.clock.now(),
      });
    }
  });

  it('RFC 9470: a pushed request is no other', async () => {
    const person = await newPerson(stile, { totp: true });
    const request = await web.authorize({ ...plain, acr_values: MFA, max_age: '300' });
    const pushed = await fetch(String(web.server.pushed_authorization_request_endpoint), {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
      body: new URL(request.url).searchParams,
    });
    const { request_uri = '' } = (await pushed.json()) as { request_uri?: string };
    const url = new URL(String(web.server.authorization_endpoint));
    // What is not in the pushed request does not count.
    url.search = new URLSearchParams({ client_id: 'web', request_uri, acr_values: FIRST }).toString();
    const agent = createAgent();
    const { page, asked } = await answer(stile, agent, await agent.open(url.href), { person });
    expect(asked).toEqual(['password', 'totp']);
    expect(claimsOf((await exchange(request, redirectOf(page))).access_token)['acr']).toBe(MFA);
  });

  it('RFC 9470: what is malformed or sent twice is refused as it is with openid', async () => {
    for (const max_age of ['1e3', '-1', ' ', '']) {
      const { url } = await web.authorize({ ...plain, max_age });
      expect((await refusal(createAgent(), url))?.get('error'), max_age).toBe('invalid_request');
    }
    const { url } = await web.authorize({ ...plain, acr_values: MFA });
    for (const again of [`acr_values=${FIRST}`, `stile_acr_values=${FIRST}`]) {
      expect((await refusal(createAgent(), `${url}&${again}`))?.get('error'), again).toBe('invalid_request');
    }
  });

  it('RFC 9470: with openid, a name of our own changes nothing', async () => {
    const agent = createAgent();
    await obtain(agent, await newPerson(stile));
    const both = { scope: 'openid', resource: undefined, acr_values: MFA, stile_acr_values: FIRST } as never;
    expect(errorOf(await silently(agent, both))).toBe('interaction_required');
  });
});
