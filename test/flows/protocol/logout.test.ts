/** RP-initiated sign-out. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, FIRST, MFA, newPerson, obtain, type Person, quietly } from '../../support/journey.ts';
import { errorOf, redirectOf, silently } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const BYE = 'http://127.0.0.1:9/bye';

describe.skipIf(noPostgres)('signing out', () => {
  let stile: TestStile;
  let web: TestClient;
  let agent: Agent;
  let tokens: Tokens;
  beforeAll(async () => {
    stile = await startStile();
    web = await createClient(stile);
  });
  beforeEach(async () => {
    ({ agent, tokens } = await obtain(stile, web, { person: await newPerson(stile) }));
  });
  afterAll(() => stile?.stop());

  function address(parameters: Record<string, string> = {}): string {
    const url = new URL(String(web.server.end_session_endpoint));
    url.search = new URLSearchParams(parameters).toString();
    return url.href;
  }
  const hinted = () => ({ id_token_hint: String(tokens.id_token) });
  const confirm = (page: Page) => agent.submit(page, '/session/end/confirm', { logout: 'yes' });

  it('trap: with post_logout_redirect_uri it returns there with state, and the session is over', async () => {
    const asked = { ...hinted(), post_logout_redirect_uri: BYE, state: 's' };
    const end = await confirm(await agent.open(address(asked)));
    expect(redirectOf(end)).toBe(`${BYE}?state=s`);
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
    const { rows } = await stile.core.db.query('SELECT 1 FROM "session" WHERE "account_id" = $1', [
      tokens.claims.sub,
    ]);
    expect(rows).toEqual([]);
  });

  it('trap: without post_logout_redirect_uri it ends on a page of ours, and the session is over', async () => {
    for (const parameters of [{}, hinted()]) {
      const before = agent.fork();
      const end = await confirm(await agent.open(address(parameters)));
      expect([end.status, end.location]).toEqual([200, undefined]);
      for (const browser of [agent, before]) {
        expect(errorOf((await silently(browser, web)).page)).toBe('login_required');
      }
    }
  });

  it('trap: sent by POST it is the same request', async () => {
    const body = new URLSearchParams({ ...hinted(), post_logout_redirect_uri: BYE });
    const page = await agent.open(String(web.server.end_session_endpoint), { method: 'POST', body });
    expect(redirectOf(await confirm(page))).toBe(BYE);
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
  });

  it('trap: nobody is signed out without saying so', async () => {
    const page = await agent.open(address(hinted()));
    expect(page.status).toBe(200);
    expect((await quietly(agent, web)).claims.sub).toBe(tokens.claims.sub);
  });

  it.each([`${BYE}/`, `${BYE}?x=1`, 'http://127.0.0.1:9/BYE', 'https://evil.example/'])(
    'trap: post_logout_redirect_uri %s is not the registered one',
    async (post_logout_redirect_uri) => {
      const page = await agent.open(address({ ...hinted(), post_logout_redirect_uri }));
      expect([page.status, page.location]).toEqual([400, undefined]);
      expect((await quietly(agent, web)).claims.sub).toBe(tokens.claims.sub);
    },
  );

  it('trap: post_logout_redirect_uri leads nowhere where no client is named, and the pages say so', async () => {
    const unnamed = address({ post_logout_redirect_uri: BYE, state: 's' });
    const asked = await agent.open(unnamed);
    expect(asked.body).toContain('you will not be sent back to it');
    const end = await confirm(asked);
    expect([end.status, end.location]).toEqual([200, undefined]);
    expect(end.body).toContain('<h1>You are signed out</h1>');
    expect(end.body).toContain('so you were not sent back');
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
    // Nobody is signed in any more: at once.
    const again = await agent.open(unnamed);
    expect([again.status, again.location, again.body.includes('<form')]).toEqual([200, undefined, false]);
    expect(again.body).toContain('so you were not sent back');
  });

  it('trap: client_id says whose post_logout_redirect_uri it is', async () => {
    const asked = await agent.open(address({ client_id: 'web', post_logout_redirect_uri: BYE }));
    expect(asked.body).not.toContain('sent back');
    expect(redirectOf(await confirm(asked))).toBe(BYE);
  });

  it('trap: whoever stays is told that they are still signed in', async () => {
    const declined = async (parameters: Record<string, string>) =>
      agent.submit(await agent.open(address(parameters)), '/session/end/confirm');
    for (const parameters of [{}, { client_id: 'web' }, { post_logout_redirect_uri: BYE }]) {
      const page = await declined(parameters);
      expect([page.status, page.location]).toEqual([200, undefined]);
      expect(page.body).toContain('<h1>You are still signed in</h1>');
      expect(page.body.includes('Test Web has signed you out.')).toBe('client_id' in parameters);
      expect((await quietly(agent, web)).claims.sub).toBe(tokens.claims.sub);
    }
    const signedOut = await confirm(await agent.open(address()));
    expect(signedOut.body).toContain('<h1>You are signed out</h1>');
  });

  it('trap: signing out ends the refresh tokens and access tokens of the session', async () => {
    expect(await web.introspect(tokens.access_token)).toMatchObject({ active: true });
    await confirm(await agent.open(address(hinted())));
    expect(await web.introspect(tokens.access_token)).toEqual({ active: false });
    expect((await web.refresh(String(tokens.refresh_token))).status).toBe(400);
  });

  /** Signs in at a level, with offline access that the person allows. */
  async function offline(browser: Agent, acr: string, person: Person): Promise<Tokens> {
    const asked = { acr_values: acr, scope: 'openid offline_access', prompt: 'consent' };
    const request = await web.authorize(asked);
    const { page } = await answer(stile, browser, await browser.open(request.url), { person });
    const end = await browser.submit(page, '/consent', { decision: 'allow' });
    return web.exchange(request, redirectOf(end));
  }

  async function signOut(browser: Agent, { id_token }: Tokens): Promise<void> {
    const page = await browser.open(address({ id_token_hint: String(id_token) }));
    const end = await browser.submit(page, '/session/end/confirm', { logout: 'yes' });
    expect(end.body).toContain('<h1>You are signed out</h1>');
  }

  it('trap: offline access at the weakest level outlives a sign-out, and nothing else of the session does', async () => {
    const browser = createAgent();
    const person = await newPerson(stile);
    const { tokens: ordinary } = await obtain(stile, web, { person, agent: browser });
    const kept = await offline(browser, FIRST, person);
    await signOut(browser, kept);
    expect((await web.refresh(String(ordinary.refresh_token))).status).toBe(400);
    expect(await web.introspect(ordinary.access_token)).toEqual({ active: false });
    const { rows } = await stile.core.db.query(
      `SELECT 1 FROM "artifact" WHERE "account_id" = $1 AND "payload"->>'expiresWithSession' = 'true'`,
      [person.id],
    );
    expect(rows).toEqual([]);
    const renewed = await web.refresh(String(kept.refresh_token));
    expect(renewed.status).toBe(200);
    expect(claimsOf(((await renewed.json()) as Tokens).id_token ?? '')['acr']).toBe(FIRST);
  });

  it('rule 8: a level above the weakest ends with the sign-out, offline access and the sign-in’s own proofs included', async () => {
    const browser = createAgent();
    const person = await newPerson(stile, { totp: true });
    const tokens = await offline(browser, MFA, person);
    expect(tokens.claims.acr).toBe(MFA);
    await signOut(browser, tokens);
    expect((await web.refresh(String(tokens.refresh_token))).status).toBe(400);
    expect(await web.introspect(tokens.access_token)).toEqual({ active: false });
  });
});
