/** DPoP (RFC 9449): proofs are used once, and tokens stay with their key. */
import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { MFA, newPerson, obtain, type Person, startBeside } from '../../support/journey.ts';
import { rows } from '../../support/journeys.ts';
import { holding, untilBlocked } from '../../support/locks.ts';
import { redirectOf } from '../../support/people.ts';
import { CALLBACK, startStile, type TestStile, testConfig } from '../../support/stile.ts';

interface Key {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

type Body = Partial<Record<'access_token' | 'refresh_token' | 'token_type' | 'error', string>>;
type Answer = Body & { readonly status: number };

describe.skipIf(noPostgres)('DPoP', () => {
  let stile: TestStile;
  let other: TestStile;
  let spa: TestClient;
  let person: Person;
  let agent: Agent;
  let key: Key;
  beforeAll(async () => {
    const clients = (testConfig().clients ?? []).map((client) =>
      client.clientId === 'web2' ? { ...client, dpopBound: true } : client,
    );
    stile = await startStile({ config: { clients } });
    other = await startBeside(stile, { issuer: stile.issuer, config: { clients } });
    spa = await createClient(stile, 'spa');
    person = await newPerson(stile, { totp: true });
    ({ agent } = await obtain(stile, spa, { person, parameters: { acr_values: MFA } }));
    key = await generateKeyPair('ES256');
  });
  afterAll(async () => {
    await other?.stop();
    await stile?.stop();
  });

  const tokenEndpoint = () => String(spa.server.token_endpoint);
  const there = () => tokenEndpoint().replace(/:\d+/, `:${other.running.port}`);

  async function proof(url = tokenEndpoint(), { by = key, htm = 'POST', ath = '' } = {}): Promise<string> {
    const jwk = await exportJWK(by.publicKey);
    const bound = ath === '' ? {} : { ath: createHash('sha256').update(ath).digest('base64url') };
    return new SignJWT({ htm, htu: url, jti: randomUUID(), ...bound })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(by.privateKey);
  }

  async function token(body: Record<string, string>, dpop?: string, url = tokenEndpoint()): Promise<Answer> {
    const answer = await fetch(url, {
      method: 'POST',
      headers: dpop === undefined ? {} : { DPoP: dpop },
      body: new URLSearchParams({ client_id: 'spa', ...body }),
    });
    return { ...((await answer.json()) as Body), status: answer.status };
  }

  async function codeBody(): Promise<Record<string, string>> {
    const request = await spa.authorize({ prompt: 'none', acr_values: MFA });
    const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
    return {
      grant_type: 'authorization_code',
      code,
      code_verifier: request.verifier,
      redirect_uri: CALLBACK,
    };
  }
  const refreshBody = ({ refresh_token }: Answer) => ({
    grant_type: 'refresh_token',
    refresh_token: String(refresh_token),
  });

  it('trap: a proof is accepted once', async () => {
    const once = await proof();
    expect(await token(await codeBody(), once)).toMatchObject({ status: 200, token_type: 'DPoP' });
    const replay = await token(await codeBody(), once);
    expect([replay.status, replay.access_token]).toEqual([400, undefined]);
    expect((await token(await codeBody(), await proof())).status).toBe(200);
  });

  it('trap: one proof sent to two servers in parallel is accepted by one of them', async () => {
    expect((await token(await codeBody(), await proof(), there())).status).toBe(200);
    for (let trial = 0; trial < 10; trial += 1) {
      const [one, two, once] = [await codeBody(), await codeBody(), await proof()];
      const answers = await Promise.all([token(one, once), token(two, once, there())]);
      expect(answers.filter(({ access_token }) => access_token !== undefined)).toHaveLength(1);
      expect(answers.map(({ status }) => status)).not.toContain(500);
    }
  });

  it('trap: a public client’s refresh token is bound to its key, and a wrong key leaves it usable', async () => {
    const first = await token(await codeBody(), await proof());
    const thief = await generateKeyPair('ES256');
    expect((await token(refreshBody(first))).status).toBe(400);
    expect(await token(refreshBody(first), await proof(tokenEndpoint(), { by: thief }))).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    });
    const renewed = await token(refreshBody(first), await proof());
    expect([renewed.status, renewed.token_type]).toEqual([200, 'DPoP']);
  });

  it('trap: a refresh refused for a replayed proof leaves the token usable', async () => {
    const once = await proof();
    const first = await token(await codeBody(), once);
    expect((await token(refreshBody(first), once)).status).toBe(400);
    expect((await token(refreshBody(first), await proof())).status).toBe(200);
  });

  it('rule 4: of two bound refreshes of one token at once one succeeds, and the reuse ends its chain', async () => {
    const first = await token(await codeBody(), await proof());
    const [latest] = await rows<{ id: string }>(
      stile,
      'SELECT "id" FROM "assurance_record" ORDER BY "id" DESC LIMIT 1',
    );
    const values = [latest?.id];
    const record = { sql: 'SELECT 1 FROM "assurance_record" WHERE "id" = $1 FOR UPDATE', values };
    const proofs = [await proof(), await proof()];
    const [both] = await holding(stile, record, async () => {
      const refreshes = Promise.all(proofs.map((each) => token(refreshBody(first), each)));
      await untilBlocked(stile, 2);
      return [refreshes];
    });
    const answers = (await both) ?? [];
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    const won = answers.find(({ status }) => status === 200);
    expect((await token(refreshBody(won ?? first), await proof())).status).toBe(400);
    const denied = await rows(
      stile,
      `SELECT "type" FROM "audit_event" WHERE "outcome" = 'denied' AND "data"->>'record' = $1`,
      values,
    );
    expect(denied).toEqual([{ type: 'token_reuse' }]);
  });

  it('trap: a bound token is no bearer token', async () => {
    const { access_token = '' } = await token(await codeBody(), await proof());
    const me = String(spa.server.userinfo_endpoint);
    const bearer = await fetch(me, { headers: { Authorization: `Bearer ${access_token}` } });
    expect(bearer.status).toBe(401);
    const bound = await proof(me, { htm: 'GET', ath: access_token });
    const good = await fetch(me, { headers: { Authorization: `DPoP ${access_token}`, DPoP: bound } });
    expect(await good.json()).toMatchObject({ sub: person.id });
    const again = await fetch(me, { headers: { Authorization: `DPoP ${access_token}`, DPoP: bound } });
    expect(again.status).toBe(401);
  });

  it('trap: a proof for another address, method or time is refused', async () => {
    const wrong = [
      await proof(String(spa.server.userinfo_endpoint)),
      await proof(tokenEndpoint(), { htm: 'GET' }),
      'not.a.proof',
    ];
    for (const dpop of wrong) expect((await token(await codeBody(), dpop)).status).toBe(400);
  });

  it('trap: a client registered for bound tokens gets no others', async () => {
    const web2 = await createClient(stile, 'web2');
    const request = await web2.authorize({ prompt: 'none' });
    const { location } = await agent.open(request.url);
    const code = new URL(String(location)).searchParams.get('code') ?? '';
    const body = { grant_type: 'authorization_code', code, code_verifier: request.verifier };
    const answer = await web2.token({ ...body, redirect_uri: CALLBACK });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
  });
});
