/** Rule 8: elevation ends by age, by sign-out, and by the person's own "end elevated access". */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import type { Agent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, type Enrolled, MFA, personWithTotp, rows, stepUpWithTotp } from '../../support/journeys.ts';
import { addPerson, errorOf, PASSWORD, redirectOf, silently } from '../../support/people.ts';
import { OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

const opaque = { scope: 'openid look', resource: OPAQUE_API };
/** Refresh tokens that an ordinary sign-out leaves alone. */
const outliving = `SELECT count(*) AS "n" FROM "artifact" WHERE "model" = 'RefreshToken' AND "account_id" = $1
  AND "payload"->>'expiresWithSession' IS NULL`;

describe.skipIf(noPostgres)('elevated access', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    const levels = defaultLevels
      .slice(0, 2)
      .map((level) => (level.acr === MFA ? { ...level, tokensFor: 600, maxAge: 3600 } : level));
    stile = await startStile({ config: { levels: levels as never } });
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan']) await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => stile?.stop());

  const refreshes = async (token: string | undefined) => (await client.refresh(String(token))).status;
  const active = async (token: string) => (await client.introspect(token))['active'];

  /** Base tokens, and others after a step-up in the same session. */
  async function elevated(person: Enrolled) {
    const parameters = { agent: person.agent, secret: person.secret, ...opaque };
    return stepUpWithTotp(stile, client, parameters);
  }

  it('rule 8: "end elevated access" kills what the step-up brought and nothing else', async () => {
    const person = await personWithTotp(stile, client, 'ada');
    const { agent, tokens: base } = person;
    const stepped = await elevated(person);
    expect(await active(stepped.access_token)).toBe(true);
    const account = await agent.open(`${stile.issuer}/account`);
    const after = await agent.submit(account, '/account/elevation/end');
    expect(after.url).toContain('elevation_ended');
    expect(after.body).not.toContain('/account/elevation/end');

    expect(await refreshes(stepped.refresh_token)).toBe(400);
    expect(await active(stepped.access_token)).toBe(false);
    expect(errorOf((await silently(agent, client, { acr_values: MFA })).page)).toBe('login_required');
    expect(await refreshes(base.refresh_token)).toBe(200);
    redirectOf((await silently(agent, client)).page);
    const { sub } = base.claims;
    const left = 'SELECT count(*) AS "n" FROM "assurance_record" WHERE "account_id" = $1 AND "elevated"';
    expect(await count(stile, left, [sub])).toBe(0);
    const audited = await rows(
      stile,
      `SELECT "outcome" FROM "audit_event" WHERE "type" = 'elevation_ended' AND "account_id" = $1`,
      [sub],
    );
    expect(audited).toEqual([{ outcome: 'success' }]);
  });

  it('rule 8: elevation ends by age: its refresh token dies, the base token lives', async () => {
    const person = await personWithTotp(stile, client, 'bob');
    const stepped = await elevated(person);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 601_000);
    expect(await refreshes(stepped.refresh_token)).toBe(400);
    const base = await client.refresh(String(person.tokens.refresh_token));
    expect(base.status).toBe(200);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(errorOf((await silently(person.agent, client, { acr_values: MFA })).page)).toBe('login_required');
  });

  it("rule 8: elevation ends by sign-out at the client's request, offline tokens included", async () => {
    const person = await personWithTotp(stile, client, 'cyd');
    const { agent, tokens: base } = person;
    const stepped = await offline(agent, { acr_values: MFA, secret: person.secret });
    expect(await count(stile, outliving, [base.claims.sub])).toBe(1);
    expect(stepped.refresh_token).toBeDefined();
    const url = new URL(String(client.server.end_session_endpoint));
    url.searchParams.set('id_token_hint', String(base.id_token));
    url.searchParams.set('post_logout_redirect_uri', 'http://127.0.0.1:9/bye');
    const page = await agent.open(url.href);
    const end = await agent.submit(page, '/session/end/confirm', { logout: 'yes' });
    expect(end.location).toBe('http://127.0.0.1:9/bye');
    expect(await refreshes(base.refresh_token)).toBe(400);
    expect(await refreshes(stepped.refresh_token)).toBe(400);
    expect(await active(stepped.access_token)).toBe(false);
  });

  it('rule 8: elevation ends by sign-out on the account page', async () => {
    const person = await personWithTotp(stile, client, 'dan');
    const { agent, tokens: base } = person;
    const stepped = await elevated(person);
    const signedOut = await agent.submit(await agent.open(`${stile.issuer}/account`), '/account/sign-out');
    expect(signedOut.status).toBe(200);
    expect(await refreshes(stepped.refresh_token)).toBe(400);
    expect(await refreshes(base.refresh_token)).toBe(400);
    expect(await active(stepped.access_token)).toBe(false);
    expect(errorOf((await silently(agent, client)).page)).toBe('login_required');
  });

  /** A step-up with offline access, consent included. */
  async function offline(agent: Agent, { secret, ...parameters }: { secret: string; acr_values: string }) {
    await stepUpWithTotp(stile, client, { agent, secret });
    const request = await client.authorize({
      ...parameters,
      ...opaque,
      scope: 'openid look offline_access',
      prompt: 'consent',
    });
    let page = await agent.open(request.url);
    if (page.body.includes('/password"'))
      page = await agent.submit(page, '/password', { password: PASSWORD });
    if (page.location === undefined) page = await agent.submit(page, '/consent', { decision: 'allow' });
    return client.exchange(request, redirectOf(page));
  }
});
