/** The policy where it is asked beside sign-ins: amounts, refreshes, changes of factors, and rules that fail. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ACCOUNT_CLIENT } from '../../../src/oidc/account-client.ts';
import type { Mail } from '../../../src/services/ports/machine.ts';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  answer,
  FIRST,
  MFA,
  newPerson,
  nextCode,
  obtain,
  type Person,
  pass,
  stopClock,
} from '../../support/journey.ts';
import { rows } from '../../support/journeys.ts';
import { errorOf, passwordSignIn, redirectOf, silently } from '../../support/people.ts';
import { API, startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';

const policy = `
version: 1
rules:
  - name: large
    when: request.details.exists(d, d.type == "transfer" && d.amount > 1000)
    require: { acr: ['urn:stile:acr:mfa', phr], maxAge: 300 }
    reason: Transfers over 1,000 are confirmed.
  - name: no-refresh
    when: request.event == "refresh" && "suspended" in account.groups
    deny: true
    reason: Suspended.
  - name: refresh-needs-two
    when: request.event == "refresh" && "careful" in account.groups
    require: { acr: ['urn:stile:acr:mfa'] }
    reason: Two factors.
  - name: sign-ins-of-watched
    when: request.event == "authorization" && "watched" in account.groups
    require: { acr: ['urn:stile:acr:mfa'] }
    reason: Every sign-in is confirmed.
  - name: refresh-soon
    when: request.event == "refresh" && "hasty" in account.groups
    require: { maxAge: 300 }
    reason: Renewed within five minutes, or not.
  - name: stolen
    when: risk.tokenElsewhere
    deny: true
    reason: This token is used by another program elsewhere.
  - name: removal
    when: request.event == "account_change" && request.change == "credential_removed"
    require: { maxAge: 120 }
    reason: Factors are removed by who is there right now.
  - name: no-new-factors
    when: request.event == "account_change" && request.change == "credential_added" && "frozen" in account.groups
    deny: true
    reason: Nothing is added while this account is frozen.
  - name: barred
    when: request.event == "authorization" && "barred" in account.groups
    deny: true
    reason: This account is barred.
  - name: light
    when: '"light" in account.groups'
    require: { acr: ['urn:stile:acr:1fa'] }
    reason: At least something.
  - name: recent
    when: request.event == "refresh" && "recent" in account.groups
    require: { maxAge: 300 }
    reason: Recently.
  - name: without-app
    when: request.event == "refresh" && "with-app" in account.groups && !("totp" in account.factors)
    deny: true
    reason: Only with an app.
  - name: session-moved
    when: request.event == "refresh" && risk.sessionElsewhere
    deny: true
    reason: A refresh brings no cookie of a session.
  - name: odd
    when: '"odd" in account.groups'
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: Two factors for you.
  - name: unreachable
    when: request.event == "authorization" && "unreachable" in account.groups
    require: { acr: [phrh] }
    reason: A hardware key.
  - name: told
    when: request.event == "authorization" && "told" in account.groups
    notify: true
    reason: Somebody signed in as you.
  - name: kept
    when: request.event == "account_change" && "kept" in account.groups
    deny: true
    reason: Your factors stay as they are.
  - name: unready
    when: request.event == "authorization" && "unready" in account.groups
    require: { acr: ['urn:stile:acr:mfa'] }
    reason: Two factors.
  - name: frozen-later
    when: request.event == "account_change" && "frozen-later" in account.groups
    deny: true
    reason: Nothing is added within a sign-in.
  - name: told-of-refresh
    when: request.event == "refresh" && "told-of-refresh" in account.groups
    notify: true
    reason: A token of yours is used.
  - name: told-of-change
    when: request.event == "account_change" && "told-of-change" in account.groups
    notify: true
    reason: Your factors are being changed.
`;

describe.skipIf(noPostgres)('policy, everywhere it is asked', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile({ policy, config: { trustProxy: 1, authorizationDetails: { transfer: {} } } });
    client = await createClient(stile);
  });
  afterAll(() => stile?.stop());

  async function person(groups: readonly string[] = [], factors = { totp: true }): Promise<Person> {
    const made = await newPerson(stile, factors);
    await regroup(made, groups);
    return made;
  }

  async function regroup({ id }: Person, groups: readonly string[]): Promise<void> {
    const { accounts, clock } = stile.core.services;
    await accounts.setGroups(id, groups, clock.now());
  }

  const transfer = (amount: unknown) => ({
    resource: API,
    authorization_details: JSON.stringify([
      { type: 'transfer', instructedAmount: { currency: 'EUR', amount } },
    ]),
  });

  it.each([
    ['1000.00', 'nothing'],
    ['1000.01', 'a second factor'],
    ['a lot', 'a second factor'],
    [1e12, 'a second factor'],
  ])('a sensitive action by its value: %s asks for %s', async (amount, expected) => {
    const who = await person();
    const { agent } = await obtain(stile, client, { person: who });
    const page = await agent.open((await client.authorize(transfer(amount))).url);
    if (expected === 'nothing') return expect(page.location).toBeDefined();
    expect(page.body).toContain('Transfers over 1,000 are confirmed.');
    const done = await answer(stile, agent, page, { person: who });
    expect(done.asked).toEqual(['totp']);
    expect(done.page.location).toContain('code=');
  });

  it('silently it is login_required, and the decision is recorded', async () => {
    const who = await person();
    const { agent } = await obtain(stile, client, { person: who });
    expect(errorOf((await silently(agent, client, transfer('2000'))).page)).toBe('login_required');
    const [event] = await rows<{ data: { decision: Record<string, unknown> } }>(
      stile,
      `SELECT "data" FROM "audit_event" WHERE "account_id" = $1 AND "outcome" = 'denied' ORDER BY "id" DESC LIMIT 1`,
      [who.id],
    );
    expect(event?.data.decision).toMatchObject({
      outcome: 'stepUp',
      facts: { request: { amount: 2000, silent: true } },
      policy: { matched: [{ rule: 'large', mode: 'enforce', effect: 'require' }] },
    });
  });

  /** The newest decision of a person in events of a type. */
  async function decisionIn(type: string, { id }: Person): Promise<unknown> {
    const [event] = await rows<{ outcome: string; data: { decision: unknown } }>(
      stile,
      'SELECT "outcome", "data" FROM "audit_event" WHERE "type" = $1 AND "account_id" = $2 ORDER BY "id" DESC LIMIT 1',
      [type, id],
    );
    return event && { outcome: event.outcome, ...event.data };
  }

  it('asking somebody for more is a decision of its own', async () => {
    const who = await person();
    const { agent } = await obtain(stile, client, { person: who });
    await agent.open((await client.authorize(transfer('2000'))).url);
    expect(await decisionIn('decision', who)).toMatchObject({
      outcome: 'success',
      decision: { outcome: 'stepUp', policy: { clauses: [{ source: 'policy', name: 'large' }] } },
    });
  });

  it('what stops somebody within a new sign-in is recorded once, also where they leave', async () => {
    const who = await person(['odd']);
    const agent = createAgent();
    const begin = await agent.open((await client.authorize()).url);
    const page = await passwordSignIn(agent, begin, who.username);
    expect(page.body).toContain('Two factors for you.');
    await stile.core.db.query(
      `WITH "gone" AS (DELETE FROM "audit_event" WHERE "type" = 'decision' AND "account_id" = $1)
       UPDATE "auth_transaction" SET "state" = "state" - 'asked' WHERE "account_id" = $1`,
      [who.id],
    );
    await Promise.all(Array.from({ length: 5 }, () => agent.fork().open(page.url)));
    const decisions = await rows<{ outcome: string; data: { decision: unknown } }>(
      stile,
      `SELECT "outcome", "data" FROM "audit_event" WHERE "type" = 'decision' AND "account_id" = $1`,
      [who.id],
    );
    expect(decisions).toEqual([
      {
        outcome: 'success',
        data: {
          decision: expect.objectContaining({
            outcome: 'stepUp',
            policy: expect.objectContaining({ clauses: [expect.objectContaining({ name: 'odd' })] }),
          }),
        },
      },
    ]);
  });

  it('what nobody can give within a new sign-in is recorded as refused', async () => {
    const who = await person(['unreachable'], { totp: false });
    const agent = createAgent();
    const begin = await agent.open((await client.authorize()).url);
    const page = await passwordSignIn(agent, begin, who.username);
    expect(errorOf(page)).toBe('unmet_authentication_requirements');
    expect(await decisionIn('decision', who)).toMatchObject({
      outcome: 'denied',
      decision: { outcome: 'unmet', policy: { clauses: [{ name: 'unreachable' }] } },
    });
  });

  it('a rule takes nothing from what the request asks for', async () => {
    const who = await person(['light']);
    const { asked } = await obtain(stile, client, { person: who, parameters: { acr_values: MFA } });
    expect(asked).toEqual(['password', 'totp']);
  });

  it('what is too large to be looked at counts as a match of every rule, and the audit says why', async () => {
    const who = await person();
    const unknown = Array.from({ length: 50 }, (_, index) => `a${index}`);
    const acr_values = [FIRST, ...unknown].join(' ');
    const agent = createAgent();
    const begin = await agent.open((await client.authorize({ acr_values })).url);
    const page = await passwordSignIn(agent, begin, who.username);
    expect(page.status).toBe(403);
    expect(page.body).toContain('This account is barred.');
    expect(await decisionIn('decision', who)).toMatchObject({
      decision: {
        policy: {
          deny: true,
          matched: expect.arrayContaining([
            expect.objectContaining({ rule: 'barred', error: expect.stringContaining('more than 50') }),
          ]),
        },
      },
    });
  });

  it('nothing about a person shows before a first proof', async () => {
    const who = await person();
    const { tokens } = await obtain(stile, client, { person: who });
    await regroup(who, ['barred']);
    const request = await client.authorize({ id_token_hint: tokens.id_token });
    const agent = createAgent();
    const first = await agent.open(request.url);
    const named = await agent.submit(first, '/identifier', { identifier: who.username });
    for (const page of [first, named]) {
      expect(page.status).toBe(200);
      expect(page.body).not.toContain('barred');
    }
    expect(named.body).toContain('/password"');
  });

  it('a denial is a page of its own, and the client is told access_denied without a reason', async () => {
    const who = await person(['barred']);
    const agent = createAgent();
    const begin = await agent.open((await client.authorize()).url);
    const page = await passwordSignIn(agent, begin, who.username);
    expect([page.status, page.location]).toEqual([403, undefined]);
    expect(page.body).toContain('This account is barred.');
    const back = new URL(redirectOf(await agent.submit(page, '/cancel'))).searchParams;
    expect([back.get('error'), back.get('error_description')]).toEqual([
      'access_denied',
      'refused by policy',
    ]);
  });

  it('silently a denial is access_denied, without a reason', async () => {
    const who = await person();
    const { agent } = await obtain(stile, client, { person: who });
    await regroup(who, ['barred']);
    const { page } = await silently(agent, client);
    expect(errorOf(page)).toBe('access_denied');
    expect(page.location).not.toContain('barred');
    expect(await decisionIn('authorization', who)).toMatchObject({
      outcome: 'denied',
      decision: { outcome: 'denied', policy: { deny: true } },
    });
  });

  it('who is to be told is told once for a sign-in, when it is complete and committed', async () => {
    const third = await createClient(stile, 'third');
    const who = await person(['told', 'odd']);
    const signIns = 'SELECT 1 FROM "sign_in_history" WHERE "account_id" = $1';
    const { services } = stile.core;
    const { mailer } = services;
    const outside = new pg.Client({ connectionString: stile.database.url });
    await outside.connect();
    const mails: [mail: Mail, committed: number][] = [];
    Object.assign(services, {
      mailer: {
        send: async (mail: Mail) => {
          mails.push([mail, (await outside.query(signIns, [who.id])).rows.length]);
          await mailer.send(mail);
        },
      },
    });
    try {
      const agent = createAgent();
      const begin = await agent.open((await third.authorize()).url);
      const page = await passwordSignIn(agent, begin, who.username);
      expect(mails).toEqual([]);
      const { page: consent } = await answer(stile, agent, page, { person: who });
      const end = await agent.submit(consent, '/consent', { decision: 'allow' });
      expect(end.location).toContain('code=');
      await services.background.settled();
      expect(mails).toEqual([
        [expect.objectContaining({ text: expect.stringContaining('Somebody signed in as you.') }), 1],
      ]);
      expect(await rows(stile, signIns, [who.id])).toHaveLength(1);
    } finally {
      Object.assign(services, { mailer });
      await outside.end();
    }
  });

  it('a consent in a session, in which nothing was proved, makes no browser familiar and tells nobody', async () => {
    const third = await createClient(stile, 'third');
    const who = await person(['told']);
    const { agent } = await obtain(stile, client, { person: who });
    const visits = 'SELECT "id" FROM "sign_in_history" WHERE "account_id" = $1';
    const told = async () => (await mailsTo(who)).length;
    const before = await rows(stile, visits, [who.id]);
    expect([before.length, await told()]).toEqual([1, 1]);
    const consent = await agent.open((await third.authorize()).url);
    const end = await agent.submit(consent, '/consent', { decision: 'allow' });
    expect(end.location).toContain('code=');
    expect(await rows(stile, visits, [who.id])).toEqual(before);
    expect(await told()).toBe(1);
  });

  /** What a person was mailed by now, the newest first. */
  async function mailsTo({ username }: Person): Promise<readonly string[]> {
    await stile.core.services.background.settled();
    const mails = stile.core.outbox?.list() ?? [];
    return mails.filter(({ to }) => to === `${username}@example.test`).map(({ text }) => text);
  }

  it('who is to be told is told of a session used silently, once in twelve hours', async () => {
    stopClock();
    try {
      const who = await person();
      const { agent } = await obtain(stile, client, { person: who });
      await regroup(who, ['told']);
      expect(await mailsTo(who)).toEqual([]);
      await Promise.all(Array.from({ length: 5 }, () => silently(agent.fork(), client)));
      expect(await mailsTo(who)).toEqual([expect.stringContaining('Somebody signed in as you.')]);
      pass(12 * 3600);
      await obtain(stile, client, { person: who });
      expect(await mailsTo(who)).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('who is to be told is told of a refresh, also of one that is refused', async () => {
    const who = await person();
    const { tokens } = await obtain(stile, client, { person: who });
    await regroup(who, ['suspended', 'told-of-refresh']);
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(400);
    expect(await mailsTo(who)).toEqual([expect.stringContaining('A token of yours is used.')]);
  });

  it('who is to be told is told of a change of factors, also of one that is refused', async () => {
    const who = await person();
    const agent = createAgent();
    const begin = await agent.open(`${stile.issuer}/account`);
    await passwordSignIn(agent, begin, who.username);
    const page = await agent.open(`${stile.issuer}/account/factors/${who.app?.id}/remove`);
    const ask = await agent.submit(page, '/totp', { code: nextCode(stile, who) });
    await regroup(who, ['told-of-change']);
    await stile.core.db.query(`UPDATE "proof" SET "at" = "at" - 400 WHERE "account_id" = $1`, [who.id]);
    const refused = await agent.submit(ask, `/account/factors/${who.app?.id}/remove`);
    expect(refused.body).not.toContain('/account/factors');
    expect(await mailsTo(who)).toEqual([expect.stringContaining('Your factors are being changed.')]);
  });

  it('a mail server that does not answer keeps nobody waiting', async () => {
    const { services } = stile.core;
    const { mailer } = services;
    const who = await person(['told']);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    Object.assign(services, { mailer: { send: () => held } });
    try {
      const { tokens } = await obtain(stile, client, { person: who });
      expect(tokens.access_token).toBeDefined();
    } finally {
      release();
      await services.background.settled();
      Object.assign(services, { mailer });
    }
  });

  it('a refresh is judged by what is true now: what was proved recently then is too old', async () => {
    stopClock();
    try {
      const who = await person(['recent']);
      const { tokens } = await obtain(stile, client, { person: who });
      const { refresh_token: next } = (await (await client.refresh(String(tokens.refresh_token))).json()) as {
        refresh_token: string;
      };
      expect(await decisionIn('token', who)).toMatchObject({
        outcome: 'success',
        decision: { facts: { request: { event: 'refresh' } }, outcome: 'satisfied' },
      });
      pass(301);
      expect((await client.refresh(next)).status).toBe(400);
      expect(await decisionIn('token', who)).toMatchObject({
        outcome: 'denied',
        decision: { outcome: 'stepUp' },
      });
      await regroup(who, []);
      expect((await client.refresh(next)).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it('at a refresh every factor of the account is known, not only those that were used', async () => {
    const who = await person(['with-app']);
    const { tokens, asked } = await obtain(stile, client, { person: who });
    expect(asked).toEqual(['password']);
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
  });

  it('a refresh that it denies is invalid_grant; the token is good again once it does not', async () => {
    const who = await person();
    const { tokens } = await obtain(stile, client, { person: who });
    await regroup(who, ['suspended']);
    const refused = await client.refresh(String(tokens.refresh_token));
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    await regroup(who, []);
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
  });

  it('a refresh for which it wants more than was proved is invalid_grant', async () => {
    const who = await person(['careful']);
    const base = await obtain(stile, client, { person: who });
    expect((await client.refresh(String(base.tokens.refresh_token))).status).toBe(400);
    const strong = await obtain(stile, client, { person: who, parameters: { acr_values: MFA } });
    expect((await client.refresh(String(strong.tokens.refresh_token))).status).toBe(200);
  });

  it('an age that it limits is counted at each refresh, from the proofs’ own times', async () => {
    const who = await person(['hasty']);
    const { tokens } = await obtain(stile, client, { person: who });
    const first = await client.refresh(String(tokens.refresh_token));
    expect(first.status).toBe(200);
    const { refresh_token: next } = (await first.json()) as { refresh_token: string };
    await stile.core.db.query(
      `UPDATE "assurance_record" SET "proofs" = jsonb_set("proofs", '{0,at}', to_jsonb(("proofs" #>> '{0,at}')::int8 - 301))
       WHERE "account_id" = $1`,
      [who.id],
    );
    expect((await client.refresh(next)).status).toBe(400);
  });

  it('a token used from another network by another program', async () => {
    const who = await person();
    const { tokens } = await obtain(stile, client, { person: who });
    const refresh = (token: string | undefined, address: string, program: string) =>
      fetch(String(client.server.token_endpoint), {
        method: 'POST',
        headers: {
          Authorization: `Basic ${Buffer.from(`web:${WEB_SECRET}`).toString('base64')}`,
          'X-Forwarded-For': address,
          'User-Agent': program,
        },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: String(token) }),
      });
    const first = await refresh(tokens.refresh_token, '198.51.100.10', 'oauth4webapi/v3.8.1');
    const { refresh_token: next } = (await first.json()) as { refresh_token: string };
    const stolen = await refresh(next, '203.0.113.50', 'curl/8.1');
    expect(stolen.status).toBe(400);
    expect(await stolen.json()).toMatchObject({ error: 'invalid_grant' });
    const moved = await refresh(next, '203.0.113.60', 'oauth4webapi/v4.0.0');
    expect(moved.status).toBe(200);
  });

  it('removing a factor: what rule 6 wants and what the policy wants, with its reason', async () => {
    const who = await person();
    const agent = createAgent();
    const begin = await agent.open(`${stile.issuer}/account`);
    await passwordSignIn(agent, begin, who.username);
    const page = await agent.open(`${stile.issuer}/account/factors/${who.app?.id}/remove`);
    expect(page.body).toContain('/totp"');
    const ask = await agent.submit(page, '/totp', { code: nextCode(stile, who) });
    expect(ask.body).toContain(`/account/factors/${who.app?.id}/remove`);
    await stile.core.db.query(`UPDATE "proof" SET "at" = "at" - 200 WHERE "account_id" = $1`, [who.id]);
    const again = await agent.open(`${stile.issuer}/account/factors/${who.app?.id}/remove`);
    expect(again.body).toContain('Factors are removed by who is there right now.');
    const refused = await agent.submit(ask, `/account/factors/${who.app?.id}/remove`);
    expect(refused.body).toContain('Factors are removed by who is there right now.');
    const asked = { facts: { request: { event: 'account_change', change: 'credential_removed' } } };
    const clauses = [expect.objectContaining({ name: 'removal' })];
    expect(await decisionIn('credential_removed', who)).toMatchObject({
      outcome: 'denied',
      error: 'step_up_required',
      decision: { ...asked, outcome: 'stepUp', policy: { clauses } },
    });
    await stile.core.db.query(`UPDATE "proof" SET "at" = "at" + 200 WHERE "account_id" = $1`, [who.id]);
    await agent.submit(ask, `/account/factors/${who.app?.id}/remove`);
    expect(await decisionIn('credential_removed', who)).toMatchObject({
      outcome: 'success',
      decision: { ...asked, outcome: 'satisfied', policy: { clauses } },
    });
  });

  it.each(['stile_change=credential_changed', 'stile_enrol=passkey'])(
    'a request that says it is for a change of factors is an authorization all the same: %s',
    async (parameter) => {
      const who = await person(['watched']);
      const agent = createAgent();
      const begin = await agent.open(`${stile.issuer}/account`);
      const url = new URL((await client.authorize()).url);
      url.searchParams.set('client_id', ACCOUNT_CLIENT);
      url.searchParams.set('redirect_uri', `${stile.issuer}/account/callback`);
      const asked = await agent.open(`${url.href}&${parameter}`);
      expect(asked.url).not.toBe(begin.url);
      const page = await passwordSignIn(agent, asked, who.username);
      expect(page.body).toContain('Every sign-in is confirmed.');
    },
  );

  it('adding a factor is refused where it is denied', async () => {
    const who = await person(['frozen']);
    const agent = createAgent();
    await passwordSignIn(agent, await agent.open(`${stile.issuer}/account`), who.username);
    const page = await agent.open(`${stile.issuer}/account/add/passkey`);
    expect(page.status).toBe(403);
    expect(page.body).toContain('Nothing is added while this account is frozen.');
  });

  it('a change of factors that a rule denies says why, before it and when it is made', async () => {
    const who = await person();
    const agent = createAgent();
    await passwordSignIn(agent, await agent.open(`${stile.issuer}/account`), who.username);
    const path = `/account/factors/${who.app?.id}/remove`;
    const page = await agent.open(`${stile.issuer}${path}`);
    const ask = await agent.submit(page, '/totp', { code: nextCode(stile, who) });
    await regroup(who, ['kept']);
    for (const refused of [await agent.submit(ask, path), await agent.open(`${stile.issuer}${path}`)]) {
      expect(refused.status).toBe(403);
      expect(refused.body).toContain('Your factors stay as they are.');
    }
  });

  it('a factor that a rule does not let be added within a sign-in: the page says why', async () => {
    const who = await person(['unready', 'frozen-later'], { totp: false });
    const agent = createAgent();
    const begin = await agent.open((await client.authorize()).url);
    const asked = await passwordSignIn(agent, begin, who.username);
    const page = asked.body.includes('enrol=totp')
      ? await agent.open(new URL('?enrol=totp', asked.url).href)
      : asked;
    expect(page.status).toBe(403);
    expect(page.body).toContain('Nothing is added within a sign-in.');
    expect(await decisionIn('decision', who)).toMatchObject({
      outcome: 'denied',
      decision: { facts: { request: { event: 'account_change' } }, policy: { deny: true } },
    });
  });
});
