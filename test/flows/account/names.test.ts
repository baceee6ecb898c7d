/** Names nobody gave are stored as none, and put into words where they are shown. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { openGate, rows, shownSeed } from '../../support/journeys.ts';
import { addPerson, signIn, totpCode } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const username = 'ada';
const labels = 'SELECT "method", "label" FROM "credential" ORDER BY "method"';

describe.skipIf(noPostgres)('names of factors', () => {
  let stile: TestStile;
  beforeAll(async () => {
    stile = await startStile();
    await addPerson(stile, username);
  });
  afterAll(() => stile?.stop());

  it('a factor that was given no name is stored without one and named by its kind, on pages and in letters', async () => {
    const { agent } = await signIn(await createClient(stile), username);
    const start = await agent.open(`${stile.issuer}/account/add/totp`);
    const page = await openGate(stile, agent, start, { username, method: 'totp' });
    expect(/<input id="label"[^>]*>/.exec(page.body)?.[0]).not.toContain('required');
    const code = totpCode(shownSeed(page), stile.core.clock.now());
    const account = await agent.submit(page, '/enrol/totp', { code });
    expect(await rows(stile, labels)).toEqual([
      { method: 'password', label: '' },
      { method: 'totp', label: '' },
    ]);
    expect(account.body).toContain('<strong>Password</strong>');
    expect(account.body).toContain('<strong>Authenticator app</strong>');
    expect(stile.core.outbox?.list()[0]?.text).toContain('The authenticator app "Authenticator app" can now');

    // Stored by an earlier version.
    await stile.core.db.query(
      `UPDATE "credential" SET "label" = 'Authenticator app' WHERE "method" = 'totp'`,
    );
    const old = await agent.open(`${stile.issuer}/account`);
    expect(old.body).toContain('<strong>Authenticator app</strong>');
  });
});
