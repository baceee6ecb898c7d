/** Rule 3: how an authorization request ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { createAgent, formOf } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answer,
  FIRST,
  MFA,
  newPerson,
  nextCode,
  obtain,
  PHR,
  quietly,
  refusal,
  startBeside,
  stopClock,
} from '../../support/journey.ts';
import { enrolTotp, errorOf, passwordSignIn, redirectOf, silently } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const UNKNOWN = 'urn:example:unheard-of';

describe.skipIf(noPostgres)('outcomes', () => {
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

  it('rule 3: a listed value already met wins over a stronger one that could be reached', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const parameters = { acr_values: `${MFA} ${FIRST}` };
    const { tokens, asked } = await obtain(stile, web, { person, agent, parameters });
    expect([tokens.claims.acr, asked]).toEqual([FIRST, []]);
  });

  it('rule 3: otherwise the first value in request order that enrolled factors reach is asked for', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const { agent } = await obtain(stile, web, { person });
    const request = await web.authorize({ acr_values: `${PHR} ${MFA}` });
    const page = await agent.open(request.url);
    expect(page.body).not.toContain('/totp"');
    expect(page.body).not.toContain('with=totp');
    const { page: end } = await answer(stile, agent, page, { person });
    expect((await web.exchange(request, redirectOf(end))).claims.acr).toBe(PHR);
  });

  it('rule 3: a value that only an enrolment would reach gives way to one that an enrolled factor reaches', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const parameters = { acr_values: `${PHR} ${MFA}` };
    const { tokens, asked } = await obtain(stile, web, { person, agent, parameters });
    expect([tokens.claims.acr, asked]).toEqual([MFA, ['totp']]);
  });

  it('rule 3: an enrolled factor would do: prompt=none is login_required', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBe('login_required');
  });

  it('rule 3: a permitted enrolment would do: prompt=none is interaction_required, and a page enrols', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBe('interaction_required');
    const request = await web.authorize({ acr_values: MFA });
    const { page } = await enrolTotp(stile, agent, await agent.open(request.url), person.username);
    expect((await web.exchange(request, redirectOf(page))).claims.acr).toBe(MFA);
  });

  it('rule 3: a session whose account can no longer be used is access_denied, with a page or without', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    await stile.core.db.query(`UPDATE "account" SET "status" = 'disabled' WHERE "id" = $1`, [person.id]);
    for (const parameters of [{ prompt: 'none' }, {}]) {
      const { url } = await web.authorize(parameters);
      expect(errorOf(await agent.open(url))).toBe('access_denied');
    }
  });

  it('rule 3: nobody is signed in: prompt=none is login_required', async () => {
    expect(errorOf((await silently(createAgent(), web)).page)).toBe('login_required');
  });

  it('rule 3: neither would do: unmet_authentication_requirements, with a page or without', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    const asked = await web.authorize({ acr_values: 'phrh' });
    expect(errorOf(await agent.open(asked.url))).toBe('unmet_authentication_requirements');
    const { page } = await silently(agent, web, { acr_values: 'phrh' });
    expect(errorOf(page)).toBe('unmet_authentication_requirements');
    expect((await quietly(agent, web)).claims.acr).toBe(FIRST);
  });

  it('rule 3: values nobody knows are unmet at once, whether somebody is signed in or not', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    for (const browser of [agent, createAgent()]) {
      for (const acr_values of [UNKNOWN, `${UNKNOWN} urn:example:other`]) {
        const { url } = await web.authorize({ acr_values });
        expect((await refusal(browser, url))?.get('error')).toBe('unmet_authentication_requirements');
      }
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value: UNKNOWN } } });
      const { url } = await web.authorize({ claims });
      expect((await refusal(browser, url))?.get('error')).toBe('unmet_authentication_requirements');
    }
  });

  it('rule 3: an unknown value beside a known one is an alternative that cannot be met', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { acr_values: `${UNKNOWN} ${MFA}` };
    const { tokens } = await obtain(stile, web, { person, parameters });
    expect(tokens.claims.acr).toBe(MFA);
  });

  it('rule 3: cancelled is access_denied, and what was proved is thrown away', async () => {
    const person = await newPerson(stile, { totp: true });
    const agent = createAgent();
    const request = await web.authorize({ acr_values: MFA });
    const signIn = await agent.open(request.url);
    const code = await passwordSignIn(agent, signIn, person.username);
    expect(code.body).toContain('/totp"');
    expect(errorOf(await agent.submit(code, '/cancel'))).toBe('access_denied');
    const sql = 'SELECT 1 FROM "proof" WHERE "account_id" = $1';
    expect((await stile.core.db.query(sql, [person.id])).rows).toEqual([]);
    const again = await web.authorize({ acr_values: MFA });
    const page = await agent.open(again.url);
    const { asked } = await answer(stile, agent, page, { person });
    expect(asked).toEqual(['password', 'totp']);
    const stepUp = await agent.open((await web.authorize({ acr_values: MFA, max_age: '0' })).url);
    expect(errorOf(await agent.submit(stepUp, '/cancel'))).toBe('access_denied');
  });

  it('rule 3: whether a factor is enrolled is not shown before a first proof', async () => {
    const pages = await Promise.all(
      [await newPerson(stile), await newPerson(stile, { totp: true, passkey: {} }), undefined].map(
        async (person) => {
          const agent = createAgent();
          const first = await agent.open((await web.authorize({ acr_values: PHR })).url);
          return agent.submit(first, '/identifier', { identifier: person?.username ?? 'person-0' });
        },
      ),
    );
    const shapes = pages.map(({ status, body }) => [
      status,
      [...body.matchAll(/action="[^"]*\/([\w/]+)"/g)].map(([, action]) => action),
      /allowCredentials&#34;:\[\]|allowCredentials":\[\]/.test(body) || !body.includes('allowCredentials'),
    ]);
    expect(shapes[1]).toEqual(shapes[0]);
    expect(shapes[2]).toEqual(shapes[0]);
  });

  it('rule 3: a request that resumes three times unsatisfied ends, and never loops', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    let page = await agent.open((await web.authorize({ acr_values: MFA })).url);
    const seen: string[] = [];
    for (let round = 0; round < 5 && page.location === undefined; round += 1) {
      seen.push(page.url);
      page = await agent.open(page.url.replace('/interaction/', '/auth/'));
    }
    expect(seen).toHaveLength(3);
    expect(errorOf(page)).toBe('unmet_authentication_requirements');
  });

  it('rule 3: resuming evaluates again, under the configuration of now', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const page = await agent.open((await web.authorize({ acr_values: MFA })).url);
    const { action, fields } = formOf(page, '/totp');
    const body = new URLSearchParams({ ...fields, code: nextCode(stile, person) });
    const headers = { Origin: stile.issuer };
    const proved = await agent.request(new URL(action, page.url).href, { method: 'POST', body, headers });
    const finished = await agent.request(redirectOf(proved));
    const config = { levels: stricterLevels() as never };
    const stricter = await startBeside(stile, { issuer: stile.issuer, config });
    try {
      const resume = new URL(redirectOf(finished));
      expect(resume.pathname).toMatch(/^\/auth\//);
      resume.port = String(stricter.running.port);
      const resumed = await agent.request(resume.href);
      expect(new URL(redirectOf(resumed)).pathname).toMatch(/^\/interaction\//);
    } finally {
      await stricter.stop();
    }
    expect((await quietly(agent, web, { acr_values: MFA })).claims.acr).toBe(MFA);
  });
});

/** Above a password only a passkey that verifies its user counts. */
function stricterLevels() {
  return defaultLevels.map((level) =>
    level.acr === FIRST ? level : { ...level, alternatives: level.alternatives.slice(0, 1) },
  );
}
