/** Rule 10: seconds, margins and one clock. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { MFA, newPerson, obtain, pass, startBeside, stopClock } from '../../support/journey.ts';
import { redirectOf, silently } from '../../support/people.ts';
import { API, startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('clocks', () => {
  let stile: TestStile;
  let other: TestStile;
  let web: TestClient;
  let there: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    other = await startBeside(stile, { issuer: stile.issuer });
    web = await createClient(stile);
    there = await createClient(stile, 'web', other.running.port);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await other?.stop();
    await stile?.stop();
  });

  it.each([
    { max_age: 1000, margin: 10 },
    { max_age: 100, margin: 10 },
    { max_age: 60, margin: 6 },
    { max_age: 10, margin: 1 },
  ])(
    'rule 10: a proof must have $margin s left of max_age $max_age, and no more',
    async ({ max_age, margin }) => {
      const person = await newPerson(stile);
      const { agent } = await obtain(stile, web, { person });
      const parameters = { max_age: String(max_age) };
      pass(max_age - margin);
      for (const client of [web, there]) expect(await outcome(agent, client, parameters)).toBe('code');
      pass(1);
      for (const client of [web, there])
        expect(await outcome(agent, client, parameters)).toBe('login_required');
    },
  );

  it('rule 10: time is whole seconds', async () => {
    vi.setSystemTime(Math.floor(Date.now() / 1000) * 1000 + 900);
    stile.core.clock.correct(0);
    const person = await newPerson(stile);
    const { agent, tokens } = await obtain(stile, web, { person });
    expect(tokens.claims.auth_time).toBe(Math.floor(Date.now() / 1000));
    pass(90.05);
    expect(await outcome(agent, web, { max_age: '100' })).toBe('code');
    pass(0.1);
    expect(await outcome(agent, web, { max_age: '100' })).toBe('login_required');
  });

  it('rule 10: what one process issues another knows, to the second', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { acr_values: MFA, scope: 'openid read', resource: API };
    const request = await web.authorize(parameters);
    const { agent } = await obtain(stile, web, { person, parameters });
    const { location } = await agent.open(request.url);
    const tokens = await there.exchange(request, String(location));
    expect(tokens.claims).toMatchObject({ acr: MFA, auth_time: stile.core.clock.now() });
    const renewed = await web.refresh(String(tokens.refresh_token));
    expect(renewed.status).toBe(200);
  });

  it('rule 10: a code ends after its time at either process', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    for (const [seconds, status] of [
      [59, 200],
      [60, 400],
    ] as const) {
      const request = await web.authorize({ prompt: 'none' });
      const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
      pass(seconds);
      const body = { grant_type: 'authorization_code', code, code_verifier: request.verifier };
      const redirect_uri = new URL(request.url).searchParams.get('redirect_uri') ?? '';
      expect((await there.token({ ...body, redirect_uri })).status).toBe(status);
    }
  });
});

/** A code, or the error. */
async function outcome(...[agent, client, parameters]: Parameters<typeof silently>): Promise<string> {
  const { page } = await silently(agent, client, parameters);
  const answer = new URL(redirectOf(page)).searchParams;
  return answer.has('code') ? 'code' : String(answer.get('error'));
}
