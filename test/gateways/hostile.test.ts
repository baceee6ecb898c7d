/** What an attacker sends, and what goes wrong: nothing passes that the gate did not allow, and gateways live on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { fakeTerminal } from '../cli/terminal.ts';
import { type Sent, send } from '../gate/support.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { type Gateway, kinds, missing, startGateway } from '../support/gateway.ts';
import { MFA, newPerson, obtain } from '../support/journey.ts';
import { API } from '../support/stile.ts';
import { gateFile, startTheGate, startWorld, type World } from './world.ts';

let world: World;
const bearer = { authorization: '' };
/** A gate whose issuer is away. */
let blind: Awaited<ReturnType<typeof startTheGate>>;
let identity: string;

describe.skipIf(noPostgres)('gateways under attack', () => {
  beforeAll(async () => {
    world = await startWorld();
    blind = await startTheGate({ issuer: 'http://127.0.0.1:9' }, fakeTerminal());
    const client = await createClient(world.stile);
    const person = await newPerson(world.stile, { totp: true });
    const parameters = { resource: API, scope: 'openid read', acr_values: MFA, max_age: '300' };
    const { tokens } = await obtain(world.stile, client, { person, parameters });
    bearer.authorization = `Bearer ${tokens.access_token}`;
    identity = String(tokens.id_token);
  });
  afterAll(async () => {
    await blind?.stop();
    await world?.stop();
  });

  describe.each(kinds)('%s', (kind) => {
    describe.skipIf(missing(kind))('from its snippet', () => {
      let gateway: Gateway;
      let unsure: Gateway;
      beforeAll(async () => {
        gateway = await startGateway(kind, world.ports);
        unsure = await startGateway(kind, { ...world.ports, gate: blind.port });
      });
      afterAll(async () => {
        await gateway?.stop();
        await unsure?.stop();
      });
      const call = (path: string, headers: Sent['headers'] = {}, more: Partial<Sent> = {}) =>
        send({ port: gateway.port, path, headers, ...more });
      /** The answer, what reached the program, and the lines of the gate's log. */
      async function traced(...[path, headers, more]: Parameters<typeof call>) {
        const before = [world.seen.length, world.terminal.output.length];
        const answer = await call(path, headers, more);
        // The log is written a moment later; the next call's line comes after.
        const marker = `/marker-${before[0]}-${before[1]}`;
        await call(marker);
        await world.logged(marker);
        const lines = world.terminal.output.slice(before[1]).flatMap((text) => text.split('\n'));
        const logged = lines.map((line) => JSON.parse(line)).filter((line) => line.path !== marker);
        return { answer, reached: world.seen.slice(before[0]), logged };
      }

      test('a hundred fields of one name: refused, and the gateway lives', async () => {
        for (const name of ['dpop', 'authorization']) {
          const { reached, answer } = await traced('/transfers/1', {
            [name]: Array.from({ length: 97 }, () => 'x'),
          });
          expect([answer.status >= 400, reached.length]).toEqual([true, 0]);
        }
        expect((await call('/transfers/1', bearer)).status).toBe(200);
      });

      test('an invented host reaches nothing', async () => {
        for (const host of ['invented.test', 'api.example.org', `127.0.0.1.invented.test:${gateway.port}`]) {
          const { answer, reached } = await traced('/open/x', { host });
          const expected = kind === 'envoy' || kind === 'traefik' ? 404 : 421;
          expect([host, answer.status, reached.length]).toEqual([host, expected, 0]);
        }
      });

      test('of two names, in the target and in Host, one counts for all', async () => {
        const target = `http://127.0.0.1:${gateway.port}/open/x`;
        const { answer, reached, logged } = await traced(target, { host: 'invented.test' });
        for (const request of reached)
          expect([answer.status, request.headers.host, logged[0]?.host]).toEqual([
            200,
            `127.0.0.1:${gateway.port}`,
            '127.0.0.1',
          ]);
        if (reached.length === 0) expect(answer.status).toBeGreaterThanOrEqual(400);
      });

      test('no field names another method than the one that was judged', async () => {
        const names = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'];
        const spellings = names.flatMap((name) => [
          name,
          name.replaceAll('-', '_'),
          name.replace('-', '_'),
          name.replace(/-(?=\w+$)/, '_'),
        ]);
        const forged = Object.fromEntries(spellings.map((name) => [name, 'DELETE']));
        const { answer, reached } = await traced('/open/x', forged);
        expect(answer.status).toBe(200);
        expect(Object.keys(reached[0]?.headers ?? {}).filter((name) => /method/.test(name))).toEqual([]);
      });

      test('method, path and Authorization reach the program as they were judged', async () => {
        for (const [method, path] of [
          ['PUT', '/accounts/a%20b?x=%2F&y=..'],
          ['DELETE', '/accounts/%C3%A9'],
          ['GET', "/accounts/!$&'()*+,=:@~"],
        ] as const) {
          const { reached, logged } = await traced(path, bearer, { method });
          const [seen] = reached;
          expect([seen?.method, seen?.url, seen?.headers.authorization]).toEqual([
            method,
            path,
            bearer.authorization,
          ]);
          expect(logged).toMatchObject([{ method, path: path.split('?')[0], status: 200 }]);
        }
      });

      test.each([
        ['NUL', '/open/%00', 'control_or_space'],
        ['double encoding', '/open/%252e%252e/closed', 'double_encoding'],
        ['mixed separators', '/open/..%5cclosed', 'encoded_delimiter'],
        ['an encoded slash and a backslash', '/open/a%2f..%5cclosed', 'encoded_delimiter'],
        ['dots and a space', '/open/..%20/closed', 'dot_segment'],
        ['a lookalike', '/open/%EF%B9%92%EF%B9%92/closed', 'lookalike'],
      ])('%s in a path: refused by the gate, if the gateway does not', async (what, path, detail) => {
        const { answer, reached, logged } = await traced(path, bearer);
        expect(reached).toEqual([]);
        const earlier = logged.length === 0;
        expect([earlier, answer.status]).toEqual(
          kind === 'nginx' && what === 'NUL' ? [true, 400] : [false, 403],
        );
        if (!earlier) expect(logged).toMatchObject([{ status: 403, reason: 'unsafe_path', detail }]);
      });

      test("an issuer that is away: the gate's 503 with Retry-After reaches the client, and no challenge", async () => {
        const before = world.seen.length;
        const answer = await send({ port: unsure.port, path: '/transfers/1', headers: bearer });
        expect([answer.status, answer.headers['retry-after'], answer.headers['www-authenticate']]).toEqual([
          503,
          '2',
          undefined,
        ]);
        expect((await send({ port: unsure.port, path: '/open/x' })).status).toBe(200);
        expect(world.seen.length).toBe(before + 1);
      });

      test('a malformed token: 400 with its challenge and the nonce, not to be tried again', async () => {
        const { answer, reached } = await traced('/transfers/1', { authorization: 'Bearer a b' });
        expect([answer.status, answer.headers['retry-after'], reached.length]).toEqual([400, undefined, 0]);
        expect(answer.headers['www-authenticate']).toMatch(/error="invalid_request"/);
        expect(answer.headers['dpop-nonce']).toMatch(/\S/);
      });

      test("a client's own X-Forwarded-* count for nothing", async () => {
        const forged = {
          'x-forwarded-for': '6.6.6.6',
          'x-forwarded-proto': 'https',
          'x-forwarded-host': 'invented.test',
          'x-forwarded-method': 'DELETE',
          'x-forwarded-uri': '/open/x',
          'x-original-method': 'DELETE',
          'x-original-uri': '/open/x',
        };
        const { answer, logged } = await traced('/transfers/1', forged, { from: '127.0.0.2' });
        expect(answer.status).toBe(401);
        expect(logged).toMatchObject([
          { address: '127.0.0.2', method: 'GET', host: '127.0.0.1', path: '/transfers/1' },
        ]);
      });

      test('an ID token is no access token', async () => {
        const { answer, reached } = await traced('/accounts/1', { authorization: `Bearer ${identity}` });
        expect([answer.status, reached.length]).toEqual([401, 0]);
        expect(answer.headers['www-authenticate']).toMatch(/invalid_token/);
      });

      test.runIf(kind === 'caddy' || kind === 'traefik')(
        'cookies that are longer than what the gate takes do not keep anyone out',
        async () => {
          const cookie = 'c'.repeat(80_000);
          expect((await call('/transfers/1', { ...bearer, cookie })).status).toBe(200);
        },
      );
    });
  });

  describe.skipIf(missing('haproxy'))('HAProxy', () => {
    test('an error in the action lets nothing pass', async () => {
      for (const place of ['local answer = ', 'local known = ', '    txn:set_var("txn.stile_allowed"']) {
        const gateway = await startGateway('haproxy', world.ports, (text) =>
          text.replace(place, `error("injected")\n  ${place}`),
        );
        const before = world.seen.length;
        const headers = place.includes('known') ? {} : bearer;
        const answer = await send({ port: gateway.port, path: '/transfers/1', headers });
        expect([place, answer.status, answer.headers['retry-after'], world.seen.length]).toEqual([
          place,
          503,
          '2',
          before,
        ]);
        await gateway.stop();
      }
    });
  });

  test('gate explain judges a token as the gate does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gate-explain-'));
    const file = join(folder, 'gate.yaml');
    writeFileSync(file, gateFile(world.stile.issuer));
    const explain = async (token?: string) => {
      const terminal = fakeTerminal();
      const asked = ['gate', 'explain', 'GET', 'https://bank.test/transfers/1', '--config', file];
      const code = await run(token === undefined ? asked : [...asked, '--token', token], terminal);
      return [code, terminal.output.join('\n')];
    };
    expect(await explain(bearer.authorization.slice('Bearer '.length))).toEqual([
      0,
      expect.stringMatching(/rule {6}transfers[\s\S]*200 allowed/),
    ]);
    expect(await explain(identity)).toEqual([1, expect.stringMatching(/401 invalid_token/)]);
    expect(await explain()).toEqual([1, expect.stringMatching(/401 no_token/)]);
    rmSync(folder, { recursive: true });
  });
});
