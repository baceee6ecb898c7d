/** Rule 7: a silent authorization locks nothing. What changes in its session before it writes is noticed and kept. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, rows, sessionCookie } from '../../support/journeys.ts';
import { addPerson, errorOf, redirectOf, type SignedIn, signIn, silently } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('a session that changes while an authorization is answered', () => {
  let stile: TestStile;
  let client: TestClient;
  let other: pg.Client;
  let person: SignedIn;
  let uid: string;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    await addPerson(stile, 'ada');
  });
  beforeEach(async () => {
    person = await signIn(client, 'ada');
    const [latest] = await rows<{ uid: string }>(
      stile,
      'SELECT "uid" FROM "session" ORDER BY "created_at" DESC, "last_seen_at" DESC, "uid" LIMIT 1',
    );
    uid = String(latest?.uid);
    other = new pg.Client({ connectionString: stile.database.url });
    await other.connect();
  });
  afterEach(async () => {
    await other.query('DELETE FROM "session"');
    await other.end();
  });
  afterAll(() => stile?.stop());

  /** Runs a silent authorization up to where it writes, then `work`, and lets go. */
  async function meanwhile(work: string) {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM "session" WHERE "uid" = $1 FOR UPDATE', [uid]);
    const answer = silently(person.agent, client);
    const locked = `SELECT count(*) AS "n" FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await count(stile, locked)) < 1);
    await other.query(work, [uid]);
    await other.query('COMMIT');
    return answer;
  }

  const records = () => count(stile, 'SELECT count(*) AS "n" FROM "assurance_record"');
  const audited = () =>
    count(
      stile,
      `SELECT count(*) AS "n" FROM "audit_event" WHERE "type" = 'authorization' AND "outcome" = 'success'`,
    );

  it('rule 7: a session that ends meanwhile issues nothing', async () => {
    const before = [await records(), await audited()];
    const { page } = await meanwhile('DELETE FROM "session" WHERE "uid" = $1');
    expect(errorOf(page)).toBe('login_required');
    expect([await records(), await audited()]).toEqual(before);
    expect(await count(stile, 'SELECT count(*) AS "n" FROM "session" WHERE "uid" = $1', [uid])).toBe(0);
  });

  it('rule 7: a session whose id is rotated meanwhile answers the old id with login_required', async () => {
    const cookie = sessionCookie(person.agent);
    const before = await records();
    const { page } = await meanwhile(
      `WITH "old" AS (INSERT INTO "session_tombstone" ("id_hash","uid","expires_at")
         SELECT "id_hash","uid",4102444800 FROM "session" WHERE "uid" = $1)
       UPDATE "session" SET "id_hash" = 'rotated' WHERE "uid" = $1`,
    );
    expect(errorOf(page)).toBe('login_required');
    expect(sessionCookie(person.agent)).toBe(cookie);
    expect(await records()).toBe(before);
  });

  it('rule 7: what another request adds to the session meanwhile is kept', async () => {
    const { request, page } = await meanwhile(
      `UPDATE "session" SET "payload" = jsonb_set("payload", '{authorizations,web2}', '{"sid":"s","grantId":"g"}'),
         "last_acr" = "last_acr" || '{"web2":"urn:stile:acr:mfa"}' WHERE "uid" = $1`,
    );
    await client.exchange(request, redirectOf(page));
    const [session] = await rows<{ clients: string[]; last_acr: object }>(
      stile,
      `SELECT ARRAY(SELECT jsonb_object_keys("payload"->'authorizations') ORDER BY 1) AS "clients", "last_acr"
       FROM "session" WHERE "uid" = $1`,
      [uid],
    );
    expect(session?.clients).toEqual(['web', 'web2']);
    expect(session?.last_acr).toEqual({ web: 'urn:stile:acr:1fa', web2: 'urn:stile:acr:mfa' });
  });

  it('rule 7: a grant that is replaced is the session’s from then on, also where nothing was locked', async () => {
    // A grant that is not this client's is not used: a first party is given a new one.
    await other.query(
      `UPDATE "artifact" SET "payload" = "payload" || '{"clientId":"web2"}' WHERE "model" = 'Grant'`,
    );
    const { request, page } = await silently(person.agent, client);
    const tokens = await client.exchange(request, redirectOf(page));
    const [kept] = await rows<{ grant_id: string; of_session: string }>(
      stile,
      `SELECT a."grant_id", s."payload" #>> '{authorizations,web,grantId}' AS "of_session"
       FROM "session" s JOIN "artifact" a ON a."session_uid" = s."uid" AND a."model" = 'RefreshToken'
       WHERE s."uid" = $1 ORDER BY a."created_at" DESC, a."record_id" DESC LIMIT 1`,
      [uid],
    );
    expect(kept?.of_session).toBe(kept?.grant_id);
    expect((await client.refresh(String(tokens.refresh_token))).status).toBe(200);
  });

  it('rule 7: a silent authorization extends its session and is seen in its list', async () => {
    await other.query(
      'UPDATE "session" SET "last_seen_at" = 1, "expires_at" = "expires_at" - 600 WHERE "uid" = $1',
      [uid],
    );
    const times =
      'SELECT "last_seen_at"::int AS "seen", "expires_at"::int AS "until" FROM "session" WHERE "uid" = $1';
    const [before] = await rows<{ seen: number; until: number }>(stile, times, [uid]);
    const { page } = await silently(person.agent, client);
    redirectOf(page);
    const [after] = await rows<{ seen: number; until: number }>(stile, times, [uid]);
    expect(after?.seen).toBeGreaterThan(1);
    expect(after?.until).toBeGreaterThanOrEqual(Number(before?.until) + 600);
  });
});
