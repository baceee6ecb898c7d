/** The audit is kept: what anybody can cause without a name is not in it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, redirectOf, signIn } from '../../support/people.ts';
import { CALLBACK, startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('audit', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  interface Row extends Record<string, unknown> {
    readonly type: string;
    readonly account_id: string | null;
    readonly record: string | null;
  }
  const events = async () =>
    (
      await stile.core.db.query<Row>(
        `SELECT "type", "outcome", "account_id", "client_id", "data"->>'record' AS "record",
           "data"->>'error' AS "error" FROM "audit_event" ORDER BY "id"`,
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
    expect(last).toMatchObject({ type: 'token_reuse', outcome: 'denied' });
    expect(last?.account_id).toBeTruthy();
  });

  /** A code of the signed-in person, and its exchange, which may be sent again. */
  async function exchange() {
    const { agent } = await signIn(client, 'ada');
    const request = await client.authorize({ prompt: 'none' });
    const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
    const grant = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK };
    const record = (await events()).findLast(({ type }) => type === 'authorization')?.record;
    return {
      record,
      send: (verifier = request.verifier) => client.token({ ...grant, code_verifier: verifier }),
    };
  }

  it('rule 4: a code or refresh token used again is audited as reuse: whose, which client’s and on which record', async () => {
    const { record, send } = await exchange();
    const first = (await (await send()).json()) as { refresh_token: string };
    const [{ account_id } = { account_id: null }] = (await events()).slice(-1);
    const reuse = { type: 'token_reuse', outcome: 'denied', account_id, client_id: 'web' };
    expect((await send()).status).toBe(400);
    expect((await events()).at(-1)).toEqual({ ...reuse, record, error: 'invalid_grant' });
    // Its chain has ended with it: what is shown now was not used before.
    const before = (await events()).length;
    expect((await client.refresh(first.refresh_token)).status).toBe(400);
    expect((await events()).length).toBe(before);

    const next = await exchange();
    const { refresh_token } = (await (await next.send()).json()) as { refresh_token: string };
    expect((await client.refresh(refresh_token)).status).toBe(200);
    expect((await client.refresh(refresh_token)).status).toBe(400);
    expect((await events()).at(-1)).toEqual({ ...reuse, record: next.record, error: 'invalid_grant' });
  });

  it('security: a code shown without its verifier is in the audit, and is no reuse', async () => {
    const { record, send } = await exchange();
    expect((await send('v'.repeat(43))).status).toBe(400);
    expect((await events()).at(-1)).toMatchObject({
      type: 'token',
      outcome: 'denied',
      client_id: 'web',
      record,
    });
    expect((await send()).status).toBe(200);
  });
});
