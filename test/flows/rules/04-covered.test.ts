/** Rule 4: what a code or refresh token is still good for, on its own evidence, under the configuration of today. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { defaultLevels } from '../../../src/domain/ladder.ts';
import { createAgent } from '../../support/agent.ts';
import { claimsOf, createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  FIRST,
  MFA,
  newPerson,
  nextCode,
  obtain,
  PHR,
  pass,
  quietly,
  startBeside,
  stopClock,
} from '../../support/journey.ts';
import { count, postForm } from '../../support/journeys.ts';
import { PASSWORD, redirectOf } from '../../support/people.ts';
import { API, startStile, type TestStile, testConfig } from '../../support/stile.ts';
import { createCa } from '../../support/x509.ts';

const PHRH = 'phrh';
const maker = createCa('Test Keys Root');

interface Renewed {
  readonly status: number;
  readonly error?: string;
  readonly scope?: string;
  readonly id_token: string;
  readonly refresh_token: string;
}

describe.skipIf(noPostgres)('what tokens are still good for', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    const scopes = { read: {}, write: {}, aged: { acr: [MFA], maxAge: 60 } };
    stile = await startStile({
      config: { ...withScopes(scopes), authorizationDetails: { payment: {} }, ...trusting([maker.pem]) },
    });
    web = await createClient(stile);
  });
  beforeEach(stopClock);
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  async function renew(token: string | undefined, client = web): Promise<Renewed> {
    const response = await client.refresh(String(token));
    return { status: response.status, ...((await response.json()) as Omit<Renewed, 'status'>) };
  }

  /** A refresh at a server of another configuration on the same database. */
  async function renewUnder(config: Partial<ConfigInput>, token: string | undefined): Promise<Renewed> {
    const other = await startBeside(stile, { config });
    try {
      return await renew(token, await createClient(other));
    } finally {
      await other.stop();
    }
  }

  it('rule 4: a level is understood as it is configured today: tokens that it no longer holds are invalid_grant', async () => {
    const person = await newPerson(stile, { totp: true });
    const { tokens } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    const levels = defaultLevels.map((level) =>
      level.acr === FIRST ? level : { ...level, alternatives: level.alternatives.slice(0, 1) },
    );
    const refused = await renewUnder({ levels: levels as never }, tokens.refresh_token);
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect((await renew(tokens.refresh_token)).status).toBe(200);
  });

  it('rule 4: distrusting the maker of a key ends the tokens at the level that rests on its word', async () => {
    const person = await newPerson(stile, { passkey: { attestation: { ca: maker } } });
    const { tokens } = await obtain(stile, web, {
      person,
      parameters: { acr_values: PHRH },
      passkeyFirst: true,
    });
    expect(tokens.claims.acr).toBe(PHRH);
    const trusted = await renewUnder(trusting([maker.pem]), tokens.refresh_token);
    expect(claimsOf(trusted.id_token)['acr']).toBe(PHRH);
    const other = createCa('Another Root').pem;
    const refused = await renewUnder(trusting([other]), trusted.refresh_token);
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  it('rule 4: a scope no longer covered is dropped, also where it says narrow', async () => {
    const person = await newPerson(stile);
    const parameters = { scope: 'openid read write', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const strict = withScopes({ read: {}, write: { acr: [MFA], narrow: true } });
    const renewed = await renewUnder(strict, tokens.refresh_token);
    expect([renewed.status, renewed.scope]).toEqual([200, 'read']);
  });

  it('rule 4: a type of authorization_details that is no longer covered is invalid_grant', async () => {
    const person = await newPerson(stile);
    const authorization_details = '[{"type":"payment"}]';
    const parameters = { scope: 'openid read', resource: API, authorization_details };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const strict = { authorizationDetails: { payment: { acr: [MFA] } } };
    const refused = await renewUnder({ ...withScopes({ read: {} }), ...strict }, tokens.refresh_token);
    expect(refused).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect((await renew(tokens.refresh_token)).status).toBe(200);
  });

  it('rule 4: what was fresh when it was authorized stays covered, however old it has become', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person, parameters: { acr_values: MFA } });
    pass(30);
    // Not of this transaction: its age is what counts.
    const parameters = { acr_values: MFA, scope: 'openid read aged', resource: API };
    const { refresh_token } = await quietly(agent, web, parameters);
    pass(600);
    expect((await renew(refresh_token)).scope).toBe('read aged');
  });

  it('rule 1: a perClient level that a step-up gave to a client is renewed for that client', async () => {
    const person = await newPerson(stile, { passkey: {} });
    const { agent } = await obtain(stile, web, { person });
    const up = await obtain(stile, web, { person, agent, parameters: { acr_values: PHR } });
    const renewed = await renew(up.tokens.refresh_token);
    expect([renewed.status, claimsOf(renewed.id_token)['acr']]).toEqual([200, PHR]);
  });

  it('rule 2: a proof made in this transaction is fresh in it at the exchange, too, however long the way back took', async () => {
    const person = await newPerson(stile, { totp: true });
    const agent = createAgent();
    const request = await web.authorize({ acr_values: MFA, scope: 'openid aged', resource: API });
    const named = await agent.submit(await agent.open(request.url), '/identifier', {
      identifier: person.username,
    });
    const page = await agent.submit(named, '/password', { password: PASSWORD });
    const code = nextCode(stile, person);
    const proved = await postForm(agent, page, { action: '/totp', fields: { code } });
    pass(120);
    const end = await agent.open(String(proved.location));
    const tokens = await web.exchange(request, redirectOf(end));
    expect(claimsOf(tokens.access_token)['scope']).toBe('aged');
  });

  it('rule 4: reuse ends the chain also where the configuration of today would refuse the token anyway', async () => {
    const person = await newPerson(stile);
    const parameters = { scope: 'openid read', resource: API };
    const { tokens } = await obtain(stile, web, { person, parameters });
    const renewed = await renew(tokens.refresh_token);
    const strict = withScopes({ read: { acr: [MFA] } }, { openid: { acr: [MFA] } });
    const reused = await renewUnder(strict, tokens.refresh_token);
    expect(reused).toMatchObject({ status: 400, error: 'invalid_grant' });
    const left = 'SELECT count(*) AS "n" FROM "assurance_record" WHERE "account_id" = $1';
    expect(await count(stile, left, [person.id])).toBe(0);
    expect((await renew(renewed.refresh_token)).error).toBe('invalid_grant');
  });
});

type Scopes = NonNullable<ConfigInput['scopes']>;

/** The tests' API with other demands. */
function withScopes(scopes: Scopes, openid: Scopes = {}): Partial<ConfigInput> {
  const resources = (testConfig().resources ?? []).map((resource) =>
    resource.identifier === API ? { ...resource, scopes } : resource,
  );
  return { resources, ...(Object.keys(openid).length > 0 ? { scopes: openid } : {}) };
}

function trusting(trustedRoots: string[]): Partial<ConfigInput> {
  return { factors: { passkey: { attestation: 'direct', trustedRoots } } };
}
