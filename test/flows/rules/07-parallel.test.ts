/** Rule 7: sessions under parallel requests, over two servers on one database, and how long they last. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import type { Agent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  count,
  MFA,
  personWithTotp,
  postForm,
  sessionCookie,
  stepUpWithTotp,
} from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  PASSWORD,
  redirectOf,
  signIn,
  silently,
  totpCode,
} from '../../support/people.ts';
import { OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

const DAY = 24 * 3600;
const opaque = { scope: 'openid look', resource: OPAQUE_API };

describe.skipIf(noPostgres)('a session', () => {
  let stile: TestStile;
  let twin: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    const levels = defaultLevels
      .slice(0, 2)
      .map((level) =>
        level.acr === MFA ? { ...level, idle: { after: 900, resumeWith: ['password', 'totp'] } } : level,
      );
    const config = { levels: levels as never, session: { idle: DAY, absolute: 3 * DAY } };
    stile = await startStile({ config });
    twin = await startStile({ config, database: stile.database, issuer: stile.issuer });
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus']) await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(async () => {
    await twin?.stop();
    await stile?.stop();
  });

  const later = (seconds: number) => {
    if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + seconds * 1000);
  };

  /** The same request at the other server: a balancer in front of both. */
  function elsewhere(url: string): string {
    const moved = new URL(url);
    moved.port = String(twin.running.port);
    return moved.href;
  }

  it('rule 7: parallel silent sign-ins of one session, over two servers, lose no write', async () => {
    const { agent } = await signIn(client, 'ada');
    const names = ['web', 'web2', 'spa'];
    const clients = await Promise.all(names.map((name) => createClient(stile, name)));
    for (let round = 0; round < 3; round += 1) {
      const requests = await Promise.all(
        clients.map((each) => each.authorize({ prompt: 'none', ...opaque })),
      );
      const pages = await Promise.all(
        requests.map(({ url }, at) => agent.fork().open(at % 2 === 0 ? url : elsewhere(url))),
      );
      const tokens = await Promise.all(
        clients.map((each, at) => {
          const [request, page] = [requests[at], pages[at]];
          if (!request || !page) throw new Error('a request is missing');
          return each.exchange(request, redirectOf(page));
        }),
      );
      for (const [at, token] of tokens.entries()) {
        const each = clients[at];
        expect((await each?.introspect(token.access_token))?.['active']).toBe(true);
        expect((await each?.refresh(String(token.refresh_token)))?.status).toBe(200);
      }
    }
  });

  /** Holds every authenticator app, so that whoever is about to rest something on one waits. */
  async function holdApps() {
    const other = new pg.Client({ connectionString: stile.database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query(`SELECT 1 FROM "credential" WHERE "method" = 'totp' FOR UPDATE`);
    const locked = `SELECT count(*) AS "n" FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return {
      /** Until so many requests wait, or one of these has been answered. */
      until: async (waiting: number, answered: Promise<unknown>) => {
        let over = false;
        void answered.then(() => {
          over = true;
        });
        while (!over && (await count(stile, locked)) < waiting);
      },
      release: async () => {
        await other.query('COMMIT');
        await other.end();
      },
    };
  }

  it('rule 7: a request that resumes and a silent one of the same session lose no write', async () => {
    const { secret } = await personWithTotp(stile, client, 'fay');
    const { agent } = await signIn(client, 'fay');
    const web2 = await createClient(stile, 'web2');
    const page = await agent.open((await client.authorize({ acr_values: MFA })).url);
    const code = totpCode(secret, stile.core.clock.now() + 30);
    const proved = await postForm(agent, page, { action: '/totp', fields: { code } });
    const finished = await agent.request(String(proved.location));
    const browser = agent.fork();
    const apps = await holdApps();
    const resumed = agent.open(String(finished.location));
    await apps.until(1, resumed);
    const acr_values = 'urn:stile:acr:1fa';
    const request = await web2.authorize({ prompt: 'none', acr_values, ...opaque });
    const silent = browser.open(request.url);
    await apps.until(2, silent);
    await apps.release();
    expect(redirectOf(await resumed)).toContain('code=');
    const answered = await silent;
    if (errorOf(answered) !== null) return expect(errorOf(answered)).toBe('login_required');
    const tokens = await web2.exchange(request, redirectOf(answered));
    expect(await web2.introspect(tokens.access_token)).toMatchObject({ active: true });
  });

  it('rule 7: a sign-out ends what an authorization under way brings', async () => {
    const { agent, secret, tokens } = await personWithTotp(stile, client, 'gus');
    await stepUpWithTotp(stile, client, { agent, secret, ...opaque });
    const leaving = await agent.open(String(client.server.end_session_endpoint));
    const apps = await holdApps();
    const request = await client.authorize({ prompt: 'none', acr_values: MFA, ...opaque });
    const silent = agent.fork().open(request.url);
    await apps.until(1, silent);
    const left = agent.submit(leaving, '/session/end/confirm', { logout: 'yes' });
    await apps.until(2, left);
    await apps.release();
    expect((await left).status).toBe(200);
    const answered = await silent;
    if (errorOf(answered) === null)
      await expect(client.exchange(request, redirectOf(answered))).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    const elevated = `SELECT count(*) AS "n" FROM "assurance_record" WHERE "elevated" AND "account_id" = $1`;
    expect(await count(stile, elevated, [tokens.claims.sub])).toBe(0);
  });

  it('rule 7: a superseded id is remembered for a minute', async () => {
    const { agent } = await signIn(client, 'ada');
    const old = agent.fork();
    later(0);
    const again = await agent.open((await client.authorize({ prompt: 'login' })).url);
    redirectOf(await agent.submit(again, '/password', { password: PASSWORD }));
    const late = async () => old.fork().open((await client.authorize()).url);
    later(59);
    expect(errorOf(await late())).toBe('login_required');
    later(2);
    const { location, body } = await late();
    expect(location).toBeUndefined();
    expect(body).toContain('/identifier"');
  });

  it('rule 7: a session ends after its idle time, and use within it keeps it', async () => {
    const { agent } = await signIn(client, 'bob');
    later(DAY - 60);
    redirectOf((await silently(agent, client)).page);
    expect(sessionCookie(agent)).toBeDefined();
    later(DAY - 60);
    expect(new URL(redirectOf((await silently(agent, client)).page)).searchParams.has('code')).toBe(true);
    later(DAY + 1);
    expect(errorOf((await silently(agent, client)).page)).toBe('login_required');
  });

  it('rule 7: a session ends after its absolute time, however much it is used and whoever keeps its cookie', async () => {
    const { agent, tokens } = await signIn(client, 'cyd');
    const alive = 'SELECT count(*) AS "n" FROM "session" WHERE "account_id" = $1 AND "expires_at" > $2';
    const cookie = () => agent.cookies().join('; ');
    let kept = cookie();
    for (let used = 0; used < 3 * DAY - 7200; used += 12 * 3600) {
      later(used === 0 ? 3600 : 12 * 3600);
      expect(new URL(redirectOf((await silently(agent, client)).page)).searchParams.has('code')).toBe(true);
      kept = cookie();
    }
    later(12 * 3600);
    expect(await count(stile, alive, [tokens.claims.sub, stile.core.clock.now()])).toBe(0);
    const request = await client.authorize({ prompt: 'none' });
    expect(errorOf(await agent.open(request.url, { headers: { Cookie: kept } }))).toBe('login_required');
    expect(errorOf((await silently(agent, client)).page)).toBe('login_required');
  });

  it('rule 7: a level with an idle time pauses, and the cheaper factor resumes it', async () => {
    const { agent, secret } = await personWithTotp(stile, client, 'dan');
    await stepUpWithTotp(stile, client, { agent, secret });
    later(600);
    expect(await silentLevel(agent)).toBe(MFA);
    later(901);
    expect(errorOf((await silently(agent, client, { acr_values: MFA })).page)).toBe('login_required');
    expect(await silentLevel(agent, 'urn:stile:acr:1fa')).toBe('urn:stile:acr:1fa');

    const request = await client.authorize({ acr_values: MFA });
    const page = await agent.open(request.url);
    const end = page.body.includes('/password"')
      ? await agent.submit(page, '/password', { password: PASSWORD })
      : await agent.submit(await agent.open(`${page.url}?with=password`), '/password', {
          password: PASSWORD,
        });
    expect((await client.exchange(request, redirectOf(end))).claims).toMatchObject({
      acr: MFA,
      amr: ['mfa', 'otp', 'pwd'],
    });
    expect(await silentLevel(agent)).toBe(MFA);
  });

  async function silentLevel(agent: Agent, acr = MFA): Promise<unknown> {
    const { request, page } = await silently(agent, client, { acr_values: acr });
    return (await client.exchange(request, redirectOf(page))).claims['acr'];
  }
});
