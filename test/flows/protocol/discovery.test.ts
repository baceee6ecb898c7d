/** Metadata, keys and UserInfo. */
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { FIRST, MFA, newPerson, obtain, type Person, PHR } from '../../support/journey.ts';
import { API, startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('metadata, keys and UserInfo', () => {
  let stile: TestStile;
  let web: TestClient;
  let person: Person;
  beforeAll(async () => {
    stile = await startStile();
    web = await createClient(stile);
    person = await newPerson(stile, { totp: true });
  });
  afterAll(() => stile?.stop());

  it.each(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])(
    'trap: %s says what is honoured, the levels weakest first and what each implies',
    async (path) => {
      const metadata = (await (await fetch(stile.issuer + path)).json()) as Record<string, unknown>;
      expect(metadata).toMatchObject({
        issuer: stile.issuer,
        acr_values_supported: [FIRST, MFA, PHR, 'phrh'],
        acr_values_implied: { [FIRST]: [], [MFA]: [FIRST], [PHR]: [FIRST, MFA], phrh: [FIRST, MFA, PHR] },
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: true,
      });
      expect(metadata['grant_types_supported']).not.toContain('implicit');
      expect(metadata['scopes_supported']).toEqual(expect.arrayContaining(['openid', 'offline_access']));
    },
  );

  it('trap: the conformance suite asks for every supported acr value at once and is answered', async () => {
    const parameters = { acr_values: [FIRST, MFA, PHR, 'phrh'].join(' ') };
    const { tokens, asked } = await obtain(stile, web, { person, parameters });
    expect([tokens.claims.acr, asked]).toEqual([FIRST, ['password']]);
    const reversed = { acr_values: ['phrh', PHR, MFA, FIRST].join(' ') };
    const plain = await newPerson(stile);
    expect((await obtain(stile, web, { person: plain, parameters: reversed })).tokens.claims.acr).toBe(FIRST);
  });

  it('trap: tokens verify with the published keys, and a JWT access token is at+jwt (RFC 9068)', async () => {
    const jwks = (await (await fetch(String(web.server.jwks_uri))).json()) as JSONWebKeySet;
    for (const key of jwks.keys) expect(key).not.toHaveProperty('d');
    const parameters = { scope: 'openid read', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const keys = createLocalJWKSet(jwks);
    const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: stile.issuer, audience: API });
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    expect(Object.keys(payload)).toEqual(
      expect.arrayContaining(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti', 'scope']),
    );
    await jwtVerify(String(tokens.id_token), keys, { issuer: stile.issuer, audience: 'web' });
  });

  it('trap: UserInfo gives the claims of the scopes granted, by GET and POST', async () => {
    const me = String(web.server.userinfo_endpoint);
    const { tokens } = await obtain(stile, web, { person });
    const full = await obtain(stile, web, { person, parameters: { scope: 'openid profile email' } });
    const headers = { Authorization: `Bearer ${full.tokens.access_token}` };
    const everything = {
      sub: person.id,
      preferred_username: person.username,
      name: `Test ${person.username}`,
      email: `${person.username}@example.test`,
      email_verified: true,
    };
    expect(await (await fetch(me, { headers })).json()).toMatchObject(everything);
    expect(await (await fetch(me, { method: 'POST', headers })).json()).toMatchObject(everything);
    const little = await fetch(me, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
    const said = (await little.json()) as Record<string, unknown>;
    expect(said).toMatchObject({ sub: person.id });
    expect([said['email'], said['name']]).toEqual([undefined, undefined]);
  });

  it('trap: UserInfo refuses no token, a bad one and one for a resource', async () => {
    const me = String(web.server.userinfo_endpoint);
    const parameters = { scope: 'openid read', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    for (const token of ['', 'nothing', tokens.access_token, String(tokens.refresh_token)]) {
      const answer = await fetch(me, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
      expect([400, 401]).toContain(answer.status);
      expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    }
  });
});
