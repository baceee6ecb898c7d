/** A sign-in is resumed once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent, formOf } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, PASSWORD } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('resuming', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  it('security: one sign-in is one session and one code, however often it is resumed at once', async () => {
    const agent = createAgent();
    const page = await agent.open((await client.authorize()).url);
    const second = await agent.submit(page, '/identifier', { identifier: 'ada' });
    const form = formOf(second, '/password');
    const proved = await agent.request(new URL(form.action, second.url).href, {
      method: 'POST',
      body: new URLSearchParams({ ...form.fields, password: PASSWORD }),
      headers: { Origin: stile.issuer },
    });
    const finished = await agent.request(proved.location ?? '');
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => agent.fork().request(finished.location ?? '')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 400, 400, 400]);
    const { rows } = await stile.core.db.query('SELECT 1 FROM "session" WHERE "account_id" IS NOT NULL');
    expect(rows).toHaveLength(1);
    for (const { status, headers } of answers.filter((answer) => answer.status === 400)) {
      expect(
        headers.getSetCookie().some((cookie) => /^stile_session=[^;]/.test(cookie)),
        `${status}`,
      ).toBe(false);
    }
  });
});
