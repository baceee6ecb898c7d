/** Rule 6: changing factors is a protected action. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answerPasskey,
  count,
  FIRST,
  MFA,
  openGate,
  passkeyOptions,
  personWithTotp,
  postForm,
  registerPasskey,
  registerTotp,
  rows,
  shownSeed,
  stepUpWithTotp,
} from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  mailedCode,
  PASSWORD,
  redirectOf,
  signIn,
  silently,
  totpCode,
} from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';
import { createAuthenticator } from '../../support/webauthn.ts';

describe.skipIf(noPostgres)('changing factors', () => {
  let stile: TestStile;
  let client: TestClient;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const levels = defaultLevels
      .slice(0, 3)
      .map((level) => (level.acr === 'phr' ? { ...level, requiresBinding: MFA } : level));
    stile = await startStile({ config: { levels: levels as never } });
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gil', 'hal', 'ivy'])
      ids[name] = await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => stile?.stop());

  const later = (seconds: number) => {
    if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + seconds * 1000);
  };
  const codeOf = (secret: string) => totpCode(secret, stile.core.clock.now());
  const credentials = (name: string, method: string) =>
    rows<{ id: string; bound_at: string | null; bound_by: string }>(
      stile,
      'SELECT "id", "bound_at", "bound_by" FROM "credential" WHERE "account_id" = $1 AND "method" = $2',
      [ids[name], method],
    );
  const mails = (name: string) =>
    (stile.core.outbox?.list() ?? []).filter(
      ({ to, text }) => to === `${name}@example.test` && !/\d{8}/.test(text),
    );
  const addPage = (agent: Agent, method: string) => agent.open(`${stile.issuer}/account/add/${method}`);

  it('rule 6: the first second factor needs the password in this transaction, however fresh the session is', async () => {
    const { agent } = await signIn(client, 'ada');
    const page = await addPage(agent, 'totp');
    expect(page.body).toContain('/password"');
    expect(page.body).not.toContain('/enrol/totp"');
    const [held] = await rows(stile, 'SELECT count(*) AS "n" FROM "ceremony" WHERE "purpose" = $1', [
      'totp-enrolment',
    ]);
    expect(Number(held?.['n'])).toBe(0);
  });

  it('rule 6: and a code to the verified address; a wrong one opens nothing', async () => {
    const { agent } = await signIn(client, 'bob');
    let page = await addPage(agent, 'totp');
    page = await agent.submit(page, '/password', { password: PASSWORD });
    expect(page.body).toContain('/email/send"');
    expect(shownSeed(page)).toBe('');
    page = await agent.submit(page, '/email/send');
    const code = mailedCode(stile, 'bob');
    const wrong = await agent.submit(page, '/email', { code: code === '00000000' ? '00000001' : '00000000' });
    expect(wrong.status).toBe(422);
    expect(shownSeed(wrong)).toBe('');
    page = await agent.submit(wrong, '/email', { code });
    expect(shownSeed(page)).not.toBe('');
    const { page: done } = await registerTotp(stile, agent, page);
    expect(done.url).toContain('factor_added');
    const [totp] = await credentials('bob', 'totp');
    expect(totp).toMatchObject({ bound_at: FIRST, bound_by: 'email_code' });
    expect(mails('bob')).toHaveLength(1);
    const [audited] = await rows(
      stile,
      `SELECT "data"->>'boundAt' AS "at", "data"->>'boundBy' AS "by" FROM "audit_event"
       WHERE "type" = 'credential_added' AND "account_id" = $1`,
      [ids['bob']],
    );
    expect(audited).toEqual({ at: FIRST, by: 'email_code' });
  });

  it('rule 6: without a verified address an administrator has to confirm the first second factor', async () => {
    await stile.core.db.query('UPDATE "account" SET "email_verified_at" = NULL WHERE "id" = $1', [
      ids['cyd'],
    ]);
    const { agent } = await signIn(client, 'cyd');
    const asked = await agent.open((await client.authorize({ acr_values: MFA })).url);
    expect(asked.body).toContain('enrol=totp');
    let page = await addPage(agent, 'totp');
    page = await agent.submit(page, '/password', { password: PASSWORD });
    expect(page.body).toContain('/admin-code"');
    expect(page.body).not.toContain('/email/send"');
    expect(shownSeed(page)).toBe('');
    expect(await credentials('cyd', 'totp')).toHaveLength(0);
  });

  it('rule 6: another factor needs the best level fresh within 300 seconds, and is bound no higher than what proved it', async () => {
    const { agent, secret } = await personWithTotp(stile, client, 'dan');
    later(280);
    expect((await addPage(agent, 'passkey')).body).toContain('/enrol/passkey"');
    later(20);
    let page = await addPage(agent, 'passkey');
    expect(page.body).not.toContain('/enrol/passkey"');
    expect(page.body).toContain('/totp"');
    page = await agent.submit(page, '/totp', { code: codeOf(secret) });
    const done = await registerPasskey(stile, agent, page, createAuthenticator());
    expect(done.url).toContain('factor_added');
    const [passkey] = await credentials('dan', 'passkey');
    expect(passkey).toMatchObject({ bound_at: FIRST, bound_by: 'step_up' });
    expect(mails('dan')).toHaveLength(2);
  });

  it('rule 6: a level that requires a binding is not met by a credential that was bound with less', async () => {
    const authenticator = createAuthenticator();
    const { agent, secret } = await personWithTotp(stile, client, 'eve');
    await registerPasskey(stile, agent, await addPage(agent, 'passkey'), authenticator);
    const second = createAuthenticator();
    await registerPasskey(stile, agent, await addPage(agent, 'passkey'), second);
    expect((await credentials('eve', 'passkey')).map(({ bound_at }) => bound_at)).toEqual([FIRST, FIRST]);
    expect(errorOf((await silently(agent, client, { acr_values: 'phr' })).page)).toBe(
      'unmet_authentication_requirements',
    );
    const asked = await agent.open((await client.authorize({ acr_values: 'phr', prompt: 'login' })).url);
    expect(asked.body).not.toContain('code=');
    expect(secret).not.toBe('');

    await stile.core.db.query(`UPDATE "credential" SET "bound_at" = $2 WHERE "account_id" = $1`, [
      ids['eve'],
      MFA,
    ]);
    const request = await client.authorize({ acr_values: 'phr' });
    const page = await agent.open(request.url);
    const end = await answerPasskey(stile, agent, { page, authenticator });
    expect((await client.exchange(request, redirectOf(end))).claims.acr).toBe('phr');
  });

  it('rule 6: a stolen session adds no passkey, whatever it posts', async () => {
    const { agent } = await personWithTotp(stile, client, 'fay');
    later(301);
    const thief = agent.fork();
    const page = await addPage(thief, 'passkey');
    expect(page.body).not.toContain('/enrol/passkey"');
    const own = { rp: { id: 'localhost' }, user: { id: 'dGhpZWY' }, challenge: 'AAAAAAAAAAAAAAAAAAAAAA' };
    const response = JSON.stringify(createAuthenticator().register(own, stile.issuer));
    const form: Page = {
      ...page,
      body: page.body.replaceAll(/action="[^"]*\/totp"/g, (found) =>
        found.replace('/totp', '/enrol/passkey'),
      ),
    };
    const posted = await postForm(thief, form, {
      action: '/enrol/passkey',
      fields: { response, label: 'Mine', code: '' },
    });
    expect([303, 400, 403]).toContain(posted.status);
    const bare = { ...form, body: form.body.replaceAll(/<input[^>]*name="code"[^>]*>/g, '') };
    const again = await postForm(thief, bare, {
      action: '/enrol/passkey',
      fields: { response, label: 'Mine' },
    });
    expect([303, 403]).toContain(again.status);
    expect(await credentials('fay', 'passkey')).toHaveLength(0);
  });

  it('rule 6: removing needs the best level, fresh within 300 seconds; what rested on the factor ends with it', async () => {
    const { agent, secret, tokens: base } = await personWithTotp(stile, client, 'gil');
    const stepped = await stepUpWithTotp(stile, client, { agent, secret });
    const [totp] = await credentials('gil', 'totp');
    const url = `${stile.issuer}/account/factors/${totp?.id}/remove`;
    const ready = await agent.open(url);
    expect(ready.body).toContain(`action="/account/factors/${totp?.id}/remove"`);

    later(301);
    const stale = await postForm(agent, ready, { action: '/remove' });
    expect([303, 403]).toContain(stale.status);
    expect(await credentials('gil', 'totp')).toHaveLength(1);
    const asked = await agent.open(url);
    expect(asked.body).toContain('/totp"');
    const confirm = await agent.submit(asked, '/totp', { code: codeOf(secret) });
    const done = await agent.submit(confirm, '/remove');
    expect(done.url).toContain('factor_removed');
    expect(await credentials('gil', 'totp')).toHaveLength(0);
    expect(mails('gil')).toHaveLength(2);
    const proofs = 'SELECT count(*) AS "n" FROM "proof" WHERE "credential_id" = $1';
    expect(await count(stile, proofs, [totp?.id])).toBe(0);
    expect((await client.refresh(String(stepped.refresh_token))).status).toBe(400);
    expect((await client.refresh(String(base.refresh_token))).status).toBe(200);
  });

  it('rule 6: a session at a lower level removes nothing', async () => {
    await personWithTotp(stile, client, 'hal');
    const { agent } = await signIn(client, 'hal', {}, createAgent());
    const [totp] = await credentials('hal', 'totp');
    const account = await agent.open(`${stile.issuer}/account`);
    const crafted = {
      ...account,
      body: account.body.replace('/account/sign-out', `/account/factors/${totp?.id}/remove`),
    };
    const answer = await postForm(agent, crafted, { action: '/remove' });
    expect([303, 403]).toContain(answer.status);
    expect(await credentials('hal', 'totp')).toHaveLength(1);
  });

  it('rule 6: the only way into an account is not removed', async () => {
    const { agent } = await signIn(client, 'ivy');
    const [password] = await credentials('ivy', 'password');
    const page = await agent.open(`${stile.issuer}/account/factors/${password?.id}/remove`);
    expect(page.status).toBe(409);
    const account = await agent.open(`${stile.issuer}/account`);
    expect(account.body).not.toContain('/remove"');
  });

  it("trap: nobody touches another person's factor", async () => {
    const { agent } = await signIn(client, 'ivy');
    const [theirs] = await credentials('hal', 'totp');
    expect((await agent.open(`${stile.issuer}/account/factors/${theirs?.id}/remove`)).status).toBe(404);
    const account = await agent.open(`${stile.issuer}/account`);
    for (const action of ['remove', 'rename']) {
      const body = account.body.replace('/account/sign-out', `/account/factors/${theirs?.id}/${action}`);
      const fields: Record<string, string> = action === 'rename' ? { label: 'Stolen' } : {};
      const answer = await postForm(
        agent,
        { ...account, body },
        { action: `${theirs?.id}/${action}`, fields },
      );
      expect(answer.status).toBe(404);
    }
    const [kept] = await rows(stile, 'SELECT "label" FROM "credential" WHERE "id" = $1', [theirs?.id]);
    expect(kept).toEqual({ label: 'Phone' });
  });

  it('trap: an enrolment begun in one transaction is not finished in another', async () => {
    const { agent } = await signIn(client, 'ada');
    const second = await openGate(stile, agent, await addPage(agent, 'passkey'), {
      username: 'ada',
      method: 'passkey',
    });
    const first = await openGate(stile, agent, await addPage(agent, 'passkey'), {
      username: 'ada',
      method: 'passkey',
    });
    const options = passkeyOptions<Parameters<ReturnType<typeof createAuthenticator>['register']>[0]>(
      first,
      '/enrol/passkey',
    );
    const response = JSON.stringify(createAuthenticator().register(options, stile.issuer));
    const answer = await agent.submit(second, '/enrol/passkey', { response, label: 'Key' });
    expect(answer.status).toBe(422);
    expect(await credentials('ada', 'passkey')).toHaveLength(0);
  });
});
