/** nginx, Caddy and HAProxy demand and honour step-up for a real session against a real Stile. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gate } from '../../src/cli/gate.ts';
import { fakeTerminal } from '../cli/terminal.ts';
import { send } from '../gate/support.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { type Gateway, type Kind, missing, startGateway } from '../support/gateway.ts';
import { MFA, newPerson, obtain } from '../support/journey.ts';
import { API, startStile, type TestStile } from '../support/stile.ts';

const folder = mkdtempSync(join(tmpdir(), 'gate-'));
const terminal = fakeTerminal();
const seen: IncomingHttpHeaders[] = [];
let stile: TestStile;
let upstream: Server;
let gatePort: number;
let stopGate: () => void;
let gateStopped: Promise<number>;
let weak: string;
let strong: string;

describe.skipIf(noPostgres)('gateways', () => {
  beforeAll(async () => {
    stile = await startStile();
    upstream = createServer((request, response) => {
      seen.push(request.headers);
      response.end('the upstream');
    }).listen(0, '127.0.0.1');
    await startTheGate();
    const client = await createClient(stile);
    const person = await newPerson(stile, { totp: true });
    const parameters = { resource: API, scope: 'openid read' };
    const first = await obtain(stile, client, { person, parameters });
    weak = first.tokens.access_token;
    const stepUp = { ...parameters, acr_values: MFA, max_age: '300' };
    const second = await obtain(stile, client, { person, agent: first.agent, parameters: stepUp });
    strong = second.tokens.access_token;
  });
  afterAll(async () => {
    stopGate?.();
    await gateStopped;
    upstream?.close();
    await stile?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each<Kind>(['nginx', 'caddy', 'haproxy'])('%s', (kind) => {
    describe.skipIf(missing(kind))('from its snippet', () => {
      let gateway: Gateway;
      let away: Gateway;
      beforeAll(async () => {
        const { port } = upstream.address() as AddressInfo;
        gateway = await startGateway(kind, { gate: gatePort, upstream: port });
        away = await startGateway(kind, { gate: 9, upstream: port });
      });
      afterAll(async () => {
        await gateway?.stop();
        await away?.stop();
      });
      const call = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
        send({ port: gateway.port, path, headers, method });
      const challengeOf = (answer: Awaited<ReturnType<typeof call>>) =>
        String(answer.headers['www-authenticate']);

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
        const { 'x-stile-acr': acr, 'x-stile-client': client, 'x-stile-sub': sub } = seen.at(-1) ?? {};
        expect([acr, client]).toEqual([MFA, 'web']);
        expect(sub).not.toMatch(/admin|^$/);
        expect(seen.at(-1)?.['x-stile-auth-time']).toMatch(/^\d{10}$/);
      });

      test("where nobody is known the client's own fields are gone", async () => {
        const forged = { 'x-stile-sub': 'admin', 'x-stile-scope': 'all', 'x-stile-client': 'root' };
        expect((await call('/open', forged)).status).toBe(200);
        const { 'x-stile-sub': sub, 'x-stile-scope': scope, 'x-stile-client': client } = seen.at(-1) ?? {};
        expect([sub, scope, client].map((value) => value ?? '')).toEqual(['', '', '']);
      });

      test('403 with its challenge for a scope, without one for a rule', async () => {
        const scope = await call('/admin', { authorization: `Bearer ${strong}` });
        expect([scope.status, challengeOf(scope)]).toEqual([
          403,
          expect.stringMatching(/insufficient_scope.*scope="write"/),
        ]);
        expect((await call('/closed')).status).toBe(403);
      });

      test('what could be read in two ways is refused', async () => {
        const paths = [
          '/open/%2e%2e/closed',
          '/open/..%2fclosed',
          '/open//closed',
          '/open/..;/closed',
          '/open\\..\\closed',
        ];
        const before = seen.length;
        for (const path of paths) expect((await call(path)).status, path).toBeGreaterThanOrEqual(400);
        expect(seen.length).toBe(before);
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
        const before = seen.length;
        const answer = await send({ port: away.port, path: '/open' });
        expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
        expect(seen.length).toBe(before);
      });
    });
  });

  test('the access log was written', () => {
    expect(terminal.output.join('\n')).toMatch(/"rule":"transfers"/);
  });
});

async function startTheGate(): Promise<void> {
  const file = join(folder, 'gate.yaml');
  writeFileSync(
    file,
    `issuer: ${stile.issuer}
audience: ${API}
listen: { port: 0 }
rules:
  - { name: open, path: /open/**, public: true }
  - { name: transfers, path: /transfers/:id, level: ${MFA}, maxAge: 300, scopes: read }
  - { name: admin, path: /admin, scopes: write }
`,
  );
  const stopped = new Promise<void>((resolve) => {
    stopGate = resolve;
  });
  gatePort = await new Promise<number>((resolve) => {
    gateStopped = gate(terminal, { file, stopped, onListening: resolve });
  });
}
