/** Consent: third parties ask, our own applications do not. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Agent, createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { MFA } from '../../support/journeys.ts';
import { addPerson, errorOf, passwordSignIn, redirectOf, signIn, silently } from '../../support/people.ts';
import { API, startStile, type TestStile, testConfig } from '../../support/stile.ts';

const wide = { scope: 'openid email read write', resource: API };

describe.skipIf(noPostgres)('consent', () => {
  let stile: TestStile;
  let third: TestClient;
  beforeAll(async () => {
    const scopes = {
      read: { description: 'See your things' },
      write: { description: 'Change your things' },
      pay: { acr: [MFA] },
    };
    const others = (testConfig().resources ?? []).filter(({ identifier }) => identifier !== API);
    const resources = [...others, { identifier: API, name: 'The Shop', scopes }];
    stile = await startStile({ config: { resources } });
    third = await createClient(stile, 'third');
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'eve']) await addPerson(stile, name);
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => stile?.stop());

  async function asked(username: string, parameters: Record<string, string>, agent: Agent = createAgent()) {
    const request = await third.authorize(parameters);
    const page = await agent.open(request.url);
    return { agent, request, page: await passwordSignIn(agent, page, username) };
  }

  it('rule 5: a third party is named with what it asks, and no code is issued before the answer', async () => {
    const { page } = await asked('ada', wide);
    expect(page.location).toBeUndefined();
    expect(page.body).toContain('Third Party');
    expect(page.body).toContain('The Shop');
    expect(page.body).toContain('See your things');
    expect(page.body).toContain('Change your things');
  });

  it('rule 5: a grant of somebody else, or of another client, is none', async () => {
    await addPerson(stile, 'fay');
    const { agent } = await signIn(await createClient(stile), 'fay');
    const { agent: owner, page } = await asked('ada', wide);
    redirectOf(await owner.submit(page, '/consent', { decision: 'allow' }));
    const consented = await agent.open((await third.authorize(wide)).url);
    redirectOf(await agent.submit(consented, '/consent', { decision: 'allow' }));
    for (const [client, username] of [
      ['third', 'ada'],
      ['web', 'fay'],
    ]) {
      await stile.core.db.query(
        `UPDATE "session" SET "payload" = jsonb_set("session"."payload", '{authorizations,third,grantId}', to_jsonb(g."id"))
         FROM "artifact" g JOIN "account" u ON u."id" = g."account_id"
         WHERE g."model" = 'Grant' AND g."client_id" = $1 AND u."username" = $2
           AND "session"."account_id" = (SELECT "id" FROM "account" WHERE "username" = 'fay')`,
        [client, username],
      );
      expect(errorOf((await silently(agent, third, wide)).page)).toBe('consent_required');
    }
  });

  it('rule 5: denied is access_denied, and nothing is granted', async () => {
    const { agent, page } = await asked('bob', wide);
    expect(errorOf(await agent.submit(page, '/consent', { decision: 'deny' }))).toBe('access_denied');
    expect(errorOf((await silently(agent, third, wide)).page)).toBe('consent_required');
  });

  it('rule 5: allowed yields what was asked, once; more is asked again', async () => {
    const narrow = { scope: 'openid read', resource: API };
    const { agent, request, page } = await asked('cyd', narrow);
    const end = await agent.submit(page, '/consent', { decision: 'allow' });
    expect((await third.exchange(request, redirectOf(end))).scope).toBe('read');
    const again = await silently(agent, third, narrow);
    expect((await third.exchange(again.request, redirectOf(again.page))).scope).toBe('read');
    expect(errorOf((await silently(agent, third, wide)).page)).toBe('consent_required');
    const more = await agent.open((await third.authorize(wide)).url);
    expect(more.body).toContain('Change your things');
    expect(more.body).not.toContain('See your things');
  });

  it('trap: an answer other than allow or deny, or from elsewhere, grants nothing', async () => {
    const { agent, page } = await asked('eve', wide);
    expect((await agent.submit(page, '/consent', { decision: 'maybe' })).status).toBe(400);
    expect((await agent.submit(page, '/consent', { decision: 'allow', _csrf: 'guess' })).status).toBe(403);
    expect(errorOf((await silently(agent, third, wide)).page)).toBe('consent_required');
  });

  it('trap: proofs are not asked for twice on the way through consent, and auth_time does not drift', async () => {
    const { agent, request, page } = await asked('ada', { ...wide, max_age: '0' });
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 60_000);
    const end = await agent.submit(page, '/consent', { decision: 'allow' });
    const { claims } = await third.exchange(request, redirectOf(end));
    const stored = await stile.core.db.query<{ at: number }>(
      'SELECT max("at") AS "at" FROM "proof" WHERE "account_id" = $1',
      [claims.sub],
    );
    expect(claims.auth_time).toBe(Number(stored.rows[0]?.at));
  });

  it('rule 5: our own applications ask for no consent', async () => {
    const client = await createClient(stile);
    const { tokens } = await signIn(client, 'ada', wide);
    expect(tokens.scope).toBe('read write');
  });
});
