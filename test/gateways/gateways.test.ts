/** Gateways demand and honour step-up for a real session against a real Stile, each from its snippet in examples. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../gate/support.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { type Gateway, kinds, missing, startGateway } from '../support/gateway.ts';
import { MFA, newPerson, obtain } from '../support/journey.ts';
import { API } from '../support/stile.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let weak: string;
let strong: string;
let subject: string;

describe.skipIf(noPostgres)('gateways', () => {
  beforeAll(async () => {
    world = await startWorld();
    const { stile } = world;
    const client = await createClient(stile);
    const person = await newPerson(stile, { totp: true });
    const parameters = { resource: API, scope: 'openid read' };
    const first = await obtain(stile, client, { person, parameters });
    weak = first.tokens.access_token;
    const stepUp = { ...parameters, acr_values: MFA, max_age: '300' };
    const second = await obtain(stile, client, { person, agent: first.agent, parameters: stepUp });
    strong = second.tokens.access_token;
    subject = second.tokens.claims.sub;
  });
  afterAll(() => world?.stop());

  describe.each(kinds)('%s', (kind) => {
    describe.skipIf(missing(kind))('from its snippet', () => {
      let gateway: Gateway;
      let away: Gateway;
      beforeAll(async () => {
        gateway = await startGateway(kind, world.ports);
        away = await startGateway(kind, { ...world.ports, gate: 9 });
      });
      afterAll(async () => {
        await gateway?.stop();
        await away?.stop();
      });
      const call = (
        path: string,
        headers: Record<string, string | string[]> = {},
        method = 'GET',
        body?: string,
      ) => send({ port: gateway.port, path, headers, method, ...(body === undefined ? {} : { body }) });
      const challengeOf = (answer: Awaited<ReturnType<typeof call>>) =>
        String(answer.headers['www-authenticate']);
      const seen = () => world.seen.at(-1)?.headers ?? {};

      test('no token: a plain challenge', async () => {
        const answer = await call('/transfers/1');
        expect(answer.status).toBe(401);
        expect(challengeOf(answer)).toMatch(/Bearer/);
        expect(challengeOf(answer)).not.toMatch(/error|acr_values|max_age|scope/);
      });

      test('a password is not enough: the whole requirement', async () => {
        const answer = await call('/transfers/1', { authorization: `Bearer ${weak}` });
        expect(answer.status).toBe(401);
        expect(challengeOf(answer)).toMatch(/insufficient_user_authentication/);
        expect(challengeOf(answer)).toMatch(/acr_values="urn:stile:acr:mfa".*max_age="300".*scope="read"/);
      });

      test("after the step-up it passes, under the gate's word and not the client's", async () => {
        const forged = { 'x-stile-sub': 'admin', 'x-stile-acr': 'phr', 'x-stile-auth-time': '1' };
        const answer = await call('/transfers/1?q=1', { ...forged, authorization: `Bearer ${strong}` });
        expect([answer.status, answer.body]).toEqual([200, 'the upstream']);
        const { 'x-stile-acr': acr, 'x-stile-client': client, 'x-stile-sub': sub } = seen();
        expect([acr, client]).toEqual([MFA, 'web']);
        expect(sub).not.toMatch(/admin|^$/);
        expect(seen()['x-stile-auth-time']).toMatch(/^\d{10}$/);
      });

      test('a call with a body is judged without it, and reaches the program whole', async () => {
        const body = JSON.stringify({ to: 'Robin' });
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${weak}` };
        expect((await call('/transfers/1', headers, 'POST', body)).status).toBe(401);
        const better = { ...headers, authorization: `Bearer ${strong}` };
        for (const framing of [
          { 'content-length': String(body.length) },
          { 'transfer-encoding': 'chunked' },
        ]) {
          const passed = await call('/transfers/1', { ...better, ...framing }, 'POST', body);
          expect([passed.status, passed.body, world.seen.at(-1)?.method]).toEqual([200, body, 'POST']);
        }
      });

      test('an upgrade to a web socket is judged as any other request', async () => {
        const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
        const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
        const statusOf = async (path: string) => (await call(path, { ...upgrade, ...key })).status;
        const before = world.seen.length;
        // Envoy takes none as long as upgrade_configs does not name it.
        expect(await statusOf('/transfers/1')).toBe(kind === 'envoy' ? 403 : 401);
        expect(world.seen.length).toBe(before);
        expect(await statusOf('/open/x')).toBe(kind === 'envoy' ? 403 : 200);
      });

      test("where nobody is known the client's own fields are gone", async () => {
        const forged = { 'x-stile-sub': 'admin', 'x-stile-scope': 'all', 'x-stile-client': 'root' };
        expect((await call('/open', forged)).status).toBe(200);
        const { 'x-stile-sub': sub, 'x-stile-scope': scope, 'x-stile-client': client } = seen();
        expect([sub, scope, client].map((value) => value ?? '')).toEqual(['', '', '']);
      });

      test('fields that some programs read as those of the gate are gone, too', async () => {
        const forged = {
          X_Stile_Sub: 'admin',
          'X-Stile_Sub': 'admin',
          'X_Stile-Acr': 'phr',
          X_STILE_ACR: 'phr',
        };
        expect((await call('/open', { ...forged, 'X-Stile-Auth_Time': '1' })).status).toBe(200);
        expect(JSON.stringify(seen())).not.toMatch(/admin|phr|stile.auth_time/);
      });

      test('a client that calls fields hop-by-hop does not hide who it is', async () => {
        const forged = { 'x-stile-sub': 'admin', 'x-stile-acr': 'phr' };
        for (const connection of ['x-stile-sub, x-stile-acr', 'Keep-Alive, X-Stile-Acr,X-STILE-SUB']) {
          const headers = { ...forged, connection };
          expect((await call('/transfers/1', { ...headers, authorization: `Bearer ${weak}` })).status).toBe(
            401,
          );
          const passed = await call('/transfers/1', { ...headers, authorization: `Bearer ${strong}` });
          const { 'x-stile-sub': sub, 'x-stile-acr': acr, connection: left = '' } = seen();
          expect([passed.status, sub, acr]).toEqual([200, subject, MFA]);
          expect(left).not.toMatch(/stile/i);
        }
      });

      test('two Authorization fields: nothing passes', async () => {
        const before = world.seen.length;
        for (const authorization of [
          [`Bearer ${strong}`, `Bearer ${weak}`],
          [`Bearer ${weak}`, `Bearer ${strong}`],
          [`Bearer ${strong}`, `Bearer ${strong}`],
          ['Basic eDp5', `Bearer ${strong}`],
        ]) {
          const { status } = await call('/transfers/1', { authorization });
          expect([400, 401]).toContain(status);
        }
        expect(world.seen.length).toBe(before);
      });

      test('403 with its challenge for a scope, without one for a rule', async () => {
        const scope = await call('/admin', { authorization: `Bearer ${strong}` });
        expect([scope.status, challengeOf(scope)]).toEqual([
          403,
          expect.stringMatching(/insufficient_scope.*scope="write"/),
        ]);
        expect((await call('/closed')).status).toBe(403);
      });

      test('what could be read in two ways is refused, or made one before the gate is asked', async () => {
        const paths = [
          '/open/%2e%2e/closed',
          '/open/..%2fclosed',
          '/open//closed',
          '/open/..;/closed',
          '/open\\..\\closed',
        ];
        for (const path of paths) {
          const before = world.seen.length;
          const { status } = await call(path);
          // Traefik cleans a path, for the gate and for the program behind.
          const cleaned = kind === 'traefik' && path === '/open//closed';
          const reached = world.seen.slice(before).map(({ url }) => url);
          expect([status, reached], path).toEqual(
            cleaned ? [200, ['/open/closed']] : [expect.toSatisfy((code) => code >= 400), []],
          );
        }
      });

      test('the nonce for DPoP reaches the client', async () => {
        const answer = await call('/transfers/1');
        expect(answer.headers['dpop-nonce']).toMatch(/\S/);
      });

      test('two challenges are one field', async () => {
        const answer = await call('/transfers/1');
        expect(challengeOf(answer)).toMatch(/Bearer.*, DPoP/);
      });

      test('the gate is away: 503 with Retry-After, and nothing passes', async () => {
        const before = world.seen.length;
        const answer = await send({ port: away.port, path: '/open' });
        // Traefik has its own answer to that.
        const expected = kind === 'traefik' ? [500, undefined] : [503, '2'];
        expect([answer.status, answer.headers['retry-after']]).toEqual(expected);
        expect(world.seen.length).toBe(before);
      });
    });
  });

  test.skipIf(kinds.every(missing))('the access log was written', () => {
    expect(world.terminal.output.join('\n')).toMatch(/"rule":"transfers"/);
  });
});
