/** Rule 7: what is proved counts once the request resumes, with a new session id, and for nobody else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answerPasskey,
  count,
  MFA,
  personWithPasskey,
  personWithTotp,
  postForm,
  rows,
  sessionCookie,
} from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  PASSWORD,
  passwordSignIn,
  redirectOf,
  signIn,
  silently,
  totpCode,
} from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';
import { createAuthenticator } from '../../support/webauthn.ts';

const sessionsOf = 'SELECT count(*) AS "n" FROM "session" WHERE "account_id" = $1';

describe.skipIf(noPostgres)('what is proved in a transaction', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gil', 'hal']) await addPerson(stile, name);
  });
  afterAll(() => stile?.stop());

  it('rule 7: a step-up abandoned before it resumes leaves the session as it was', async () => {
    const { secret } = await personWithTotp(stile, client, 'ada');
    const fresh = await signIn(client, 'ada');
    const page = await fresh.agent.open((await client.authorize({ acr_values: MFA })).url);
    const answer = await postForm(fresh.agent, page, {
      action: '/totp',
      fields: { code: totpCode(secret, stile.core.clock.now() + 30) },
    });
    expect(answer.status).toBe(303);
    const staged = await rows(
      stile,
      `SELECT 1 FROM "proof" WHERE "method" = 'totp' AND "session_uid" IS NULL`,
    );
    expect(staged).toHaveLength(1);
    expect(errorOf((await silently(fresh.agent, client, { acr_values: MFA })).page)).toBe('login_required');
    const another = await fresh.agent.open((await client.authorize({ acr_values: MFA })).url);
    expect(another.body).toContain('/totp"');
  });

  it('rule 7: a fault while resuming leaves neither the new session id nor the proofs', async () => {
    const { secret } = await personWithTotp(stile, client, 'bob');
    const { agent } = await signIn(client, 'bob');
    const before = sessionCookie(agent);
    const request = await client.authorize({ acr_values: MFA });
    const page = await agent.open(request.url);
    await stile.core.db.query(
      `ALTER TABLE "artifact" ADD CONSTRAINT "no_codes" CHECK ("model" <> 'AuthorizationCode') NOT VALID`,
    );
    const code = totpCode(secret, stile.core.clock.now() + 30);
    const failed = await agent.submit(page, '/totp', { code });
    await stile.core.db.query('ALTER TABLE "artifact" DROP CONSTRAINT "no_codes"');
    expect(failed.status).toBe(500);
    expect(failed.headers.getSetCookie().join()).not.toContain('stile_session=');
    expect(sessionCookie(agent)).toBe(before);
    const [proof] = await rows(
      stile,
      `SELECT "session_uid" FROM "proof" WHERE "method" = 'totp' ORDER BY "id" DESC LIMIT 1`,
    );
    expect(proof).toEqual({ session_uid: null });
    expect(errorOf((await silently(agent, client, { acr_values: MFA })).page)).toBe('login_required');

    const again = await agent.open(failed.url);
    const tokens = await client.exchange(request, redirectOf(again));
    expect(tokens.claims.acr).toBe(MFA);
    expect(sessionCookie(agent)).not.toBe(before);
  });

  it('rule 7: the session id changes at sign-in, at re-authentication and at step-up, and a silent request keeps it', async () => {
    const { secret } = await personWithTotp(stile, client, 'cyd');
    const agent = createAgent();
    const first = await agent.open((await client.authorize()).url);
    const seen = new Set([sessionCookie(agent)]);
    expect(errorOf((await silently(agent, client)).page)).toBe('login_required');
    redirectOf(await passwordSignIn(agent, first, 'cyd'));
    expect(sessionCookie(agent)).toBeDefined();
    expect(seen.has(sessionCookie(agent))).toBe(false);
    seen.add(sessionCookie(agent));
    const next = async (parameters: Record<string, string>) => {
      const request = await client.authorize(parameters);
      let page = await agent.open(request.url);
      if (page.body.includes('/password"'))
        page = await agent.submit(page, '/password', { password: PASSWORD });
      if (page.body.includes('/totp"'))
        page = await agent.submit(page, '/totp', { code: totpCode(secret, stile.core.clock.now() + 30) });
      redirectOf(page);
      return sessionCookie(agent);
    };
    const reauthenticated = await next({ prompt: 'login', acr_values: 'urn:stile:acr:1fa' });
    expect(seen.has(reauthenticated)).toBe(false);
    seen.add(reauthenticated);
    const steppedUp = await next({ prompt: 'login', acr_values: MFA });
    expect(seen.has(steppedUp)).toBe(false);
    expect(await next({ prompt: 'none' })).toBe(steppedUp);
  });

  it('rule 7: a step-up never makes a second session', async () => {
    const { agent, secret, tokens } = await personWithTotp(stile, client, 'dan');
    const { sub } = tokens.claims;
    const uid = () => rows(stile, 'SELECT "uid" FROM "session" WHERE "account_id" = $1', [sub]);
    const before = await uid();
    expect(before).toHaveLength(1);
    const request = await client.authorize({ acr_values: MFA, max_age: '0' });
    let page = await agent.open(request.url);
    if (page.body.includes('/password"'))
      page = await agent.submit(page, '/password', { password: PASSWORD });
    page = await agent.submit(page, '/totp', { code: totpCode(secret, stile.core.clock.now() + 30) });
    await client.exchange(request, redirectOf(page));
    expect(await uid()).toEqual(before);
  });

  it("rule 7: another account's passkey in a step-up is refused and nothing of it is recorded", async () => {
    const authenticator = createAuthenticator();
    const other = await personWithPasskey(stile, client, { username: 'eve', authenticator });
    const mine = createAuthenticator();
    const { agent, tokens } = await personWithPasskey(stile, client, {
      username: 'fay',
      authenticator: mine,
    });
    const page = await agent.open((await client.authorize({ prompt: 'login', acr_values: 'phr' })).url);
    const proofs = () => count(stile, 'SELECT count(*) AS "n" FROM "proof"');
    const before = await proofs();
    const refused = await answerPasskey(stile, agent, { page, authenticator, anyKey: true });
    expect(refused.status).toBe(403);
    const failed = await rows(
      stile,
      `SELECT "data"->>'error' AS "error" FROM "audit_event" WHERE "type" = 'attempt' ORDER BY "id" DESC LIMIT 1`,
    );
    expect(failed).toEqual([{ error: 'subject_mismatch' }]);
    expect(await proofs()).toBe(before);
    expect(await count(stile, sessionsOf, [tokens.claims.sub])).toBe(1);
    expect(await count(stile, sessionsOf, [other.tokens.claims.sub])).toBe(1);
  });

  it('rule 7: a sign-in pinned by id_token_hint or by a sub claim takes only that person', async () => {
    const hinted = await signIn(client, 'gil');
    const claims = JSON.stringify({ id_token: { sub: { value: hinted.tokens.claims.sub } } });
    for (const pin of [{ id_token_hint: String(hinted.tokens.id_token) }, { claims }]) {
      const agent = createAgent();
      const request = await client.authorize(pin);
      const page = await agent.open(request.url);
      const before = await count(stile, 'SELECT count(*) AS "n" FROM "proof"');
      const refused = await passwordSignIn(agent, page, 'hal');
      expect(refused.status).toBe(403);
      expect(refused.location).toBeUndefined();
      expect(await count(stile, 'SELECT count(*) AS "n" FROM "proof"')).toBe(before);
      const again = createAgent();
      const end = await passwordSignIn(again, await again.open(request.url), 'gil');
      expect((await client.exchange(request, redirectOf(end))).claims.sub).toBe(hinted.tokens.claims.sub);
    }
  });

  it('rule 7: a request for somebody else than the session holds is answered, not repeated', async () => {
    const other = await signIn(client, 'gil');
    const { agent } = await signIn(client, 'hal');
    const claims = JSON.stringify({ id_token: { sub: { value: other.tokens.claims.sub } } });
    for (const pin of [{ id_token_hint: String(other.tokens.id_token) }, { claims }]) {
      const page = await agent.open((await client.authorize(pin)).url);
      expect(errorOf(page)).toBe('login_required');
    }
  });

  it('rule 7: a subject that is nobody here gets nobody a code, whoever signs in', async () => {
    const claims = JSON.stringify({ id_token: { sub: { value: 'nobody' } } });
    const agent = createAgent();
    const page = await agent.open((await client.authorize({ claims })).url);
    const before = await count(stile, 'SELECT count(*) AS "n" FROM "proof"');
    const refused = await passwordSignIn(agent, page, 'hal');
    expect([refused.status, refused.location]).toEqual([403, undefined]);
    expect(await count(stile, 'SELECT count(*) AS "n" FROM "proof"')).toBe(before);
    expect(errorOf(await agent.submit(refused, '/cancel'))).toBe('access_denied');
  });

  it('rule 7: a request for a subject looks the same whether that is somebody or nobody', async () => {
    const { tokens } = await signIn(client, 'gil');
    const shown = ({ status, body }: Page) =>
      `${status} ${body.replaceAll(/value="[^"]*"|\/interaction\/[\w-]+|<code>[\w-]+|data-options="[^"]*"/g, '')}`;
    const seen = [];
    for (const value of [String(tokens.claims.sub), 'nobody']) {
      const agent = createAgent();
      const claims = JSON.stringify({ id_token: { sub: { value } } });
      const first = await agent.open((await client.authorize({ claims })).url);
      const second = await agent.submit(first, '/identifier', { identifier: 'hal' });
      expect(second.body).not.toContain('/identifier/change');
      const wrong = await agent.submit(second, '/password', { password: 'wrong' });
      const own = await agent.submit(second, '/password', { password: PASSWORD });
      await signIn(client, 'hal', {}, agent);
      const late = await agent.open(second.url);
      expect([wrong, own, late].map(({ status }) => status)).toEqual([422, 403, 409]);
      seen.push([first, second, wrong, own, late].map(shown));
    }
    expect(seen[1]).toEqual(seen[0]);
  });

  it('rule 7: a superseded session id yields login_required and leaves the new cookie alone', async () => {
    const { agent } = await signIn(client, 'hal');
    const old = agent.fork();
    const request = await client.authorize({ prompt: 'login' });
    const page = await agent.submit(await agent.open(request.url), '/password', { password: PASSWORD });
    await client.exchange(request, redirectOf(page));
    expect(sessionCookie(agent)).not.toBe(sessionCookie(old));
    const sessions = () => count(stile, 'SELECT count(*) AS "n" FROM "session"');
    const before = await sessions();
    for (const parameters of [{ prompt: 'none' }, {}, { prompt: 'login' }]) {
      const late = await old.fork().open((await client.authorize(parameters)).url);
      expect(errorOf(late)).toBe('login_required');
      expect(late.headers.getSetCookie().join()).not.toContain('stile_session');
    }
    expect(await sessions()).toBe(before);
    expect(redirectOf((await silently(agent, client)).page)).toContain('code=');
  });
});
