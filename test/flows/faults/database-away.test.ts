/** The database goes away and comes back: 503 with Retry-After meanwhile, and nothing is lost. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, postForm, sessionCookie } from '../../support/journeys.ts';
import { addPerson, PASSWORD, redirectOf, signIn, silently } from '../../support/people.ts';
import { administer, findPostgres, type PostgresServer, startPostgres } from '../../support/postgres.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('the database goes away and comes back', () => {
  let server: PostgresServer;
  let stile: TestStile;
  let client: TestClient;
  let agent: Agent;
  let tokens: Tokens;
  /** A sign-in that waits for its password. */
  let waiting: { agent: Agent; page: Page; request: Awaited<ReturnType<TestClient['authorize']>> };
  let running = false;

  beforeAll(async () => {
    server = await startPostgres(findPostgres() ?? '');
    await administer(server.url('postgres'), 'CREATE DATABASE "stile"');
    // The tests' server writes behind; what was committed here must outlive its end.
    const url = `${server.url('stile')}&options=${encodeURIComponent('-c synchronous_commit=on')}`;
    stile = await startStile({ database: { url, drop: async () => {} } });
    client = await createClient(stile);
    await addPerson(stile, 'ada');
    running = true;
  });
  beforeEach(async () => {
    ({ agent, tokens } = await signIn(client, 'ada'));
    const other = createAgent();
    const request = await client.authorize();
    const first = await other.open(request.url);
    waiting = {
      agent: other,
      request,
      page: await other.submit(first, '/identifier', { identifier: 'ada' }),
    };
  });
  afterEach(comeBack);
  afterAll(async () => {
    await stile?.stop();
    await server?.stop();
  });

  async function goAway(): Promise<void> {
    await server.kill();
    running = false;
  }

  async function comeBack(): Promise<void> {
    if (!running) await server.restart();
    running = true;
  }

  const post = { action: '/password', fields: { password: PASSWORD } };

  function expectAway(page: Page): void {
    expect(page.status).toBe(503);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(page.headers.get('cache-control')).toContain('no-store');
    expect(page.headers.getSetCookie().join()).not.toContain('stile_session');
    expect(page.body).not.toMatch(/ECONN|ENOENT|terminat|SELECT|node_modules/);
  }

  it('fault: while it is away, pages are 503 with Retry-After and a number to tell', async () => {
    await goAway();
    const pages = [
      await agent.request((await client.authorize()).url),
      await agent.request((await client.authorize({ prompt: 'none' })).url),
      await waiting.agent.request(waiting.page.url),
      await postForm(waiting.agent, waiting.page, post),
      await agent.request(`${stile.issuer}/account`),
      await agent.request(String(client.server.end_session_endpoint)),
    ];
    for (const page of pages) {
      expectAway(page);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.body).toContain(String(page.headers.get('x-correlation-id')));
    }
  });

  it('fault: while it is away, programs get 503 and temporarily_unavailable as OAuth JSON', async () => {
    await goAway();
    const answers = [
      await client.refresh(String(tokens.refresh_token)),
      await client.token({ grant_type: 'client_credentials' }),
      await client.revoke(tokens.access_token),
      await fetch(String(client.server.userinfo_endpoint), {
        headers: { Authorization: `Bearer ${tokens.access_token}` },
      }),
    ];
    const [refresh, , ...others] = answers;
    for (const answer of [refresh, ...others]) {
      expect(answer?.status).toBe(503);
      expect(Number(answer?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answer?.json()).toMatchObject({ error: 'temporarily_unavailable' });
    }
    expect(await client.introspect(tokens.access_token)).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it('fault: while it is away, discovery, keys and liveness answer, and readiness says no', async () => {
    await goAway();
    const status = async (path: string) => (await fetch(`${stile.issuer}${path}`)).status;
    expect(await status('/.well-known/openid-configuration')).toBe(200);
    expect(await status(new URL(String(client.server.jwks_uri)).pathname)).toBe(200);
    expect(await status('/health/live')).toBe(200);
    const ready = await fetch(`${stile.issuer}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: 'unavailable', reason: 'the database does not answer' });
    await comeBack();
    expect(await status('/health/ready')).toBe(200);
  });

  it('fault: when it is back, what was begun goes on: the form, the refresh token, the session', async () => {
    await goAway();
    expectAway(await postForm(waiting.agent, waiting.page, post));
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(503);
    await comeBack();
    const end = await waiting.agent.submit(waiting.page, '/password', { password: PASSWORD });
    expect((await client.exchange(waiting.request, redirectOf(end))).claims.sub).toBe(tokens.claims.sub);
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
    expect(redirectOf((await silently(agent, client)).page)).toContain('code=');
  });

  it('fault: away between the proof and its resume loses neither', async () => {
    const posted = await postForm(waiting.agent, waiting.page, post);
    expect(posted.status).toBe(303);
    await goAway();
    expectAway(await waiting.agent.request(String(posted.location)));
    await comeBack();
    const end = await waiting.agent.open(String(posted.location));
    await client.exchange(waiting.request, redirectOf(end));
    expect(sessionCookie(waiting.agent)).toBeDefined();
  });

  it('fault: the count of an attempt survives the rollback of what followed it', async () => {
    const counted = () =>
      count(
        stile,
        `SELECT coalesce(sum("in_window"), 0) AS "n" FROM "throttle" WHERE "bucket" LIKE 'factor:%'`,
      );
    const before = await counted();
    await stile.core.db.query('ALTER TABLE "proof" ADD CONSTRAINT "none" CHECK (FALSE) NOT VALID');
    const failed = await postForm(waiting.agent, waiting.page, post);
    await stile.core.db.query('ALTER TABLE "proof" DROP CONSTRAINT "none"');
    expect(failed.status).toBe(500);
    expect(await counted()).toBeGreaterThan(before);
    const again = await waiting.agent.submit(waiting.page, '/password', { password: PASSWORD });
    expect(redirectOf(again)).toContain('code=');
  });

  it("fault: inside a request's transaction any other use of the pool throws", async () => {
    const { db } = stile.core;
    await expect(db.transaction(() => db.pool.query('SELECT 1'))).rejects.toThrow('inside a transaction');
  });
});
