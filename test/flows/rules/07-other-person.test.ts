/** Rule 7 at the resume: what somebody proved in one tab is never given to the session of somebody else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, errorOf, passwordSignIn, signIn } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('two people in one browser', () => {
  let stile: TestStile;
  beforeAll(async () => {
    stile = await startStile();
  });
  afterAll(() => stile?.stop());

  it('rule 7: proofs staged by one person are not promoted into a session of another', async () => {
    const client = await createClient(stile);
    const ada = await addPerson(stile, 'ada');
    await addPerson(stile, 'bob');
    const agent = createAgent();
    const stepUp = await client.authorize({ acr_values: 'urn:stile:acr:mfa' });
    const waiting = await passwordSignIn(agent, await agent.open(stepUp.url), 'bob');
    expect(waiting.body).toContain('enrol=totp');

    await signIn(client, 'ada', {}, agent);
    // The tab that is in the middle of Bob's sign-in ends with an error, and Ada's session has nothing of his.
    expect(errorOf(await agent.open(waiting.url))).toBe('unmet_authentication_requirements');
    const { rows } = await stile.core.db.query(
      'SELECT "account_id" FROM "proof" WHERE "session_uid" IS NOT NULL ORDER BY "id"',
    );
    expect(rows).toEqual([{ account_id: ada }]);
  });
});
