/** An interaction belongs to the browser it was begun in; tabs, reloads and the back button do no harm. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { catalogue } from '../../../src/domain/errors.ts';
import { createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { quietly } from '../../support/journey.ts';
import {
  answerPasskey,
  attempts,
  count,
  MFA,
  passkeyOptions,
  personWithPasskey,
  personWithTotp,
  postForm,
} from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  mailedCode,
  PASSWORD,
  passwordSignIn,
  redirectOf,
  signIn,
  silently,
  totpCode,
} from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';
import { createAuthenticator } from '../../support/webauthn.ts';

describe.skipIf(noPostgres)('an interaction and its browser', () => {
  let stile: TestStile;
  let client: TestClient;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay']) ids[name] = await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => stile?.stop());

  /** A sign-in that waits for the password. */
  async function waiting(username: string, parameters: Record<string, string> = {}) {
    const agent = createAgent();
    const request = await client.authorize(parameters);
    const first = await agent.open(request.url);
    const page = await agent.submit(first, '/identifier', { identifier: username });
    return { agent, request, first, page };
  }

  /** Holds every transaction, so that attempts meet at the same point. */
  async function holdTransactions() {
    const other = new pg.Client({ connectionString: stile.database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM "auth_transaction" FOR UPDATE');
    const locked = `SELECT count(*) AS "n" FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return {
      until: async (requests: number) => {
        while ((await count(stile, locked)) < requests);
      },
      release: async () => {
        await other.query('COMMIT');
        await other.end();
      },
    };
  }

  const refusedPage = (page: Page, status: number) => {
    expect(page.status).toBe(status);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toContain(String(page.headers.get('x-correlation-id')));
    expect(page.location).toBeUndefined();
  };

  it('trap: a code mailed for one transaction confirms nothing in another', async () => {
    await addPerson(stile, 'gil');
    const { agent } = await signIn(client, 'gil');
    const begin = async () => {
      const page = await agent.open(`${stile.issuer}/account/add/totp`);
      return agent.submit(page, '/password', { password: PASSWORD });
    };
    const [one, other] = [await begin(), await begin()];
    const sent = await agent.submit(one, '/email/send');
    const code = mailedCode(stile, 'gil');
    const form = { ...other, body: other.body.replaceAll('/email/send"', '/email"') };
    const refused = await postForm(agent, form, { action: '/email', fields: { code } });
    expect([refused.status, refused.location]).toEqual([422, undefined]);
    const accepted = await agent.submit(sent, '/email', { code });
    expect(accepted.body).toContain('/enrol/totp"');
  });

  it('trap: the address of an interaction opens nothing in another browser', async () => {
    const { page } = await waiting('ada');
    refusedPage(await createAgent().open(page.url), 403);
    const { agent: other } = await waiting('bob');
    refusedPage(await other.open(page.url), 403);
  });

  it('trap: a form posted from another browser is refused, also one with a sign-in of its own, and nothing is attempted', async () => {
    const mine = await waiting('ada');
    const before = await attempts(stile, String(ids['ada']));
    const post = { action: '/password', fields: { password: PASSWORD } };
    refusedPage(await postForm(createAgent(), mine.page, post), 403);
    const { agent: other } = await waiting('bob');
    refusedPage(await postForm(other, mine.page, post), 403);
    expect(await attempts(stile, String(ids['ada']))).toEqual(before);
  });

  it("trap: another interaction's cookie does not open this one, and a resume in another browser ends nothing", async () => {
    const mine = await waiting('ada');
    const other = await waiting('bob');
    const [, uid = ''] = /interaction\/([\w-]+)/.exec(mine.page.url) ?? [];
    const Cookie = other.agent.cookies().join('; ');
    refusedPage(await createAgent().request(mine.page.url, { headers: { Cookie } }), 403);
    refusedPage(await createAgent().request(`${stile.issuer}/auth/${uid}`), 400);
    const resumed = await createAgent().request(`${stile.issuer}/auth/${uid}`, { headers: { Cookie } });
    expect(resumed.location).not.toContain('code=');
    expect(resumed.location).not.toContain(uid);
    const end = await mine.agent.submit(mine.page, '/password', { password: PASSWORD });
    expect(redirectOf(end)).toContain('code=');
  });

  it("trap: a form with another interaction's token, an empty one or none is refused", async () => {
    const mine = await waiting('ada');
    const other = await waiting('ada');
    const theirs = /name="_csrf" value="([^"]*)"/.exec(other.page.body)?.[1] ?? '';
    const post = (fields: Record<string, string>) =>
      postForm(mine.agent, mine.page, { action: '/password', fields: { password: PASSWORD, ...fields } });
    refusedPage(await post({ _csrf: theirs }), 403);
    refusedPage(await post({ _csrf: '' }), 400);
    const bare = { ...mine.page, body: mine.page.body.replaceAll(/<input[^>]*_csrf[^>]*>/g, '') };
    refusedPage(
      await postForm(mine.agent, bare, { action: '/password', fields: { password: PASSWORD } }),
      400,
    );
  });

  it.each([
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: 'http://localhost:1' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
  ])('trap: a form sent from elsewhere is refused: %j', async (headers) => {
    const { agent, page } = await waiting('ada');
    const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    refusedPage(
      await postForm(agent, page, { action: '/password', fields: { password: PASSWORD }, headers: named }),
      403,
    );
  });

  it('trap: two tabs sign in at once: the second goes on with the session of the first', async () => {
    const agent = createAgent();
    const one = await client.authorize();
    const two = await client.authorize();
    const first = await agent.open(one.url);
    const second = await agent.open(two.url);
    const end = await passwordSignIn(agent, first, 'bob');
    const { claims } = await client.exchange(one, redirectOf(end));
    const reloaded = await agent.open(second.url);
    expect((await client.exchange(two, redirectOf(reloaded))).claims.sub).toBe(claims.sub);
    expect(
      await count(stile, 'SELECT count(*) AS "n" FROM "session" WHERE "account_id" = $1', [claims.sub]),
    ).toBe(1);
  });

  it("trap: two tabs sign in as two people: the second tab's proof never joins the first one's session", async () => {
    const agent = createAgent();
    const one = await client.authorize();
    const two = await client.authorize();
    const first = await agent.open(one.url);
    const second = await agent.submit(await agent.open(two.url), '/identifier', { identifier: 'dan' });
    await client.exchange(one, redirectOf(await passwordSignIn(agent, first, 'cyd')));
    refusedPage(await agent.submit(second, '/password', { password: PASSWORD }), 409);
    expect((await quietly(agent, client)).claims.sub).toBe(ids['cyd']);
    const mixed = `SELECT count(*) AS "n" FROM "proof" p JOIN "session" s ON s."uid" = p."session_uid"
      WHERE p."account_id" <> s."account_id"`;
    expect(await count(stile, mixed)).toBe(0);
  });

  it('trap: reload and the back button in the middle of a step-up ask for the same thing again', async () => {
    const { secret } = await personWithTotp(stile, client, 'dan');
    const { agent } = await signIn(client, 'dan');
    const request = await client.authorize({ acr_values: MFA, prompt: 'login' });
    const start = await agent.open(request.url);
    expect(start.body).toContain('/password"');
    const next = await agent.submit(start, '/password', { password: PASSWORD });
    expect((await agent.open(next.url)).body).toContain('/totp"');
    const backed = await agent.submit(start, '/password', { password: PASSWORD });
    expect(backed.body).toContain('/totp"');
    const restarted = await agent.open(start.url);
    const end = await agent.submit(
      restarted.body.includes('/password"')
        ? await agent.submit(restarted, '/password', { password: PASSWORD })
        : restarted,
      '/totp',
      { code: totpCode(secret, stile.core.clock.now() + 30) },
    );
    expect((await client.exchange(request, redirectOf(end))).claims.acr).toBe(MFA);
  });

  it('trap: a code submitted twice at once signs in once and shows no error', async () => {
    const { secret } = await personWithTotp(stile, client, 'eve');
    const { agent } = await signIn(client, 'eve');
    const request = await client.authorize({ acr_values: MFA });
    const page = await agent.open(request.url);
    const code = totpCode(secret, stile.core.clock.now() + 30);
    const held = await holdTransactions();
    const sent = Promise.all(
      [1, 2, 3].map(() => postForm(agent, page, { action: '/totp', fields: { code } })),
    );
    await held.until(3);
    await held.release();
    const answers = await sent;
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303]);
    const end = await agent.open(String(answers[0]?.location));
    expect((await client.exchange(request, redirectOf(end))).claims.acr).toBe(MFA);
    const proofs = `SELECT count(*) AS "n" FROM "proof" WHERE "account_id" = $1 AND "method" = 'totp'`;
    expect(await count(stile, proofs, [ids['eve']])).toBe(2);
  });

  it('trap: a form of a finished interaction is answered with a page, and proves nothing more', async () => {
    const { agent, page, request } = await waiting('ada');
    await client.exchange(request, redirectOf(await agent.submit(page, '/password', { password: PASSWORD })));
    const before = await attempts(stile, String(ids['ada']));
    const answer = await postForm(agent, page, { action: '/password', fields: { password: PASSWORD } });
    refusedPage(answer, 400);
    expect(answer.body).toContain(catalogue.interaction_not_found.message);
    refusedPage(await agent.open(page.url), 400);
    expect(await attempts(stile, String(ids['ada']))).toEqual(before);
  });

  it('trap: an expired interaction is a page that says so', async () => {
    const { agent, page } = await waiting('ada');
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 1801_000);
    const keep = { headers: { Cookie: agent.cookies().join('; ') } };
    const answer = await agent.request(page.url, keep);
    refusedPage(answer, 400);
    expect(answer.body).toContain(catalogue.interaction_not_found.message);
  });

  it("trap: a passkey's answer to one interaction's challenge proves nothing in another", async () => {
    const authenticator = createAuthenticator();
    await personWithPasskey(stile, client, { username: 'cyd', authenticator });
    const other = createAgent();
    const second = await other.open((await client.authorize()).url);
    const agent = createAgent();
    const first = await agent.open((await client.authorize()).url);
    const response = JSON.stringify(authenticator.authenticate(passkeyOptions(first), stile.issuer));
    const refused = await other.submit(second, '/passkey', { response });
    expect(refused.status).toBe(422);
    const used = await agent.submit(first, '/passkey', { response });
    expect(redirectOf(used)).toContain('code=');
    const replay = await agent.open((await client.authorize({ prompt: 'login' })).url);
    const replayed = await postForm(agent, replay, { action: '/passkey', fields: { response } });
    expect(replayed.status).toBe(422);
    expect(
      redirectOf(await answerPasskey(stile, agent, { page: await agent.open(replay.url), authenticator })),
    ).toContain('code=');
  });

  it('trap: cancelling is access_denied, and the session is as it was', async () => {
    const { agent } = await signIn(client, 'ada');
    const page = await agent.open((await client.authorize({ prompt: 'login' })).url);
    expect(errorOf(await agent.submit(page, '/cancel'))).toBe('access_denied');
    expect(redirectOf((await silently(agent, client)).page)).toContain('code=');
  });
});
