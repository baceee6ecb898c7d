/** Signing in with a password, and what the client gets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimsOf, createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, signIn } from '../support/people.ts';
import { API, startStile, type TestStile } from '../support/stile.ts';

describe.skipIf(noPostgres)('signing in', () => {
  let stile: TestStile;
  beforeAll(async () => {
    stile = await startStile();
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  it('rule 1: a password yields the level it is evidence of, in ID token and access token', async () => {
    const client = await createClient(stile);
    const { tokens } = await signIn(client, 'ada', { scope: 'openid read', resource: API });
    expect(tokens.claims).toMatchObject({ acr: 'urn:stile:acr:1fa', amr: ['pwd'] });
    expect(tokens.claims.auth_time).toBeTypeOf('number');
    const { acr, amr, auth_time, aud } = claimsOf(tokens.access_token);
    expect({ acr, amr, auth_time, aud }).toEqual({
      acr: 'urn:stile:acr:1fa',
      amr: ['pwd'],
      auth_time: tokens.claims.auth_time,
      aud: API,
    });
  });
});
