/** Rule 7 where a session appears in the middle of a sign-in: nobody's proofs are ever given to somebody else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, MFA, newPerson, obtain, type Person, quietly } from '../../support/journey.ts';
import { postForm } from '../../support/journeys.ts';
import { PASSWORD, passwordSignIn, redirectOf } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('two people in one browser', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
  });
  afterAll(() => stile?.stop());

  /** Bob has proved his password in one tab and is asked for more; then Ada signs in in another. */
  async function twoPeople(): Promise<{ ada: Person; bob: Person; agent: Agent; waiting: Page }> {
    const [ada, bob] = [await newPerson(stile), await newPerson(stile)];
    const agent = createAgent();
    const stepUp = await client.authorize({ acr_values: MFA });
    const waiting = await passwordSignIn(agent, await agent.open(stepUp.url), bob.username);
    expect(waiting.body).toContain('enrol=totp');
    await obtain(stile, client, { person: ada, agent });
    return { ada, bob, agent, waiting };
  }

  async function proofsOf({ id }: Person) {
    const { rows } = await stile.core.db.query<{ account_id: string | null }>(
      `SELECT s."account_id" FROM "proof" p LEFT JOIN "session" s ON s."uid" = p."session_uid"
       WHERE p."account_id" = $1`,
      [id],
    );
    return rows.map(({ account_id: session }) => session);
  }

  function expectElsewhere(page: Page): void {
    expect([page.status, page.location]).toEqual([409, undefined]);
    expect(page.body).toContain('Somebody else has signed in in this browser meanwhile.');
    expect(page.body.match(/<form/g)).toHaveLength(1);
  }

  it('rule 7: proofs staged by one person are not promoted into a session of another', async () => {
    const { ada, bob, agent, waiting } = await twoPeople();
    // Past the page: the library resumes the request in the session that is there.
    const end = await agent.open(waiting.url.replace('/interaction/', '/auth/'));
    expectElsewhere(end);
    expect([await proofsOf(bob), await proofsOf(ada)]).toEqual([[null], [ada.id]]);
    expect(redirectOf(await agent.submit(end, '/cancel'))).toContain('error=access_denied');
    expect([await proofsOf(bob), await proofsOf(ada)]).toEqual([[], [ada.id]]);
  });

  it('rule 7: a sign-in another person has overtaken is a page, with a way back that ends it: access_denied', async () => {
    const { ada, bob, agent, waiting } = await twoPeople();
    const page = await agent.open(waiting.url);
    expectElsewhere(page);
    expect(await proofsOf(bob)).toEqual([null]);
    const end = new URL(redirectOf(await agent.submit(page, '/cancel'))).searchParams;
    expect(end.get('error')).toBe('access_denied');
    expect(end.get('error_description')).toBe('somebody else signed in in this browser');
    expect((await quietly(agent, client)).claims.sub).toBe(ada.id);
  });

  it('rule 7: no form of a sign-in another person has overtaken does anything but leave', async () => {
    const [ada, bob] = [await newPerson(stile), await newPerson(stile)];
    const agent = createAgent();
    const first = await agent.open((await client.authorize()).url);
    const second = await agent.submit(first, '/identifier', { identifier: bob.username });
    await obtain(stile, client, { person: ada, agent });
    for (const [action, fields] of [
      ['/password', { password: PASSWORD }],
      ['/identifier/change', {}],
    ] as const) {
      expectElsewhere(await postForm(agent, second, { action, fields }));
    }
    expect(await proofsOf(bob)).toEqual([]);
    expect((await quietly(agent, client)).claims.sub).toBe(ada.id);
  });

  it('rule 7: the page says the same for a name of somebody and of nobody', async () => {
    const ada = await newPerson(stile);
    const bob = await newPerson(stile);
    const shown = [];
    for (const identifier of [bob.username, 'nobody-at-all']) {
      const agent = createAgent();
      const first = await agent.open((await client.authorize()).url);
      const second = await agent.submit(first, '/identifier', { identifier });
      await obtain(stile, client, { person: ada, agent });
      const page = await agent.open(second.url);
      expectElsewhere(page);
      shown.push(page.body.replaceAll(/value="[^"]*"|\/interaction\/[\w-]+|<code>[\w-]+/g, ''));
    }
    expect(shown[1]).toBe(shown[0]);
  });

  it('rule 7: a tab that is late goes on in the session of its own person, and steps up there', async () => {
    const person = await newPerson(stile, { totp: true });
    for (const typed of [undefined, person.username]) {
      const agent = createAgent();
      const request = await client.authorize({ acr_values: MFA });
      let late = await agent.open(request.url);
      if (typed) late = await agent.submit(late, '/identifier', { identifier: typed });
      await obtain(stile, client, { person, agent });
      const again = await answer(stile, agent, await agent.open(late.url), { person });
      expect(again.asked).toEqual(['totp']);
      const { claims } = await client.exchange(request, redirectOf(again.page));
      expect([claims.sub, claims.acr]).toEqual([person.id, MFA]);
      const { rows } = await stile.core.db.query('SELECT 1 FROM "session" WHERE "account_id" = $1', [
        person.id,
      ]);
      expect(rows).toHaveLength(typed ? 2 : 1);
    }
  });
});
