/** What a request is matched by: its host, its method, its token's claims; and what the program behind is told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainRequest } from '../../src/gate/explain.ts';
import { identityFields } from '../../src/gate/identity.ts';
import { parseGateFile } from '../../src/gate/parse-rules.ts';
import { claimsHold } from '../../src/gate/rule.ts';
import { stateOf } from '../../src/gate/state.ts';
import { HEAD, original, startGate, type TestGate } from './support.ts';

describe('hosts', () => {
  const RULES = `rules:
  - { name: admin, host: bank.test, path: /admin/**, deny: true }
  - { name: shop, host: shop.test, path: /**, public: true }
  - { name: rest, path: /**, public: true }
`;
  let gate: TestGate;
  beforeAll(async () => {
    gate = await startGate(HEAD + RULES);
  });
  afterAll(() => gate.close());
  const status = async (host: string, path: string) =>
    (await gate.ask(path, { 'x-forwarded-host': host })).status;

  test('one that no rule names does not walk past the rules of those that are named', async () => {
    expect([await status('bank.test', '/admin/x'), await status('bank.test', '/y')]).toEqual([403, 200]);
    expect(await status('BANK.test:8443', '/admin/x')).toBe(403);
    for (const host of ['invented.test', 'bank.test.', 'xn--bank.test', '127.0.0.1', '[::1]'])
      expect([host, await status(host, '/admin/x'), await status(host, '/y')]).toEqual([host, 403, 403]);
    await status('invented.test', '/y');
    expect(JSON.parse(gate.logged.at(-1) ?? '')).toMatchObject({
      reason: 'unknown_host',
      host: 'invented.test',
    });
  });

  test('hosts lists those that no rule has to name; where neither names one, any is served', async () => {
    const before = gate.state;
    gate.state = stateOf(`${HEAD}hosts: [bank.test, third.test, shop.test]\n${RULES}`);
    expect([await status('third.test', '/y'), await status('invented.test', '/y')]).toEqual([200, 403]);
    gate.state = stateOf(`${HEAD}rules: [{ path: /y, public: true }]`);
    expect(await status('invented.test', '/y')).toBe(200);
    gate.state = before;
  });

  test('a rule for a host that is none of them is a fault', () => {
    const parsed = parseGateFile(
      `${HEAD}hosts: [a.test]\nrules:\n  - { path: /, host: [a.test, b.test], deny: true }`,
    );
    expect(parsed).toEqual({
      faults: [{ path: 'rules[0].host', line: 5, column: 22, message: 'b.test is none of hosts' }],
    });
  });

  test('explain says that the host is refused, and what is no method', async () => {
    const deps = { server: {} as never, state: gate.state };
    const { lines, allowed } = await explainRequest(deps, { method: 'GET', url: 'https://invented.test/y' });
    expect([allowed, lines.join('\n')]).toEqual([
      false,
      expect.stringMatching(/host is refused before any rule: invented\.test[\s\S]*403 unknown_host/),
    ]);
    const small = await explainRequest(deps, { method: 'get', url: 'https://bank.test/y' });
    expect([small.allowed, small.lines]).toEqual([false, [expect.stringMatching(/get is no method/)]]);
  });
});

test('a method that is not in capitals is none: it would pass by the rules for those that are', async () => {
  const gate = await startGate(
    `${HEAD}rules:\n  - { methods: [POST], path: /a, deny: true }\n  - { path: /a, public: true }\n`,
  );
  const as = async (method: string) => (await gate.get('/check/original', original(method, '/a'))).status;
  expect([await as('POST'), await as('GET'), await as('post'), await as('Post'), await as('-POST')]).toEqual([
    403, 200, 403, 403, 403,
  ]);
  const json = { 'content-type': 'application/json' };
  const body = {
    subject: { type: 'user', id: 'alex' },
    action: { name: 'post' },
    resource: { type: 'url', id: 'https://bank.test/a' },
  };
  const { body: text } = await gate.get('/access/v1/evaluation', json, 'POST', JSON.stringify(body));
  expect(JSON.parse(text)).toMatchObject({ decision: false });
  await gate.close();
});

test("a condition on sub is for people: a client's own token that is called the same does not meet it", async () => {
  expect(claimsHold({ sub: ['admin'] }, { sub: 'admin', claims: {} })).toBe(true);
  expect(claimsHold({ sub: ['admin'] }, { claims: { sub: 'admin', client_id: 'admin' } })).toBe(false);
  const gate = await startGate(
    `${HEAD}rules:\n  - { path: /a, claims: { sub: admin }, public: true }\n  - { path: /a, deny: true }\n`,
  );
  const person = `Bearer ${await gate.issuer.mint({ sub: 'admin' })}`;
  expect((await gate.ask('/a', { authorization: person })).status).toBe(200);
  const machine = `Bearer ${await gate.issuer.mint({ sub: 'admin', clientId: 'admin' })}`;
  expect((await gate.ask('/a', { authorization: machine })).status).toBe(403);
  await gate.close();
});

test('what is told of the caller loses nothing on its way', () => {
  const caller = {
    sub: ' admin ',
    clientId: '  a b',
    scope: ['x'],
    amr: ['a b', ' c'],
    expiresAt: 0,
    binding: 'bearer' as const,
    claims: {},
  };
  const fields = identityFields(caller);
  const of = (name: string) => fields[fields.indexOf(name) + 1];
  expect([of('X-Stile-Sub'), of('X-Stile-Client'), of('X-Stile-Amr')]).toEqual([
    '%20admin%20',
    '%20%20a b',
    'a%20b %20c',
  ]);
});
