/** Tokens bound to a key (RFC 9449) through each gateway: nonce, proof, public address. */
import { createDpopKey, type DpopKey } from '@stile/sdk/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../gate/support.ts';
import { createAgent } from '../support/agent.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { type Gateway, kinds, missing, startGateway } from '../support/gateway.ts';
import { answer, MFA, newPerson } from '../support/journey.ts';
import { redirectOf } from '../support/people.ts';
import { API, CALLBACK } from '../support/stile.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let key: DpopKey;
let token: string;

describe.skipIf(noPostgres)('DPoP through gateways', () => {
  beforeAll(async () => {
    world = await startWorld();
    key = await createDpopKey();
    token = await boundToken();
  });
  afterAll(() => world?.stop());

  describe.each(kinds)('%s', (kind) => {
    describe.skipIf(missing(kind))('from its snippet', () => {
      let gateway: Gateway;
      beforeAll(async () => {
        gateway = await startGateway(kind, world.ports);
      });
      afterAll(() => gateway?.stop());

      const publicUrl = (path: string) => `http://127.0.0.1:${gateway.port}${path}`;
      const proofFor = (url: string, nonce?: string, method = 'GET') =>
        key.proof({ method, url, token, ...(nonce === undefined ? {} : { nonce }) });
      const call = (dpop: string | string[], path = '/transfers/1', scheme = 'DPoP') =>
        send({ port: gateway.port, path, headers: { authorization: `${scheme} ${token}`, dpop } });
      const challengeOf = ({ headers }: Awaited<ReturnType<typeof call>>) =>
        String(headers['www-authenticate']);

      /** As a client learns it: by a 401. */
      async function nonce(): Promise<string> {
        const refused = await call(await proofFor(publicUrl('/transfers/1')));
        expect([refused.status, challengeOf(refused)]).toEqual([
          401,
          expect.stringMatching(/^DPoP .*use_dpop_nonce/),
        ]);
        return String(refused.headers['dpop-nonce']);
      }

      test('a proof without nonce: 401 with the nonce; with it, for the address the client called, it passes', async () => {
        const proof = await proofFor(publicUrl('/transfers/1'), await nonce());
        const passed = await call(proof, '/transfers/1?q=1');
        expect([passed.status, passed.body]).toEqual([200, 'the upstream']);
        expect(world.seen.at(-1)?.headers['x-stile-acr']).toBe(MFA);
        // Caddy and Traefik pass no field of the gate's 200 on to the client, who asks for a new nonce when it is told to.
        const given = kind === 'caddy' || kind === 'traefik' ? undefined : expect.stringMatching(/\S/);
        expect(passed.headers['dpop-nonce']).toEqual(given);
      });

      test('a proof for another address, another scheme, port or method is refused, and so is one used before', async () => {
        const fresh = await nonce();
        const before = world.seen.length;
        const port = gateway.port;
        for (const [url, method] of [
          [publicUrl('/transfers/2')],
          [publicUrl('/transfers')],
          [`https://127.0.0.1:${port}/transfers/1`],
          [`http://localhost:${port}/transfers/1`],
          [`http://127.0.0.1:${world.ports.gate}/transfers/1`],
          [`http://127.0.0.1:${world.ports.upstream}/transfers/1`],
          [publicUrl('/transfers/1'), 'POST'],
        ] as const) {
          const refused = await call(await proofFor(url, fresh, method));
          expect([refused.status, challengeOf(refused)], url).toEqual([
            401,
            expect.stringMatching(/invalid_dpop_proof/),
          ]);
        }
        expect(world.seen.length).toBe(before);
        const once = await proofFor(publicUrl('/transfers/1'), fresh);
        expect([(await call(once)).status, (await call(once)).status]).toEqual([200, 401]);
      });

      test('as a bearer token, or with two proofs, it does not pass', async () => {
        const fresh = await nonce();
        const one = () => proofFor(publicUrl('/transfers/1'), fresh);
        expect((await call(await one(), '/transfers/1', 'Bearer')).status).toBe(401);
        const before = world.seen.length;
        const both = await call([await one(), await one()]);
        // nginx before 1.23 takes the first, for the gate and for the program behind.
        const reached = world.seen
          .slice(before)
          .map(({ rawHeaders }) => rawHeaders.filter((name) => /^dpop$/i.test(name)));
        if (kind === 'nginx' && both.status === 200) expect(reached).toEqual([['DPoP']]);
        else expect([both.status >= 400, reached]).toEqual([true, []]);
      });
    });
  });
});

/** A stepped-up token of a public client, bound to the key. */
async function boundToken(): Promise<string> {
  const { stile } = world;
  const spa = await createClient(stile, 'spa');
  const person = await newPerson(stile, { totp: true });
  const agent = createAgent();
  const request = await spa.authorize({ resource: API, scope: 'openid read', acr_values: MFA });
  const { page } = await answer(stile, agent, await agent.open(request.url), { person });
  const url = String(spa.server.token_endpoint);
  const response = await fetch(url, {
    method: 'POST',
    headers: { DPoP: await key.proof({ method: 'POST', url, token: '', claims: { ath: undefined } }) },
    body: new URLSearchParams({
      client_id: 'spa',
      grant_type: 'authorization_code',
      code: new URL(redirectOf(page)).searchParams.get('code') ?? '',
      code_verifier: request.verifier,
      redirect_uri: CALLBACK,
      resource: API,
    }),
  });
  const body = (await response.json()) as { access_token?: string; token_type?: string };
  expect(body).toMatchObject({ token_type: 'DPoP' });
  return String(body.access_token);
}
