/** Rich authorization requests (RFC 9396): a type's demand, the person's consent, and what the token carries. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { rows } from '../../support/journeys.ts';
import { addPerson, enrolTotp, passwordSignIn, redirectOf, signIn } from '../../support/people.ts';
import { API, startStile, type TestStile } from '../../support/stile.ts';

const MFA = 'urn:stile:acr:mfa';
const payment = [{ type: 'payment', amount: '12.50', creditor: 'Robin <b>' }];
const request = { scope: 'openid read', resource: API, authorization_details: JSON.stringify(payment) };

describe.skipIf(noPostgres)('authorization_details', () => {
  let stile: TestStile;
  beforeAll(async () => {
    stile = await startStile({
      config: {
        authorizationDetails: {
          payment: { acr: [MFA], reason: 'A payment takes a second factor.' },
          note: {},
        },
      },
    });
  });
  afterAll(() => stile?.stop());

  it('rule 3: a type’s demand is necessary, says why, and the token carries what was asked and nothing else', async () => {
    await addPerson(stile, 'ada');
    const client = await createClient(stile);
    const { agent } = await signIn(client, 'ada');
    const asked = await client.authorize(request);
    const page = await agent.open(asked.url);
    expect(page.body).toContain('A payment takes a second factor.');
    const { page: end } = await enrolTotp(stile, agent, page, 'ada');
    const tokens = await client.exchange(asked, redirectOf(end));
    const claims = claimsOf(tokens.access_token);
    expect(claims).toMatchObject({ acr: MFA, authorization_details: payment });

    const plain = await client.authorize({ scope: 'openid read', resource: API });
    const next = await client.exchange(plain, redirectOf(await agent.open(plain.url)));
    expect(claimsOf(next.access_token)['authorization_details']).toBeUndefined();
  });

  it('shows a third party’s details on the consent page, every time', async () => {
    await addPerson(stile, 'bob');
    const client = await createClient(stile, 'third');
    const details = {
      ...request,
      authorization_details: JSON.stringify([{ type: 'note', text: 'Buy <milk>' }]),
    };
    const agent = createAgent();
    for (const first of [true, false]) {
      const asked = await client.authorize(details);
      const start = await agent.open(asked.url);
      const consent = first ? await passwordSignIn(agent, start, 'bob') : start;
      expect(consent.body).toContain('Buy &lt;milk&gt;');
      const end = await agent.submit(consent, '/consent', { decision: 'allow' });
      const tokens = await client.exchange(asked, redirectOf(end));
      expect(claimsOf(tokens.access_token)['authorization_details']).toEqual([
        { type: 'note', text: 'Buy <milk>' },
      ]);
    }
  });

  it('trap: yesterday’s payment does not come back: a token carries what its own request asked, also once renewed', async () => {
    await addPerson(stile, 'cyd');
    const client = await createClient(stile, 'third');
    const agent = createAgent();
    const note = (text: string) => ({ authorization_details: JSON.stringify([{ type: 'note', text }]) });
    const ask = async (more: Record<string, string>) => {
      const asked = await client.authorize({ scope: 'openid read', resource: API, ...more });
      let page = await agent.open(asked.url);
      if (page.body.includes('/identifier"')) page = await passwordSignIn(agent, page, 'cyd');
      if (page.location === undefined) page = await agent.submit(page, '/consent', { decision: 'allow' });
      return client.exchange(asked, redirectOf(page));
    };
    const details = (jwt: string) => claimsOf(jwt)['authorization_details'];
    const first = await ask(note('yesterday'));
    await remember({ type: 'note', text: 'yesterday' });
    expect(details((await ask(note('today'))).access_token)).toEqual([{ type: 'note', text: 'today' }]);
    expect(details((await ask({})).access_token)).toBeUndefined();
    const renewed = (await (await client.refresh(String(first.refresh_token))).json()) as Tokens;
    expect(details(renewed.access_token)).toEqual([{ type: 'note', text: 'yesterday' }]);
  });

  /** As if the grants of today's third party held it: what a client was ever allowed. */
  async function remember(detail: { type: string; text: string }): Promise<void> {
    const { Grant } = stile.running.app.provider;
    const held = await rows<{ id: string }>(
      stile,
      `SELECT "id" FROM "artifact" WHERE "model" = 'Grant' AND "client_id" = 'third'`,
    );
    for (const { id } of held) {
      const grant = await Grant.find(id);
      grant?.addRar(detail);
      await grant?.save();
    }
    expect(held.length).toBeGreaterThan(0);
  }

  it('refuses a type the server does not know', async () => {
    const client = await createClient(stile);
    const asked = await client.authorize({ ...request, authorization_details: '[{"type":"other"}]' });
    const page = await createAgent().open(asked.url);
    expect(new URL(redirectOf(page)).searchParams.get('error')).toBe('invalid_authorization_details');
  });
});
