/** Rule 6: a password is a factor as others are, and is added inside a step-up as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { answerPasskey, FIRST, MFA, personWithPasskey, postForm, rows } from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  mailedCode,
  passwordSignIn,
  redirectOf,
  signIn,
  silently,
} from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';
import { createAuthenticator, type SoftwareAuthenticator } from '../../support/webauthn.ts';

const CHOSEN = 'seven swans over the sluice';
const both = { password: CHOSEN, repeat: CHOSEN };

describe.skipIf(noPostgres)('enrolling a password', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
  });
  afterAll(() => stile?.stop());

  const credentials = (accountId: string) =>
    rows<{ method: string; bound_at: string; bound_by: string }>(
      stile,
      'SELECT "method", "bound_at", "bound_by" FROM "credential" WHERE "account_id" = $1 ORDER BY "method" DESC',
      [accountId],
    );

  /** Somebody whose only factor is a key, in a browser of theirs without a session. */
  async function keyHolder(username: string, userVerified: boolean) {
    const accountId = await addPerson(stile, username);
    const authenticator = createAuthenticator({ userVerified });
    await personWithPasskey(stile, client, { username, authenticator });
    await stile.core.db.query(`DELETE FROM "credential" WHERE "account_id" = $1 AND "method" = 'password'`, [
      accountId,
    ]);
    await stile.core.db.query(`UPDATE "credential" SET "bound_by" = 'admin' WHERE "account_id" = $1`, [
      accountId,
    ]);
    return { accountId, authenticator, agent: createAgent() };
  }

  async function withKey(agent: Agent, authenticator: SoftwareAuthenticator, url: string): Promise<Page> {
    const page = await agent.open(url);
    return answerPasskey(stile, agent, { page, authenticator, anyKey: true });
  }

  async function confirm(agent: Agent, username: string, start: Page): Promise<Page> {
    const page = await agent.submit(start, '/email/send');
    return agent.submit(page, '/email', { code: mailedCode(stile, username) });
  }

  it('rule 6: whoever holds only a key is offered a password where mfa is asked for, and has mfa with it', async () => {
    const { accountId, authenticator, agent } = await keyHolder('ada', false);
    const request = await client.authorize({ acr_values: MFA });
    const choose = await withKey(agent, authenticator, request.url);
    expect(choose.body).toContain('enrol=passkey');
    expect(choose.body).not.toContain('enrol=totp');
    const confirming = await agent.open(new URL('?enrol=password', choose.url).href);
    expect(confirming.body).not.toContain('/enrol/password"');
    const page = await confirm(agent, 'ada', confirming);
    expect(page.body.match(/autocomplete="new-password"/g)).toHaveLength(2);
    const end = await agent.submit(page, '/enrol/password', both);
    const { claims } = await client.exchange(request, redirectOf(end));
    expect(claims).toMatchObject({ acr: MFA, amr: ['mfa', 'pop', 'pwd', 'user'] });
    expect(await credentials(accountId)).toEqual([
      { method: 'password', bound_at: FIRST, bound_by: 'email_code' },
      { method: 'passkey', bound_at: FIRST, bound_by: 'admin' },
    ]);
    const again = createAgent();
    const start = await again.open((await client.authorize()).url);
    expect((await passwordSignIn(again, start, 'ada', CHOSEN)).location).toBeDefined();
    expect(stile.core.outbox?.list()[0]).toMatchObject({
      to: 'ada@example.test',
      subject: 'A way to sign in was added',
    });
  });

  it('rule 6: no form sets it before the gate is passed', async () => {
    const { accountId, authenticator, agent } = await keyHolder('bob', false);
    const { url } = await client.authorize({ acr_values: MFA });
    const choose = await withKey(agent, authenticator, url);
    const confirming = await agent.open(new URL('?enrol=password', choose.url).href);
    const forged = {
      ...confirming,
      body: confirming.body.replaceAll('/email/send"', '/enrol/password"'),
    };
    const answer = await postForm(agent, forged, { action: '/enrol/password', fields: both });
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('/email/send"');
    expect(await credentials(accountId)).toHaveLength(1);
  });

  it.each([
    [{ password: 'tiny', repeat: 'tiny' }, 'too short or too common', 'password'],
    [{ password: CHOSEN, repeat: `${CHOSEN}.` }, 'are not the same', 'repeat'],
  ])('what will not do is said beside the field, and nothing is added (%#)', async (fields, text, field) => {
    const username = `cyd${field}`;
    const { accountId, authenticator, agent } = await keyHolder(username, false);
    const { url } = await client.authorize({ acr_values: MFA });
    const choose = await withKey(agent, authenticator, url);
    const start = await agent.open(new URL('?enrol=password', choose.url).href);
    const form = await confirm(agent, username, start);
    const page = await agent.submit(form, '/enrol/password', fields);
    expect(page.status).toBe(422);
    expect(page.body).toContain(text);
    expect(page.body).toMatch(new RegExp(`<input id="${field}"[^>]*aria-invalid="true"`));
    expect(page.body).not.toContain(fields.password);
    expect(await credentials(accountId)).toHaveLength(1);
    expect((await agent.submit(page, '/enrol/password', both)).location).toBeDefined();
  });

  it('rule 6: the account page adds one the same way, beside a key that does not verify its user too', async () => {
    const { accountId, authenticator, agent } = await keyHolder('dan', false);
    const account = await withKey(agent, authenticator, `${stile.issuer}/account`);
    expect(account.body).toContain('href="/account/add/password"');
    let page = await agent.open(`${stile.issuer}/account/add/password`);
    page = await answerPasskey(stile, agent, { page, authenticator });
    page = await confirm(agent, 'dan', page);
    const done = await agent.submit(page, '/enrol/password', both);
    expect(done.url).toContain('notice=factor_added');
    expect(done.body).toContain('href="/account/password"');
    expect(done.body).not.toContain('href="/account/add/password"');
    expect((await credentials(accountId))[0]).toMatchObject({ method: 'password', bound_by: 'email_code' });
  });

  it('rule 6: beside a passkey that was just used nothing more is asked', async () => {
    const { accountId, authenticator, agent } = await keyHolder('eve', true);
    await withKey(agent, authenticator, `${stile.issuer}/account`);
    const page = await agent.open(`${stile.issuer}/account/password`);
    const done = await agent.submit(page, '/enrol/password', both);
    expect(done.url).toContain('notice=factor_added');
    expect((await credentials(accountId))[0]).toMatchObject({ method: 'password', bound_by: 'step_up' });
  });

  it('rule 6: whoever has a password is offered no second one, and is refused it', async () => {
    const accountId = await addPerson(stile, 'fay');
    const { agent } = await signIn(client, 'fay');
    const account = await agent.open(`${stile.issuer}/account`);
    expect(account.body).not.toContain('href="/account/add/password"');
    const choose = await agent.open((await client.authorize({ acr_values: MFA })).url);
    expect(choose.body).toContain('enrol=totp');
    expect(choose.body).not.toContain('enrol=password');
    expect((await agent.open(`${stile.issuer}/account/add/password`)).status).toBe(403);
    expect(await credentials(accountId)).toHaveLength(1);
  });

  it('rule 3: silently asked, a password that could be added is interaction_required', async () => {
    const { authenticator, agent } = await keyHolder('gil', false);
    await withKey(agent, authenticator, (await client.authorize()).url);
    const { page } = await silently(agent, client, { acr_values: MFA });
    expect(errorOf(page)).toBe('interaction_required');
  });
});
