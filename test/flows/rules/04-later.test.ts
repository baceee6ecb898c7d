/** Rule 4: what becomes of tokens later. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { purge } from '../../../src/infra/purge.ts';
import { setAccountStatus } from '../../../src/services/accounts.ts';
import { claimsOf, createClient, type TestClient, type Tokens } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  FIRST,
  MFA,
  newPerson,
  obtain,
  PHR,
  pass,
  quietly,
  startBeside,
  stopClock,
} from '../../support/journey.ts';
import { errorOf, redirectOf, silently } from '../../support/people.ts';
import { API, OPAQUE_API, startStile, type TestStile, testConfig } from '../../support/stile.ts';

interface Renewed {
  readonly status: number;
  readonly error?: string;
  readonly scope?: string;
  readonly expires_in?: number;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
}

describe.skipIf(noPostgres)('tokens later', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    stile = await startStile({ config: { levels: levelsOfTheseTests() as never } });
    web = await createClient(stile);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  async function renew(token: string | undefined, client = web, more = {}): Promise<Renewed> {
    const response = await client.refresh(String(token), more);
    return { status: response.status, ...((await response.json()) as Omit<Renewed, 'status'>) };
  }

  /** Another configuration on the same database: what was issued under the first is judged by the second. */
  async function under<T>(
    config: Partial<ConfigInput>,
    run: (client: TestClient, other: TestStile) => Promise<T>,
  ): Promise<T> {
    const other = await startBeside(stile, { config });
    try {
      return await run(await createClient(other), other);
    } finally {
      await other.stop();
    }
  }

  const isActive = async (token: string) => (await web.introspect(token))['active'];

  it('rule 4: refresh never changes acr, amr or auth_time, whatever the session has come to', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { scope: 'openid read', resource: API };
    const { agent, tokens } = await obtain(stile, web, { person, parameters });
    const { auth_time } = tokens.claims;
    pass(120);
    await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    let token = tokens.refresh_token;
    for (let turn = 0; turn < 3; turn += 1) {
      pass(60);
      const renewed = await renew(token);
      const same = { acr: FIRST, amr: ['pwd'], auth_time };
      expect(claimsOf(renewed.id_token)).toMatchObject(same);
      expect(claimsOf(renewed.access_token)).toMatchObject(same);
      token = renewed.refresh_token;
    }
  });

  it('rule 4: tokens at a level end at auth_time + tokensFor with invalid_grant, and the base token lives on', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens: base } = await obtain(stile, web, { person });
    const up = await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    pass(1000);
    const first = await renew(up.tokens.refresh_token);
    pass(799);
    const second = await renew(first.refresh_token);
    expect([first.status, second.status, claimsOf(second.id_token)['acr']]).toEqual([200, 200, MFA]);
    pass(1);
    expect(await renew(second.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(claimsOf((await renew(base.refresh_token)).id_token)['acr']).toBe(FIRST);
  });

  it('rule 4: a tokensFor that was shortened ends the tokens issued before', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const unused = await quietly(agent, web, { acr_values: MFA });
    const shorter = defaultLevels.map((level) =>
      level.acr === FIRST ? level : { ...level, tokensFor: 600 },
    );
    pass(599);
    const levels = { levels: shorter as never };
    const renewed = await under(levels, (client) => renew(tokens.refresh_token, client));
    expect(claimsOf(renewed.id_token)['acr']).toBe(MFA);
    pass(1);
    for (const { refresh_token } of [renewed, unused]) {
      const over = await under(levels, (client) => renew(refresh_token, client));
      expect(over).toMatchObject({ status: 400, error: 'invalid_grant' });
    }
  });

  it('rule 4: no access token outlives auth_time + tokensFor', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { acr_values: MFA, scope: 'openid look', resource: OPAQUE_API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    pass(1700);
    const renewed = await renew(tokens.refresh_token);
    expect(renewed.expires_in).toBe(100);
    pass(101);
    expect(await isActive(renewed.access_token)).toBe(false);
  });

  it('rule 4: tokensFor 0 gives no refresh token', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const parameters = { acr_values: PHR };
    const { tokens } = await obtain(stile, web, { person, parameters, passkeyFirst: true });
    expect(tokens.claims.acr).toBe(PHR);
    expect(tokens.refresh_token).toBeUndefined();
    expect(await isActive(tokens.access_token)).toBe(true);
  });

  it('rule 4: no access token outlives auth_time + maxAge, also where tokensFor is 0', async () => {
    const person = await newPerson(stile, { passkey: {} });
    for (const at of [OPAQUE_API, API]) {
      const { agent } = await obtain(stile, web, { person, passkeyFirst: true });
      const scope = at === API ? 'openid read' : 'openid look';
      const request = await web.authorize({ acr_values: PHR, scope, resource: at, prompt: 'none' });
      pass(1700);
      const tokens = await web.exchange(request, redirectOf(await agent.open(request.url)));
      expect([tokens.claims.acr, tokens.expires_in, tokens.refresh_token]).toEqual([PHR, 100, undefined]);
      const ends = Number(tokens.claims.auth_time) + 1800;
      if (at === API) expect(claimsOf(tokens.access_token)['exp']).toBe(ends);
      pass(99);
      if (at !== API) expect(await isActive(tokens.access_token)).toBe(true);
      pass(1);
      if (at !== API) expect(await isActive(tokens.access_token)).toBe(false);
    }
  });

  it.each([
    [MFA, 'tokensFor', { totp: true }],
    [PHR, 'maxAge, with tokensFor 0', { passkey: {} }],
  ])(
    'rule 4: a code of %s is invalid_grant at auth_time + %s, and good a second before',
    async (acr, _, factors) => {
      const person = await newPerson(stile, factors);
      const parameters = { acr_values: acr, scope: 'openid look', resource: OPAQUE_API };
      const { agent } = await obtain(stile, web, { person, parameters, passkeyFirst: acr === PHR });
      pass(1790);
      const newCode = async () => {
        const request = await web.authorize({ ...parameters, prompt: 'none' });
        return { request, redirect: redirectOf(await agent.open(request.url)) };
      };
      const [good, late] = [await newCode(), await newCode()];
      pass(9);
      expect((await web.exchange(good.request, good.redirect)).expires_in).toBe(1);
      pass(1);
      await expect(web.exchange(late.request, late.redirect)).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    },
  );

  it('rule 4: no code is issued for a level from the second on in which its tokens end', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(1799);
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBeNull();
    pass(1);
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBe('login_required');
  });

  it('rule 4: a code at a level that today’s configuration no longer has is invalid_grant', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const { request, page } = await silently(agent, web, { acr_values: MFA });
    const levels = { levels: defaultLevels.filter(({ acr }) => acr !== MFA) as never };
    const other = await startBeside(stile, { config: levels, issuer: stile.issuer });
    const there = await createClient(stile, 'web', other.running.port);
    const refused = there.exchange(request, redirectOf(page)).finally(() => other.stop());
    await expect(refused).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('rule 4: a refresh token lives as long as its kind from the first one on, however often it is renewed', async () => {
    const person = await newPerson(stile);
    await under({ tokens: { refreshToken: 1000 } }, async (client, other) => {
      const { tokens } = await obtain(other, client, { person });
      pass(600);
      const first = await renew(tokens.refresh_token, client);
      pass(399);
      const second = await renew(first.refresh_token, client);
      expect([first.status, second.status]).toEqual([200, 200]);
      pass(1);
      expect(await renew(second.refresh_token, client)).toMatchObject({
        status: 400,
        error: 'invalid_grant',
      });
    });
  });

  it('rule 4: a code is exchanged although its level’s tokens end at once', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const request = await web.authorize({ acr_values: PHR });
    const { agent } = await obtain(stile, web, { person, passkeyFirst: true });
    pass(600);
    const { location } = await agent.open(request.url);
    expect((await web.exchange(request, String(location))).claims.acr).toBe(PHR);
  });

  it('rule 4: a scope no longer covered under today’s configuration is dropped', async () => {
    const person = await newPerson(stile);
    const parameters = { scope: 'openid read write', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const strict = withScopes({ read: {}, write: { acr: [MFA] } });
    const renewed = await under(strict, (client) => renew(tokens.refresh_token, client));
    expect([renewed.status, renewed.scope]).toEqual([200, 'read']);
    expect(claimsOf(renewed.id_token)['acr']).toBe(FIRST);
    expect(claimsOf(renewed.access_token)['scope']).toBe('read');
    expect((await renew(renewed.refresh_token)).scope).toBe('read');
  });

  it('rule 4: none left is invalid_grant, and the refresh token can be used once that is put right', async () => {
    const person = await newPerson(stile);
    const parameters = { scope: 'openid read', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const strict = withScopes({ read: {}, write: {} }, { openid: { acr: [MFA] } }, { acr: [MFA] });
    const refused = await under(strict, (client) => renew(tokens.refresh_token, client));
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect((await renew(tokens.refresh_token)).status).toBe(200);
  });

  it('rule 4: a level that today’s configuration no longer has is invalid_grant', async () => {
    const person = await newPerson(stile, { totp: true });
    const { tokens } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const levels = defaultLevels.filter(({ acr }) => acr !== MFA);
    const refused = await under({ levels: levels as never }, (client) => renew(tokens.refresh_token, client));
    expect(refused.error).toBe('invalid_grant');
  });

  it('rule 4: removing a credential ends its proofs and every record, code and token on them, and no others', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens: base } = await obtain(stile, web, { person });
    const up = await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    const pending = await web.authorize({ acr_values: MFA, prompt: 'none' });
    const { location } = await agent.open(pending.url);
    expect(await isActive(up.tokens.access_token)).toBe(true);
    await stile.core.services.credentials.remove(person.id, person.app?.id ?? '');
    expect(await isActive(up.tokens.access_token)).toBe(false);
    expect((await renew(up.tokens.refresh_token)).error).toBe('invalid_grant');
    await expect(web.exchange(pending, String(location))).rejects.toThrow();
    expect(errorOf((await silently(agent, web, { acr_values: MFA })).page)).toBe('interaction_required');
    expect(await isActive(base.access_token)).toBe(true);
    expect((await renew(base.refresh_token)).status).toBe(200);
  });

  it('rule 4: disabling an account ends its sessions, grants and tokens, introspection included', async () => {
    const person = await newPerson(stile);
    const { agent, tokens } = await obtain(stile, web, { person });
    const pending = await web.authorize({ prompt: 'none' });
    const { location } = await agent.open(pending.url);
    await setAccountStatus(stile.core.services, person.id, { status: 'disabled' });
    expect(await isActive(tokens.access_token)).toBe(false);
    expect(await isActive(String(tokens.refresh_token))).toBe(false);
    expect((await renew(tokens.refresh_token)).error).toBe('invalid_grant');
    await expect(web.exchange(pending, String(location))).rejects.toThrow();
    const userinfo = await fetch(String(web.server.userinfo_endpoint), bearer(tokens));
    expect(userinfo.status).toBe(401);
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
    const { rows } = await stile.core.db.query('SELECT 1 FROM "artifact" WHERE "account_id" = $1', [
      person.id,
    ]);
    expect(rows).toEqual([]);
    await setAccountStatus(stile.core.services, person.id, { status: 'active' });
    expect((await renew(tokens.refresh_token)).error).toBe('invalid_grant');
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
  });

  it('rule 4: stepped-up JWTs live five minutes at most, others as the resource says', async () => {
    const person = await newPerson(stile, { totp: true });
    const parameters = { scope: 'openid read', resource: API };
    const config = withScopes({ read: {}, write: {} }, {}, undefined, 3600);
    await under(config, async (client, other) => {
      const { agent, tokens } = await obtain(other, client, { person, parameters });
      const lifetime = (jwt: string) => {
        const { exp, iat } = claimsOf(jwt);
        return Number(exp) - Number(iat);
      };
      expect(lifetime(tokens.access_token)).toBe(3600);
      const stepUp = { ...parameters, acr_values: MFA };
      const up = await obtain(other, client, { person, agent, parameters: stepUp });
      expect(lifetime(up.tokens.access_token)).toBe(300);
      expect(lifetime((await renew(up.tokens.refresh_token, client)).access_token)).toBe(300);
    });
  });

  it('rule 4: reuse of a refresh token ends its own chain, not the client’s other tokens', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent, tokens: base } = await obtain(stile, web, { person });
    const up = await obtain(stile, web, { person, agent, parameters: { acr_values: MFA } });
    const renewed = await renew(base.refresh_token);
    expect(renewed.status).toBe(200);
    expect((await renew(base.refresh_token)).error).toBe('invalid_grant');
    expect((await renew(renewed.refresh_token)).error).toBe('invalid_grant');
    expect(await isActive(renewed.access_token)).toBe(false);
    expect(await isActive(base.access_token)).toBe(false);
    expect(await isActive(up.tokens.access_token)).toBe(true);
    expect((await renew(up.tokens.refresh_token)).status).toBe(200);
    expect((await quietly(agent, web)).claims.acr).toBe(MFA);
  });

  it('rule 4: rotation keeps the record, so ending the record ends every token that came of it', async () => {
    const person = await newPerson(stile);
    const { tokens } = await obtain(stile, web, { person });
    const first = await renew(tokens.refresh_token);
    const second = await renew(first.refresh_token);
    const { rows } = await stile.core.db.query<{ id: string }>(
      'SELECT "id" FROM "assurance_record" WHERE "account_id" = $1',
      [person.id],
    );
    expect(rows).toHaveLength(1);
    await stile.core.services.records.revoke(rows[0]?.id ?? '');
    for (const { access_token } of [tokens, first, second]) expect(await isActive(access_token)).toBe(false);
    expect((await renew(second.refresh_token)).error).toBe('invalid_grant');
  });

  it('rule 4: a record outlives the purge as long as a token rests on it', async () => {
    const person = await newPerson(stile);
    const { tokens } = await obtain(stile, web, { person });
    pass(7200);
    await purge(stile.core.db, { now: stile.core.clock.now() });
    const renewed = await renew(tokens.refresh_token);
    expect(renewed.status).toBe(200);
    pass(7200);
    await purge(stile.core.db, { now: stile.core.clock.now() });
    expect((await renew(renewed.refresh_token)).status).toBe(200);
  });
});

function bearer({ access_token }: Tokens): RequestInit {
  return { headers: { Authorization: `Bearer ${access_token}` } };
}

type Scopes = NonNullable<ConfigInput['scopes']>;
type Resource = NonNullable<ConfigInput['resources']>[number];

/** The tests' API with other demands. */
function withScopes(
  scopes: Scopes,
  openid: Scopes = {},
  demand?: Resource['demand'],
  ttl = 300,
): Partial<ConfigInput> {
  const resources = (testConfig().resources ?? []).map(
    (resource): Resource =>
      resource.identifier === API
        ? { ...resource, scopes, accessToken: { format: 'jwt', ttl }, ...(demand ? { demand } : {}) }
        : resource,
  );
  return { resources, ...(Object.keys(openid).length > 0 ? { scopes: openid } : {}) };
}

function levelsOfTheseTests() {
  return defaultLevels.map((level) => {
    if (level.acr === FIRST) return level;
    return level.acr === MFA ? { ...level, tokensFor: 1800 } : { ...level, maxAge: 1800, tokensFor: 0 };
  });
}
