/** Ending and renewing the same thing at once: one waits for the other, and neither fails. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type TestClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, rows } from '../../support/journeys.ts';
import { addPerson, signIn } from '../../support/people.ts';
import { OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('contention', () => {
  let stile: TestStile;
  let client: TestClient;
  let other: pg.Client;
  let tokens: Tokens;
  let record: string;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  beforeEach(async () => {
    ({ tokens } = await signIn(client, 'ada', { scope: 'openid look', resource: OPAQUE_API }));
    const [latest] = await rows<{ id: string }>(
      stile,
      'SELECT "id" FROM "assurance_record" ORDER BY "id" DESC LIMIT 1',
    );
    record = String(latest?.id);
    other = new pg.Client({ connectionString: stile.database.url });
    await other.connect();
  });
  afterEach(() => other.end());
  afterAll(() => stile?.stop());

  /** Until a request of ours waits for a lock. */
  async function somebodyWaits(): Promise<void> {
    const waiting = `SELECT count(*) AS "n" FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await count(stile, waiting)) === 0);
  }

  const refresh = () => client.refresh(String(tokens.refresh_token));

  it('rule 4: a refresh that meets the end of its authorization waits for it and is refused', async () => {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM "assurance_record" WHERE "id" = $1 FOR UPDATE', [record]);
    const answer = refresh();
    await somebodyWaits();
    await other.query('DELETE FROM "assurance_record" WHERE "id" = $1', [record]);
    await other.query('COMMIT');
    const refused = await answer;
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await client.introspect(tokens.access_token))['active']).toBe(false);
  });

  it('rule 4: one refresh token used many times at once ends its chain, and no answer is a fault', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, refresh));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
    expect(await rows(stile, 'SELECT 1 FROM "assurance_record" WHERE "id" = $1', [record])).toEqual([]);
  });

  it('rule 4: revoking while refreshing leaves neither a fault nor a token', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { tokens: each } = await signIn(client, 'ada');
      const [refreshed, revoked] = await Promise.all([
        client.refresh(String(each.refresh_token)),
        client.revoke(String(each.refresh_token)),
      ]);
      expect(revoked.status).toBe(200);
      expect([200, 400]).toContain(refreshed.status);
      const { refresh_token } = (await refreshed.json()) as { refresh_token?: string };
      expect((await client.refresh(refresh_token ?? String(each.refresh_token))).status).toBe(400);
    }
  });

  it('fault: a request that the database gives up for another is 503, not a fault', async () => {
    const { core } = stile;
    await core.db.query(`CREATE OR REPLACE FUNCTION "give_up"() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$`);
    await core.db.query(
      'CREATE TRIGGER "give_up" BEFORE UPDATE ON "artifact" FOR EACH ROW EXECUTE FUNCTION "give_up"()',
    );
    const answer = await refresh();
    await core.db.query('DROP TRIGGER "give_up" ON "artifact"');
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await refresh()).status).toBe(200);
  });
});
