/** The audit is kept: what anybody can cause without a name is not in it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, signIn } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('audit', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  const events = async () =>
    (
      await stile.core.db.query<{ type: string; outcome: string; account_id: string | null }>(
        'SELECT "type", "outcome", "account_id" FROM "audit_event" ORDER BY "id"',
      )
    ).rows;

  it('security: nobody fills the audit with requests that concern nobody', async () => {
    const before = (await events()).length;
    const requests = [
      await client.authorize({ prompt: 'none' }),
      await client.authorize({ scope: 'openid', max_age: 'x' }),
      await client.authorize({ client_id: 'nobody' }),
    ];
    for (const { url } of requests) await createAgent().open(url);
    await client.refresh('x');
    await client.token({ grant_type: 'authorization_code', code: 'x', redirect_uri: 'x' });
    await fetch(`${stile.issuer}/token`, { method: 'POST', body: new URLSearchParams({ client_id: 'web' }) });
    expect((await events()).length).toBe(before);
  });

  it('security: a refusal that concerns somebody is in the audit', async () => {
    const { tokens } = await signIn(client, 'ada');
    await client.refresh(String(tokens.refresh_token));
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(400);
    const last = (await events()).at(-1);
    expect(last).toMatchObject({ type: 'token', outcome: 'denied' });
    expect(last?.account_id).toBeTruthy();
  });
});
