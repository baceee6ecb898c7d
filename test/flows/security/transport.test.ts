/** How requests arrive: slowly, spelled in another way, or from another site's page. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { MFA, newPerson, nextCode } from '../../support/journey.ts';
import { postForm, sessionCookie } from '../../support/journeys.ts';
import { addPerson, PASSWORD, redirectOf, signIn } from '../../support/people.ts';
import { startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

const FORM = 'application/x-www-form-urlencoded';

describe.skipIf(noPostgres)('transport', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  /** A POST whose headers arrive and whose body does not. */
  async function stall(path: string): Promise<Socket> {
    const socket = connect(Number(new URL(stile.issuer).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM}\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`,
    );
    // The server has read the headers and begun to serve when it asks for the body.
    await once(socket, 'data');
    socket.write('grant');
    return socket;
  }

  it.each(['/token', '/TOKEN/', '/session/end/confirm', '/request', '/token/revocation'])(
    'security: bodies that do not arrive hold no connection to the database: %s',
    async (path) => {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => stall(path)));
      try {
        const page = await createAgent().open((await client.authorize()).url);
        expect(page.status).toBe(200);
        // What the server does by itself takes one for a moment; what waits for a body would keep it.
        const { pool } = stile.core.db;
        await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 10_000 }).toBe(0);
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
  );

  it('security: a body that arrives in pieces is read whole', async () => {
    const body = 'grant_type=refresh_token&refresh_token=x&client_id=spa';
    const socket = connect(Number(new URL(stile.issuer).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    socket.write(
      `POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM}\r\nContent-Length: ${body.length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n`,
    );
    await once(socket, 'data');
    for (const piece of body.match(/.{1,9}/g) ?? []) socket.write(piece);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toContain('"error":"invalid_grant"');
  });

  it('security: an endpoint spelled in capitals is one transaction all the same', async () => {
    const { tokens } = await signIn(client, 'ada');
    const refresh = (path: string) =>
      fetch(`${stile.issuer}${path}`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: String(tokens.refresh_token),
        }),
        headers: { Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}` },
      });
    const { db } = stile.core;
    await db.query(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''broken''; END'`,
    );
    await db.query('CREATE TRIGGER broken BEFORE INSERT ON "audit_event" EXECUTE FUNCTION fail()');
    try {
      expect((await refresh('/TOKEN')).status).toBe(500);
    } finally {
      await db.query('DROP TRIGGER broken ON "audit_event"');
    }
    expect((await refresh('/token')).status).toBe(200);
  });

  it('security: no script reads a cookie, no other site sends one, and a session without its signature is nobody', async () => {
    const agent = createAgent();
    const set: string[] = [];
    const watched = async (page: Promise<Page>) => {
      set.push(...(await page).headers.getSetCookie());
      return page;
    };
    const begun = await watched(agent.request((await client.authorize()).url));
    const first = await watched(agent.request(String(begun.location)));
    const named = await watched(
      postForm(agent, first, { action: '/identifier', fields: { identifier: 'ada' } }),
    );
    const second = await watched(agent.request(String(named.location)));
    let page = await watched(
      postForm(agent, second, { action: '/password', fields: { password: PASSWORD } }),
    );
    while (page.location && !page.location.includes('code='))
      page = await watched(agent.request(page.location));
    const names = ['browser', 'interaction', 'interaction.sig', 'resume', 'session', 'session.sig'];
    for (const name of names)
      expect(
        set.some((cookie) => cookie.startsWith(`stile_${name}=`)),
        name,
      ).toBe(true);
    for (const cookie of set) expect(cookie.toLowerCase()).toMatch(/; ?samesite=lax(;|$)/);
    for (const cookie of set) expect(cookie.toLowerCase()).toMatch(/; ?httponly(;|$)/);

    const session = sessionCookie(agent) ?? '';
    const { url } = await client.authorize({ prompt: 'none' });
    const signature = agent.cookies().find((cookie) => cookie.startsWith('stile_session.sig=')) ?? '';
    const as = async (cookie: string) =>
      new URL(redirectOf(await createAgent().request(url, { headers: { Cookie: cookie } }))).searchParams;
    expect((await as(`${session}; ${signature}`)).get('code')).toBeTruthy();
    expect((await as(session)).get('error')).toBe('login_required');
    expect((await as(`${session}; ${signature}x`)).get('error')).toBe('login_required');
  });

  it('security: pages about a person are never kept', async () => {
    const person = await newPerson(stile, { totp: true });
    const third = await createClient(stile, 'third');
    const agent = createAgent();
    const first = await agent.open((await third.authorize({ acr_values: MFA, scope: 'openid email' })).url);
    const second = await agent.submit(first, '/identifier', { identifier: person.username });
    const stepUp = await agent.submit(second, '/password', { password: PASSWORD });
    const consent = await agent.submit(stepUp, '/totp', { code: nextCode(stile, person) });
    await agent.submit(consent, '/consent', { decision: 'allow' });
    const account = await agent.open(`${stile.issuer}/account`);
    const leaving = await agent.open(String(client.server.end_session_endpoint));
    const left = await agent.submit(leaving, '/session/end/confirm', { logout: 'yes' });
    const pages = { first, second, stepUp, consent, account, leaving, left };
    for (const [name, { status, headers }] of Object.entries(pages)) {
      expect([name, status, headers.get('cache-control')]).toEqual([name, 200, 'no-store']);
    }
    expect([consent.body, account.body, leaving.body].every((body) => body.includes(person.username))).toBe(
      true,
    );
  });

  it("security: another site's form does not take a browser's known identity from it", async () => {
    const { agent } = await signIn(client, 'ada');
    expect(agent.cookies().some((cookie) => cookie.startsWith('stile_browser='))).toBe(true);
    // Without our cookies, as SameSite=Lax has it.
    for (const path of ['/account', '/account/sign-out', '/interaction/x/password', '/auth/', '/AUTH']) {
      const answer = await fetch(`${stile.issuer}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'web' }),
        headers: { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
        redirect: 'manual',
      });
      expect(answer.headers.getSetCookie(), path).toEqual([]);
    }
  });
});
