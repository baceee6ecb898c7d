/** Rule 4 at its edge: a factor removed while an authorization that rests on it is being answered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/infra/db.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres, silent } from '../../support/database.ts';
import { addPerson, enrolTotp, errorOf, redirectOf, signIn, silently } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const MFA = 'urn:stile:acr:mfa';

describe.skipIf(noPostgres)('removing a factor during an authorization', () => {
  let stile: TestStile;
  let client: TestClient;
  let watcher: Database;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    watcher = await openDatabase({ url: stile.database.url }, { log: silent });
  });
  afterAll(async () => {
    await watcher?.close();
    await stile?.stop();
  });

  it('rule 4: a record never outlives the credential it rests on, whichever statement comes first', async () => {
    const { db, services } = stile.core;
    const accountId = await addPerson(stile, 'ada');
    const { agent } = await signIn(client, 'ada');
    const request = await client.authorize({ acr_values: MFA });
    const { page } = await enrolTotp(stile, agent, await agent.open(request.url), 'ada');
    await client.exchange(request, redirectOf(page));
    const app = (await services.credentials.byAccount(accountId)).find(({ method }) => method === 'totp');

    let answer: ReturnType<typeof silently> | undefined;
    await db.transaction(async () => {
      await services.credentials.remove(accountId, app?.id ?? '');
      // The authorization still sees the factor, evaluates, and then waits for the row this transaction holds.
      answer = silently(agent, client, { acr_values: MFA });
      await waitUntilBlocked(watcher);
    });
    // It issued nothing, looked again, and found that the level is now one to enrol for.
    expect(errorOf((await (answer as ReturnType<typeof silently>)).page)).toBe('interaction_required');
    const { rows } = await db.query('SELECT 1 FROM "assurance_record" WHERE $1 = ANY("credential_ids")', [
      app?.id,
    ]);
    expect(rows).toEqual([]);
  });

  it('rule 4: nor a password that another has taken the place of, though its proofs live on as the new one’s', async () => {
    const { db, services } = stile.core;
    const accountId = await addPerson(stile, 'bob');
    const { agent } = await signIn(client, 'bob');
    const [old] = await services.credentials.byAccount(accountId);
    const [session] = (
      await db.query<{ uid: string }>('SELECT "uid" FROM "session" WHERE "account_id" = $1', [accountId])
    ).rows;
    if (old?.method !== 'password' || !session) throw new Error('no password, or no session');
    let answer: ReturnType<typeof silently> | undefined;
    await db.transaction(async () => {
      await services.credentials.replacePassword(old.id, { ...old, id: services.random.id() }, session.uid);
      answer = silently(agent, client);
      await waitUntilBlocked(watcher);
    });
    const { request, page } = await (answer as ReturnType<typeof silently>);
    expect((await client.exchange(request, redirectOf(page))).claims.sub).toBe(accountId);
    const resting = 'SELECT 1 FROM "assurance_record" WHERE $1 = ANY("credential_ids")';
    expect((await db.query(resting, [old.id])).rows).toEqual([]);
  });
});

/** From another connection: a transaction sees the activity of its first look for ever. */
async function waitUntilBlocked(watcher: Database): Promise<void> {
  for (;;) {
    const { rows } = await watcher.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return;
  }
}
