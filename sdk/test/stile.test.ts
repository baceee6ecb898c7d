/** The adapters against a real Stile: its tokens, its introspection, its step-up. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type TestClient } from '../../test/support/client.ts';
import { noPostgres } from '../../test/support/database.ts';
import { newPerson, obtain, type Person } from '../../test/support/journey.ts';
import { API, OPAQUE_API, startStile, type TestStile, WEB_SECRET } from '../../test/support/stile.ts';
import { createResourceServer } from '../src/server/index.ts';
import { frameworks, listen } from './frameworks.ts';

const SIGN_IN = { scope: 'openid read', resource: API };

describe.skipIf(noPostgres)('with a real Stile', () => {
  let stile: TestStile;
  let client: TestClient;
  let person: Person;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    person = await newPerson(stile, { passkey: {} });
  });
  afterAll(() => stile?.stop());

  it.each(Object.entries(frameworks))('%s: a challenge is answered by a passkey', async (_, build) => {
    const api = await listen(await build(createResourceServer({ issuer: stile.issuer, audience: API })));
    const call = (token: string) =>
      fetch(`${api.url}/amount`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ amount: 500 }),
      });
    try {
      const { agent, tokens } = await obtain(stile, client, { person, parameters: SIGN_IN });
      const refused = await call(tokens.access_token);
      const www = String(refused.headers.get('www-authenticate'));
      expect([refused.status, www]).toEqual([
        401,
        expect.stringContaining('insufficient_user_authentication'),
      ]);
      const value = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(www)?.[1];
      const parameters = {
        ...SIGN_IN,
        scope: `openid ${value('scope')}`,
        acr_values: value('acr_values'),
        max_age: value('max_age'),
      };
      const better = await obtain(stile, client, { person, agent, parameters });
      const answer = await call(better.tokens.access_token);
      expect([answer.status, await answer.json()]).toEqual([200, { sub: tokens.claims.sub }]);
      expect((await call(String(tokens.id_token))).status).toBe(401);
    } finally {
      await api.stop();
    }
  });

  it('introspects opaque tokens, with their level', async () => {
    const introspection = { clientId: 'api', clientSecret: WEB_SECRET, cacheFor: 0 };
    const server = createResourceServer({ issuer: stile.issuer, audience: OPAQUE_API, introspection });
    const parameters = { scope: 'openid look', resource: OPAQUE_API };
    const { tokens } = await obtain(stile, client, { person, parameters });
    const facts = { method: 'GET', url: OPAQUE_API, authorization: `Bearer ${tokens.access_token}` };
    expect(await server.decide(facts, { acr: ['urn:stile:acr:1fa'], maxAge: 300 })).toMatchObject({
      allowed: true,
      caller: { sub: tokens.claims.sub, clientId: 'web', scope: ['look'] },
    });
    expect(await server.decide(facts, { scope: ['touch'] })).toMatchObject({ status: 403 });
    await client.revoke(tokens.access_token);
    expect(await server.decide(facts)).toMatchObject({ status: 401, reason: 'invalid_token' });
  });
});
