/** The gate as a process, against a real Stile: reloads by signal, opaque tokens, AuthZEN. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { original, send } from '../gate/support.ts';
import { createClient, type TestClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { MFA, newPerson, obtain } from '../support/journey.ts';
import { API, OPAQUE_API, startStile, type TestStile, WEB_SECRET } from '../support/stile.ts';
import { type GateProcess, startGateProcess } from './gate-process.ts';
import { gateFile } from './world.ts';

const RULES = `
  - { name: open, path: /open/**, public: true }
  - { name: pay, path: /pay/:id, level: ${MFA}, maxAge: 300, scopes: look }
  - { name: any, path: /any, anyToken: true }
`;

describe.skipIf(noPostgres)('the gate as a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gate-process-'));
  let stile: TestStile;
  let client: TestClient;
  let gate: GateProcess;
  let write: (text: string) => void;
  let weak: string;
  let strong: string;
  let subject: string;
  let forAnother: string;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    const person = await newPerson(stile, { totp: true });
    subject = person.id;
    const parameters = { resource: OPAQUE_API, scope: 'openid look' };
    const first = await obtain(stile, client, { person, parameters });
    const { agent } = first;
    weak = first.tokens.access_token;
    const stepUp = { ...parameters, acr_values: MFA, max_age: '300' };
    strong = (await obtain(stile, client, { person, agent, parameters: stepUp })).tokens.access_token;
    const jwt = await obtain(stile, client, {
      person,
      agent,
      parameters: { resource: API, scope: 'openid read' },
    });
    forAnother = jwt.tokens.access_token;
    ({ gate, write } = await start());
  });
  afterAll(async () => {
    expect(await gate?.stop()).toBe(0);
    await stile?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => expect(gate.child.exitCode).toBe(null));

  /** The file it is given is a link to one in a folder that it does not watch. */
  async function start() {
    const [target, file, secret] = [
      join(folder, 'there/gate.yaml'),
      join(folder, 'gate.yaml'),
      join(folder, 'secret'),
    ];
    mkdirSync(join(folder, 'there'));
    writeFileSync(secret, `${WEB_SECRET}\n`);
    symlinkSync(target, file);
    const change = (text: string) => writeFileSync(target, text);
    change(fileOf(RULES));
    return { gate: await startGateProcess(file), write: change };
  }
  const fileOf = (rules: string) => {
    const head = `audience: ${OPAQUE_API}\nintrospection: { clientId: api, clientSecretFile: ${join(folder, 'secret')} }`;
    return gateFile(stile.issuer, rules, head);
  };
  const ask = (path: string, token?: string, method = 'GET') => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { ...original(method, path), ...authorization };
    return send({ port: gate.port, path: '/check/original', headers });
  };
  const statusOf = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).status;

  describe('opaque tokens, by introspection', () => {
    test('a password is not enough; after the step-up it passes, and the program is told who calls', async () => {
      const refused = await ask('/pay/1', weak);
      expect([refused.status, String(refused.headers['www-authenticate'])]).toEqual([
        401,
        expect.stringMatching(
          /insufficient_user_authentication.*acr_values="urn:stile:acr:mfa".*max_age="300"/,
        ),
      ]);
      const { status, headers } = await ask('/pay/1', strong);
      expect([status, headers['x-stile-sub'], headers['x-stile-client'], headers['x-stile-acr']]).toEqual([
        200,
        subject,
        'web',
        MFA,
      ]);
      expect([headers['x-stile-scope'], headers['x-stile-auth-time']]).toEqual([
        'look',
        expect.stringMatching(/^\d{10}$/),
      ]);
    });

    test('a token that was revoked, one that never was, and one of another API are invalid', async () => {
      const person = await newPerson(stile);
      const { tokens } = await obtain(stile, client, {
        person,
        parameters: { resource: OPAQUE_API, scope: 'openid look' },
      });
      await client.revoke(tokens.access_token);
      for (const token of [tokens.access_token, 'never', forAnother, String(tokens.id_token)]) {
        const { status, headers } = await ask('/any', token);
        expect([status, String(headers['www-authenticate'])]).toEqual([
          401,
          expect.stringMatching(/invalid_token/),
        ]);
      }
    });
  });

  describe('AuthZEN', () => {
    const evaluate = async (path: string, body: unknown) => {
      const headers = { 'content-type': 'application/json' };
      const sent = { port: gate.port, path, headers, method: 'POST', body: JSON.stringify(body) };
      return JSON.parse((await send(sent)).body);
    };
    const evaluation = (id: string, path = '/pay/1') => ({
      subject: { type: 'access_token', id },
      action: { name: 'GET' },
      resource: { type: 'url', id: `https://bank.test${path}` },
    });

    test('the same tokens, the same decisions, the same challenge', async () => {
      expect(await evaluate('/access/v1/evaluation', evaluation(weak))).toMatchObject({
        decision: false,
        context: { reason: 'insufficient_user_authentication', rule: 'pay' },
      });
      expect(await evaluate('/access/v1/evaluation', evaluation(strong))).toEqual({ decision: true });
      const said = JSON.stringify(await evaluate('/access/v1/evaluation', evaluation(weak)));
      expect(said).toMatch(/acr_values=.*urn:stile:acr:mfa.*max_age/);
    });

    test('several at once', async () => {
      const evaluations = [
        evaluation(strong),
        evaluation(weak),
        evaluation(weak, '/any'),
        evaluation(strong, '/none'),
      ];
      const answer = await evaluate('/access/v1/evaluations', { evaluations });
      expect(answer.evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual([
        true,
        false,
        true,
        false,
      ]);
    });
  });

  describe('SIGHUP', () => {
    const told = async (text: string, pattern: RegExp) => {
      write(text);
      gate.child.kill('SIGHUP');
      return gate.until(pattern);
    };

    test('a good file: the rules are new, and the process and its port the same', async () => {
      expect([await statusOf('/open/x'), await statusOf('/new')]).toEqual([200, 403]);
      await told(fileOf(`\n  - { path: /new, public: true }`), /Reloaded .*gate\.yaml: 1 rules\./);
      expect([await statusOf('/open/x'), await statusOf('/new')]).toEqual([403, 200]);
      await told(fileOf(RULES), /Reloaded .*: 3 rules\./);
      expect(await statusOf('/pay/1', strong)).toBe(200);
    });

    test.each([
      [
        'rules that say nothing of who may pass',
        () => fileOf('\n  - { path: /open/** }\n  - { path: b, deny: true }'),
        /line 7, rules\[1\]\.path/,
      ],
      ['what is no YAML', () => 'rules: [', /line \d/],
      ['an empty file', () => '', /gate\.yaml was not taken/],
      ['another issuer', () => fileOf(RULES).replace(stile.issuer, 'http://localhost:9'), /issuer.*restart/],
    ])(
      '%s: the rules before stay, every fault is told, and told again when it is asked again',
      async (_, text, fault) => {
        const failed = async () =>
          /result="failed"} (\d+)/.exec((await send({ port: gate.port, path: '/metrics' })).body)?.[1];
        const before = Number(await failed());
        const from = gate.notes.length;
        await told(text(), /was not taken/);
        if (text() !== '') await gate.until(fault);
        expect(gate.notes.slice(from).join('\n')).toMatch(fault);
        expect([
          await statusOf('/open/x'),
          await statusOf('/pay/1', strong),
          await statusOf('/pay/1', weak),
        ]).toEqual([200, 200, 401]);
        gate.child.kill('SIGHUP');
        await gate.until(/was not taken/);
        expect(Number(await failed())).toBe(before + 2);
        await told(fileOf(RULES), /Reloaded/);
      },
    );
  });
});
