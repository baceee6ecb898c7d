/** The policy where it is asked beside sign-ins: amounts, refreshes, changes of factors, and rules that fail. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, MFA, newPerson, nextCode, obtain, type Person } from '../../support/journey.ts';
import { rows } from '../../support/journeys.ts';
import { errorOf, passwordSignIn, silently } from '../../support/people.ts';
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
  });

  it('adding a factor is refused where it is denied', async () => {
    const who = await person(['frozen']);
    const agent = createAgent();
    await passwordSignIn(agent, await agent.open(`${stile.issuer}/account`), who.username);
    const page = await agent.open(`${stile.issuer}/account/add/passkey`);
    expect(page.status).toBe(403);
    expect(page.body).toContain('Nothing is added while this account is frozen.');
  });
});
