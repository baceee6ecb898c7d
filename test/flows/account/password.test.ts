/** The account page's password: changed by its owner, with a fresh proof, and nobody else stays. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Agent, createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { personWithTotp, postForm, rows } from '../../support/journeys.ts';
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
import { OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

const NEXT = 'seven swans over the sluice';
const opaque = { scope: 'openid look', resource: OPAQUE_API };

describe.skipIf(noPostgres)('the password on the account page', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan']) await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => stile?.stop());

  const later = (seconds: number) => {
    if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + seconds * 1000);
  };
  const form = (agent: Agent) => agent.open(`${stile.issuer}/account/password`);
  const both = (password: string) => ({ password, repeat: password });
  /** Does this password still open the account? */
  const opens = async (username: string, password: string) => {
    const agent = createAgent();
    const page = await agent.open((await client.authorize()).url);
    return (await passwordSignIn(agent, page, username, password)).location !== undefined;
  };

  it('rule 4: changed, the old one opens nothing and every other session has ended; this one goes on', async () => {
    const here = await signIn(client, 'ada', opaque);
    const there = await signIn(client, 'ada', opaque);
    const account = await here.agent.open(`${stile.issuer}/account`);
    expect(account.body).toContain('href="/account/password"');
    const page = await form(here.agent);
    expect(page.body.match(/autocomplete="new-password"/g)).toHaveLength(2);
    expect(page.body).toMatch(/name="username" value="ada" autocomplete="username"/);
    const done = await here.agent.submit(page, '/account/password', both(NEXT));
    expect(done.url).toContain('notice=password_changed');
    expect(done.body).toContain('Your password has been changed');

    expect(await opens('ada', PASSWORD)).toBe(false);
    expect(await opens('ada', NEXT)).toBe(true);
    expect(errorOf((await silently(there.agent, client)).page)).toBe('login_required');
    expect((await client.introspect(there.tokens.access_token))['active']).toBe(false);
    expect((await client.refresh(String(there.tokens.refresh_token))).status).toBe(400);
    // What rested on the old password ends here, too; the application gets new tokens without asking.
    expect((await client.introspect(here.tokens.access_token))['active']).toBe(false);
    const { request, page: silent } = await silently(here.agent, client, opaque);
    const tokens = await client.exchange(request, redirectOf(silent));
    expect(tokens.claims.auth_time).toBe(here.tokens.claims.auth_time);
    const [notice] = stile.core.outbox?.list() ?? [];
    expect(notice).toMatchObject({ to: 'ada@example.test', subject: 'Your password was changed' });
  });

  it.each([
    [both('tiny'), 'too short or too common', 'password'],
    [both(PASSWORD), 'the password you have already', 'password'],
    [{ password: NEXT, repeat: `${NEXT}.` }, 'are not the same', 'repeat'],
  ])('what will not do is said beside the field, and nothing changes (%#)', async (fields, text, field) => {
    const { agent } = await signIn(client, 'bob');
    const page = await agent.submit(await form(agent), '/account/password', fields);
    expect(page.status).toBe(422);
    expect(page.body).toContain(text);
    expect(page.body).toMatch(new RegExp(`<input id="${field}"[^>]*aria-invalid="true"`));
    expect(page.body).not.toContain(fields.password);
    expect(await opens('bob', PASSWORD)).toBe(true);
  });

  it('rule 6: it needs the best level, fresh within 300 seconds, and comes back after the proof', async () => {
    later(0);
    const { agent, secret } = await personWithTotp(stile, client, 'cyd');
    const ready = await form(agent);
    later(301);
    const stale = await postForm(agent, ready, { action: '/account/password', fields: both(NEXT) });
    expect(stale.status).toBe(303);
    expect(await opens('cyd', NEXT)).toBe(false);
    const [refused] = await rows<{ outcome: string }>(
      stile,
      `SELECT "outcome" FROM "audit_event" WHERE "type" = 'credential_changed'
         AND "account_id" = (SELECT "id" FROM "account" WHERE "username" = 'cyd')`,
    );
    expect(refused).toEqual({ outcome: 'denied' });
    const asked = await form(agent);
    expect(asked.body).toContain('/totp"');
    const code = totpCode(secret, stile.core.clock.now());
    const back = await agent.submit(asked, '/totp', { code });
    expect(back.url).toMatch(/\/account\/password$/);
    const done = await agent.submit(back, '/account/password', both(NEXT));
    expect(done.url).toContain('notice=password_changed');
    expect(await opens('cyd', NEXT)).toBe(true);
  });

  it('without a session there is no form, and a form of another session changes nothing', async () => {
    const mine = await signIn(client, 'dan');
    const theirs = await signIn(client, 'bob');
    const page = await form(mine.agent);
    const stolen = await postForm(theirs.agent, page, { action: '/account/password', fields: both(NEXT) });
    expect(stolen.status).toBe(403);
    const nobody = await postForm(createAgent(), page, { action: '/account/password', fields: both(NEXT) });
    expect(nobody.status).toBe(401);
    const asked = await form(createAgent());
    expect(asked.body).toContain('/identifier"');
    expect(asked.body).not.toContain('stile-account');
    expect(await opens('dan', PASSWORD)).toBe(true);
    expect(await opens('bob', PASSWORD)).toBe(true);
  });
});
