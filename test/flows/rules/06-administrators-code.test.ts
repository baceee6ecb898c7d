/** Rule 6: where no address can confirm the first second factor, a code from an administrator does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAccount } from '../../../src/services/accounts.ts';
import { issueAdminCode } from '../../../src/services/admin-code.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  attempts,
  FIRST,
  MFA,
  postForm,
  registerTotp,
  rows,
  shownSeed,
  stepUpWithTotp,
} from '../../support/journeys.ts';
import { addPerson, passwordSignIn, redirectOf } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('an administrator’s code', () => {
  let stile: TestStile;
  /** Another process on the same database. */
  let second: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    second = await startStile({ database: stile.database });
    client = await createClient(stile);
  });
  afterAll(async () => {
    await second?.stop();
    await stile?.stop();
  });

  const wrong = (code: string) => (code === '00000000' ? '00000001' : '00000000');

  async function issue(username: string): Promise<string> {
    const account = await findAccount(stile.core.services, username);
    if (!account) throw new Error(`nobody is called ${username}`);
    return (await issueAdminCode(stile.core.services, account)).code;
  }

  async function personWithoutAddress(username: string): Promise<string> {
    const id = await addPerson(stile, username);
    await stile.core.db.query('UPDATE "account" SET "email_verified_at" = NULL WHERE "id" = $1', [id]);
    return id;
  }

  /** From a request for mfa to the page that asks for the code. */
  async function askedForCode(username: string, to: TestClient = client) {
    const agent = createAgent();
    const request = await to.authorize({ acr_values: MFA });
    const choose = await passwordSignIn(agent, await agent.open(request.url), username);
    const page = await agent.open(new URL('?enrol=totp', choose.url).href);
    return { agent, request, page };
  }

  const enter = (agent: Agent, page: Page, code: string) => agent.submit(page, '/admin-code', { code });

  it('rule 6: it is asked for in the step-up, opens the enrolment, and the new factor counts', async () => {
    const id = await personWithoutAddress('ada');
    const { agent, request, page } = await askedForCode('ada');
    expect(page.body).toContain('Ask an administrator');
    expect(page.body).toMatch(/<label for="code">[^<]+<\/label>/);
    expect(shownSeed(page)).toBe('');
    const code = await issue('ada');
    const refused = await enter(agent, page, wrong(code));
    expect(refused.status).toBe(422);
    expect(refused.body).toMatch(/<input id="code"[^>]*aria-invalid="true"/);
    expect(shownSeed(refused)).toBe('');
    const form = await enter(agent, refused, `${code.slice(0, 4)} ${code.slice(4)}`);
    const { page: end, secret } = await registerTotp(stile, agent, form);
    const { claims } = await client.exchange(request, redirectOf(end));
    expect(claims).toMatchObject({ acr: MFA, amr: ['mfa', 'otp', 'pwd'] });
    const bound = await rows(
      stile,
      `SELECT "bound_at", "bound_by" FROM "credential" WHERE "account_id" = $1 AND "method" = 'totp'`,
      [id],
    );
    expect(bound).toEqual([{ bound_at: FIRST, bound_by: 'admin_code' }]);
    expect((await attempts(stile, id)).slice(0, 2)).toEqual(['success', 'wrong_code']);
    const { agent: again } = await freshSession('ada');
    expect((await stepUpWithTotp(stile, client, { agent: again, secret })).claims.acr).toBe(MFA);
  });

  async function freshSession(username: string) {
    const agent = createAgent();
    const request = await client.authorize();
    await passwordSignIn(agent, await agent.open(request.url), username);
    return { agent };
  }

  it('rule 6: the account page asks for it as well', async () => {
    await personWithoutAddress('bob');
    const agent = createAgent();
    const start = await agent.open(`${stile.issuer}/account/add/totp`);
    const page = await passwordSignIn(agent, start, 'bob');
    const { page: done } = await registerTotp(stile, agent, await enter(agent, page, await issue('bob')));
    expect(done.url).toContain('notice=factor_added');
  });

  it('rule 6: a code is used once, also when two processes are shown it at once', async () => {
    const id = await personWithoutAddress('cyd');
    const asked = [
      await askedForCode('cyd'),
      await askedForCode('cyd', await createClient(second)),
      await askedForCode('cyd'),
      await askedForCode('cyd', await createClient(second)),
    ];
    const code = await issue('cyd');
    const shown = await Promise.all(asked.map(({ agent, page }) => enter(agent, page, code)));
    expect(shown.filter((page) => shownSeed(page) !== '')).toHaveLength(1);
    expect(shown.filter(({ status }) => status === 422)).toHaveLength(3);
    const consumed = await rows(
      stile,
      `SELECT count(*)::int AS "n" FROM "proof" WHERE "account_id" = $1 AND "method" = 'admin_code'`,
      [id],
    );
    expect(consumed).toEqual([{ n: 1 }]);
  });

  it('rule 6: it is taken only where it is asked for: elsewhere it opens nothing and is not used up', async () => {
    const id = await addPerson(stile, 'dan');
    const code = await issue('dan');
    const { agent, page } = await askedForCode('dan');
    expect(page.body).toContain('/email/send"');
    const forged = { ...page, body: page.body.replaceAll('/email/send"', '/admin-code"') };
    const answer = await postForm(agent, forged, { action: '/admin-code', fields: { code } });
    expect(answer.status).toBe(303);
    expect(shownSeed(await agent.open(page.url))).toBe('');
    const kept = await rows(
      stile,
      `SELECT "tries", "consumed_at" FROM "ceremony" WHERE "account_id" = $1 AND "purpose" = 'admin-code'`,
      [id],
    );
    expect(kept).toEqual([{ tries: 0, consumed_at: null }]);
  });

  it('rule 6: one person’s code opens nothing for another', async () => {
    await personWithoutAddress('eve');
    await personWithoutAddress('fay');
    const code = await issue('eve');
    const { agent, page } = await askedForCode('fay');
    const answer = await enter(agent, page, code);
    expect(answer.status).toBe(422);
    expect(shownSeed(answer)).toBe('');
  });

  it('rule 7: the form is this interaction’s own, in this browser', async () => {
    await personWithoutAddress('gil');
    const code = await issue('gil');
    const { agent, page } = await askedForCode('gil');
    const forged = await postForm(agent, page, {
      action: '/admin-code',
      fields: { code, _csrf: 'forged' },
    });
    expect(forged.status).toBe(403);
    const elsewhere = await postForm(createAgent(), page, { action: '/admin-code', fields: { code } });
    expect(elsewhere.status).toBe(403);
    expect(shownSeed(await enter(agent, page, code))).not.toBe('');
  });

  it('rule 6: where the address set the first factor, a code sent there is not asked for', async () => {
    const id = await addPerson(stile, 'hal');
    await stile.core.db.query(`UPDATE "credential" SET "bound_by" = 'email_code' WHERE "account_id" = $1`, [
      id,
    ]);
    const { agent, page } = await askedForCode('hal');
    expect(page.body).not.toContain('/email/send"');
    expect(shownSeed(await enter(agent, page, await issue('hal')))).not.toBe('');
  });
});
