/** Ending and renewing the same thing at once: one waits for the other, and neither fails. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type TestClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, rows } from '../../support/journeys.ts';
import { addPerson, errorOf, signIn, silently } from '../../support/people.ts';
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

  /** Until so many requests of ours wait for a lock. */
  async function waiting(requests: number): Promise<void> {
    const locked = `SELECT count(*) AS "n" FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await count(stile, locked)) < requests);
  }

  /** Runs the requests up to where they need the record, then `work`, and lets go. */
  async function holdingRecord<T>(requests: (() => Promise<T>)[], work: string): Promise<T[]> {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM "assurance_record" WHERE "id" = $1 FOR UPDATE', [record]);
    const answers = Promise.all(requests.map((request) => request()));
    await waiting(requests.length);
    await other.query(work, [record]);
    await other.query('COMMIT');
    return answers;
  }

  /** What the audit says of the requests on this record that were refused. */
  const refusals = () =>
    rows(
      stile,
      `SELECT "type", "data"->>'error' AS "error" FROM "audit_event"
       WHERE "outcome" = 'denied' AND "data"->>'record' = $1 AND "account_id" IS NOT NULL`,
      [record],
    );

  const ending = 'DELETE FROM "assurance_record" WHERE "id" = $1';
  const refresh = () => client.refresh(String(tokens.refresh_token));

  it('rule 4: a refresh that meets the end of its authorization waits for it and is refused', async () => {
    const [refused] = await holdingRecord([refresh], ending);
    expect(refused?.status).toBe(400);
    expect(await refused?.json()).toMatchObject({ error: 'invalid_grant' });
    expect((await client.introspect(tokens.access_token))['active']).toBe(false);
    // Nobody had used it before.
    expect(await refusals()).toEqual([{ type: 'token', error: 'invalid_grant' }]);
  });

  it('rule 4: a revocation that meets the end of its authorization waits for it and is done', async () => {
    const [revoked] = await holdingRecord([() => client.revoke(String(tokens.refresh_token))], ending);
    expect(revoked?.status).toBe(200);
    expect((await refresh()).status).toBe(400);
  });

  it('rule 4: one refresh token used many times at once ends its chain, and no answer is a fault', async () => {
    const nothing = 'SELECT $1::text';
    const answers = await holdingRecord(
      Array.from({ length: 6 }, () => refresh),
      nothing,
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400]);
    expect(await rows(stile, 'SELECT 1 FROM "assurance_record" WHERE "id" = $1', [record])).toEqual([]);
    // One of them ended the chain; the others met its end.
    const seen = (await refusals()).map(({ type }) => type).sort();
    expect(seen).toEqual(['token', 'token', 'token', 'token', 'token_reuse']);
  });

  it('rule 7: an authorization that waits for another write of its session is given, and remembered', async () => {
    const { agent } = await signIn(client, 'ada');
    await other.query('BEGIN');
    await other.query(`UPDATE "session" SET "last_acr" = '{"spa": "urn:stile:acr:1fa"}'`);
    const going = silently(agent, client);
    await waiting(1);
    await other.query('COMMIT');
    expect(errorOf((await going).page)).toBeNull();
    expect(await rows(stile, 'SELECT "last_acr" FROM "session"')).toContainEqual({
      last_acr: { spa: 'urn:stile:acr:1fa', web: 'urn:stile:acr:1fa' },
    });
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
