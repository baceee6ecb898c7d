/** Rule 8: elevation ends by age, by sign-out, and by the person's own "end elevated access". */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { endElevation, type SessionContext } from '../../../src/services/sessions.ts';
import type { Agent, Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { newPerson, nextCode, obtain } from '../../support/journey.ts';
import {
  count,
  type Enrolled,
  FIRST,
  MFA,
  personWithTotp,
  postForm,
  rows,
  stepUpWithTotp,
} from '../../support/journeys.ts';
import { holding, untilBlocked } from '../../support/locks.ts';
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
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'hal']) await addPerson(stile, name);
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

  async function endElevated({ agent }: Pick<Enrolled, 'agent'>): Promise<Page> {
    const account = await agent.open(`${stile.issuer}/account`);
    return agent.submit(account, '/account/elevation/end');
  }

  const elevatedRecords = (accountId: string) =>
    count(stile, 'SELECT count(*) AS "n" FROM "assurance_record" WHERE "account_id" = $1 AND "elevated"', [
      accountId,
    ]);

  async function sessionOf(accountId: string): Promise<SessionContext> {
    const sql = 'SELECT "uid" FROM "session" WHERE "account_id" = $1';
    const [session] = await rows<{ uid: string }>(stile, sql, [accountId]);
    return { accountId, sessionUid: String(session?.uid), correlationId: null };
  }

  it('rule 8: "end elevated access" ends what an authorization under way is about to be given', async () => {
    const person = await personWithTotp(stile, client, 'eve');
    await elevated(person);
    const request = await client.authorize({ prompt: 'none', acr_values: MFA, ...opaque });
    const factors = { sql: 'SELECT 1 FROM "credential" FOR UPDATE' };
    const [going, ended] = await holding(stile, factors, async () => {
      const authorization = person.agent.fork().open(request.url);
      await untilBlocked(stile, 1);
      const end = endElevated(person);
      await Promise.race([end, untilBlocked(stile, 2)]);
      return [authorization, end];
    });
    expect((await ended).url).toContain('elevation_ended');
    const exchange = client.exchange(request, redirectOf(await going));
    await expect(exchange).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await elevatedRecords(person.tokens.claims.sub)).toBe(0);
  });

  it('rule 8: an authorization under way gives nothing that rests on access ended meanwhile', async () => {
    const person = await personWithTotp(stile, client, 'fay');
    await elevated(person);
    const held = { sql: 'SELECT 1 FROM "proof" WHERE "for_client" IS NOT NULL FOR KEY SHARE' };
    const [going, ended] = await holding(stile, held, async () => {
      const end = endElevated(person);
      await untilBlocked(stile, 1);
      const authorization = silently(person.agent.fork(), client, { acr_values: MFA, ...opaque });
      await untilBlocked(stile, 2);
      return [authorization, end];
    });
    expect((await ended).url).toContain('elevation_ended');
    expect(errorOf((await going).page)).toBe('login_required');
    expect(await elevatedRecords(person.tokens.claims.sub)).toBe(0);
    // Nor has the session anything to remember of it.
    const { page, request } = await silently(person.agent, client, { max_age: '3600' });
    expect((await client.exchange(request, redirectOf(page))).claims.acr).toBe(FIRST);
  });

  /** A step-up whose proof is made: what is left is to go on where the page leads. */
  async function provedStepUp() {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, client, { person });
    const request = await client.authorize({ acr_values: MFA, ...opaque });
    const page = await agent.open(request.url);
    const fields = { code: nextCode(stile, person) };
    const proved = await postForm(agent, page, { action: '/totp', fields });
    const { location } = await agent.request(String(proved.location));
    return { person, agent, request, resume: () => agent.open(String(location)) };
  }

  it('rule 8: what was proved for a step-up and not yet resumed ends with elevated access, too', async () => {
    const { person, agent, resume } = await provedStepUp();
    const context = await sessionOf(person.id);
    await endElevation(stile.core.services, context);
    const resumed = await resume();
    expect([resumed.location, resumed.body.includes('/totp"')]).toEqual([undefined, true]);
    expect(await elevatedRecords(person.id)).toBe(0);
    expect(errorOf((await silently(agent, client, { acr_values: MFA })).page)).toBe('login_required');
  });

  it('rule 8: "end elevated access" ends what a step-up being resumed is about to be given', async () => {
    const { person, agent, request, resume } = await provedStepUp();
    const context = await sessionOf(person.id);
    const factors = {
      sql: 'SELECT 1 FROM "credential" WHERE "account_id" = $1 FOR UPDATE',
      values: [person.id],
    };
    const [going, ended] = await holding(stile, factors, async () => {
      const resumed = resume();
      await untilBlocked(stile, 1);
      const end = endElevation(stile.core.services, context);
      await Promise.race([end, untilBlocked(stile, 2)]);
      return [resumed, end] as const;
    });
    expect(await ended).toBeGreaterThan(0);
    const exchange = client.exchange(request, redirectOf(await going));
    await expect(exchange).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await elevatedRecords(person.id)).toBe(0);
    expect(errorOf((await silently(agent, client, { acr_values: MFA })).page)).toBe('login_required');
  });

  it('rule 2: once elevated access has ended, a max_age alone does not ask for it again, of any client', async () => {
    const person = await personWithTotp(stile, client, 'hal');
    const other = await createClient(stile, 'web2');
    await elevated(person);
    const rode = await silently(person.agent, other, { acr_values: MFA });
    expect((await other.exchange(rode.request, redirectOf(rode.page))).claims.acr).toBe(MFA);
    await endElevated(person);
    for (const each of [client, other]) {
      const { page, request } = await silently(person.agent, each, { max_age: '3600' });
      expect((await each.exchange(request, redirectOf(page))).claims.acr).toBe(FIRST);
    }
  });

  it('rule 8: a step-up that meets the removal of its factor waits for it, and neither fails', async () => {
    const { person, resume } = await provedStepUp();
    const values = [person.id];
    const removal = `DELETE FROM "credential" WHERE "method" = 'totp' AND "account_id" = $1`;
    const [resumed] = await holding(stile, { sql: removal, values }, async (holder) => {
      const going = resume();
      await untilBlocked(stile, 1);
      await holder.query(`DELETE FROM "proof" WHERE "method" = 'totp' AND "account_id" = $1`, values);
      return [going];
    });
    const page = await resumed;
    expect([page?.status, page?.body.includes('enrol=totp')]).toEqual([200, true]);
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

  it('rule 8: a sign-out ends what rests on a step-up, at the weakest level, too', async () => {
    const person = await newPerson(stile);
    const { agent, tokens } = await obtain(stile, client, { person });
    const again = { acr_values: FIRST, scope: 'openid offline_access', prompt: 'login consent' };
    const request = await client.authorize(again);
    let page = await agent.open(request.url);
    page = await agent.submit(page, '/password', { password: PASSWORD });
    page = await agent.submit(page, '/consent', { decision: 'allow' });
    const stepped = await client.exchange(request, redirectOf(page));
    expect([stepped.claims.acr, await elevatedRecords(person.id)]).toEqual([FIRST, 1]);
    const url = new URL(String(client.server.end_session_endpoint));
    url.searchParams.set('id_token_hint', String(tokens.id_token));
    await agent.submit(await agent.open(url.href), '/session/end/confirm', { logout: 'yes' });
    expect(await refreshes(stepped.refresh_token)).toBe(400);
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
