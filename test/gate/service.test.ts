import { createDpopKey } from '@stile/sdk/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GateFileError } from '../../src/gate/parse-rules.ts';
import { nextState, stateOf } from '../../src/gate/state.ts';
import { HEAD, original, RULES, startGate, type TestGate } from './support.ts';

const identity = ['sub', 'client', 'scope', 'acr', 'amr', 'auth-time'].map((name) => `x-stile-${name}`);
let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(() => gate.close());

const bearer = async (...mint: Parameters<TestGate['issuer']['mint']>) => ({
  authorization: `Bearer ${await gate.issuer.mint(...mint)}`,
});
const pay = (extra: Record<string, string | string[]>) =>
  gate.get('/check/original', { ...original('POST', '/pay/7'), ...extra });

describe('what may pass', () => {
  test('public paths, with every identity field empty', async () => {
    const { status, headers } = await gate.ask('/open/x', { 'x-stile-sub': 'somebody' });
    expect([status, ...identity.map((name) => headers[name])]).toEqual([200, '', '', '', '', '', '']);
  });

  test('a refusal tells nothing of who calls', async () => {
    const { status, headers } = await pay(await bearer());
    expect([status, identity.filter((name) => headers[name] !== undefined)]).toEqual([401, []]);
  });

  test('who calls is in the answer, encoded where a field could not carry it', async () => {
    const { status, headers } = await gate.ask(
      '/data/1',
      await bearer({ sub: 'zo\u00eb\r\nx: 100%', amr: ['pwd', 'otp'] }),
    );
    expect(status).toBe(200);
    expect(headers['x-stile-sub']).toBe('zo%C3%AB%0D%0Ax: 100%25');
    expect([headers['x-stile-client'], headers['x-stile-amr']]).toEqual(['client-1', 'pwd otp']);
  });

  test('every identity field is there, once, the second time, too; a claim that is missing is an empty one', async () => {
    const token = await bearer({ scope: 'a b', authTime: 1_700_000_000, claims: { acr: undefined } });
    for (let round = 0; round < 2; round += 1) {
      const { headers, raw } = await gate.ask('/data/1', token);
      const values = ['person-1', 'client-1', 'a b', '', 'pwd', '1700000000'];
      expect(identity.map((name) => headers[name])).toEqual(values);
      expect(raw.filter((name) => /^x-stile-/i.test(name))).toHaveLength(6);
    }
  });

  test('a HEAD by the rules for GET', async () => {
    const head = await gate.get('/check/original', { ...original('HEAD', '/get-only'), ...(await bearer()) });
    expect(head.status).toBe(200);
    expect((await gate.get('/check/original', original('POST', '/get-only'))).status).toBe(403);
  });

  test('what the rule demands, once it is there', async () => {
    expect((await pay(await bearer({ acr: 'phrh', scope: 'pay' }))).status).toBe(200);
  });
});

describe('what may not', () => {
  test.each([
    ['what no rule names', '/nothing', 403],
    ['what a rule denies', '/closed/1', 403],
    ['a path that cannot be read in one way only', '/open/%2e%2e/data', 403],
    ['a call without a token', '/data/1', 401],
  ])('%s', async (_what, path, status) => {
    expect((await gate.ask(path)).status).toBe(status);
  });

  test('without a token nothing is told of the demand, and both schemes are in one field', async () => {
    const { headers, raw } = await pay({});
    const challenge = String(headers['www-authenticate']);
    expect(challenge).not.toMatch(/acr_values|max_age|scope|error/);
    expect(challenge).toMatch(/^Bearer, DPoP /);
    expect(raw.filter((name) => /^www-authenticate$/i.test(name))).toHaveLength(1);
  });

  test("another host's rule opens nothing", async () => {
    const asked = { ...original('POST', '/pay/7'), ...(await bearer({ acr: 'phr', scope: 'pay' })) };
    const other = { ...asked, 'x-forwarded-host': 'other.test' };
    expect((await gate.get('/check/original', other)).status).toBe(403);
    const same = { ...asked, 'x-forwarded-host': 'BANK.test:443' };
    expect((await gate.get('/check/original', same)).status).toBe(200);
  });

  test('a weak token is told the whole requirement, in one field', async () => {
    const { status, headers } = await pay(await bearer({ scope: 'other' }));
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/insufficient_user_authentication/);
    expect(headers['www-authenticate']).toMatch(/acr_values="phr".*max_age="300".*scope="pay"/);
  });

  test('a strong token without the scope: 403', async () => {
    const { status, headers } = await pay(await bearer({ acr: 'phr' }));
    expect([status, String(headers['www-authenticate'])]).toEqual([
      403,
      expect.stringMatching(/insufficient_scope/),
    ]);
  });

  test.each([
    ['an ID token', { typ: 'JWT' }],
    ['a token of another audience', { claims: { aud: 'https://other.test' } }],
    ['a token of another issuer', { claims: { iss: 'https://other.test' } }],
    ['a token of another type', { typ: 'jwt' }],
    ['a token that has expired', { expiresIn: -60 }],
  ])('%s', async (_what, mint) => {
    const { status, headers } = await gate.ask('/get-only', await bearer(mint));
    expect([status, String(headers['www-authenticate'])]).toEqual([
      401,
      expect.stringMatching(/invalid_token/),
    ]);
  });

  test('who a claims condition denies; and a bad token does not slip by to a laxer rule', async () => {
    expect((await gate.ask('/data/1', await bearer({ clientId: 'robot' }))).status).toBe(403);
    expect((await gate.ask('/mixed', { authorization: 'Bearer eyJ.a.b' })).status).toBe(401);
    expect((await gate.ask('/mixed')).status).toBe(200);
  });

  test('a fact that is said twice, and one that is missing', async () => {
    const reason = () => JSON.parse(gate.logged.at(-1) ?? '').reason;
    expect((await gate.ask('/open/x', { 'x-original-uri': ['/open/x', '/closed/x'] })).status).toBe(403);
    expect(reason()).toBe('malformed_request');
    expect((await gate.ask('/open/x', { dpop: ['a', 'b'] })).status).toBe(403);
    expect(reason()).toBe('malformed_request');
    expect((await gate.ask('/open/x', { 'x-forwarded-proto': 'ftp' })).status).toBe(403);
    expect((await gate.get('/check/original')).status).toBe(403);
  });

  test("another gateway's fields count for nothing", async () => {
    const { status } = await gate.get('/check/forwarded', {
      ...original('GET', '/open/x'),
      'x-forwarded-method': 'GET',
      'x-forwarded-uri': '/closed/x',
    });
    expect(status).toBe(403);
  });

  test('two Authorization fields', async () => {
    const authorization = [(await bearer()).authorization, (await bearer()).authorization];
    expect((await gate.ask('/data/1', { authorization })).status).toBe(400);
  });

  test('a subrequest with a body, or that is no GET', async () => {
    expect((await gate.get('/check/original', original('GET', '/open/x'), 'POST')).status).toBe(403);
    expect(
      (
        await gate.get(
          '/check/envoy/open/x',
          { ...original('GET', '/open/x'), host: 'bank.test' },
          'POST',
          'x',
        )
      ).status,
    ).toBe(403);
  });

  test.each([
    ['192.0.2.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, 127.0.0.1, ::ffff:127.0.0.1', '203.0.113.9'],
    ['192.0.2.1, 999, ::ffff:7f00:zz, ,', '192.0.2.1'],
    ['127.0.0.1', '127.0.0.1'],
  ])(
    'the client of X-Forwarded-For %s is the first from the right that no trusted proxy is',
    async (hops, client) => {
      expect((await gate.ask('/open/x', { 'x-forwarded-for': hops })).status).toBe(200);
      expect(JSON.parse(gate.logged.at(-1) ?? '')).toMatchObject({ address: client });
    },
  );

  test('anything from an address that is no configured proxy', async () => {
    const before = gate.state;
    gate.state = stateOf(`${HEAD}trustedProxies: [10.0.0.0/8]\n${RULES}`);
    expect((await gate.ask('/open/x')).status).toBe(403);
    gate.state = before;
  });
});

test('DPoP: the nonce is asked for and honoured, a proof counts once, and only for its address', async () => {
  const key = await createDpopKey();
  const token = await gate.issuer.mint({ jkt: key.thumbprint });
  const call = { method: 'GET', url: 'https://bank.test/data/1', token };
  const first = await gate.ask('/data/1', { authorization: `DPoP ${token}`, dpop: await key.proof(call) });
  const nonce = String(first.headers['dpop-nonce']);
  expect([first.status, String(first.headers['www-authenticate'])]).toEqual([
    401,
    expect.stringMatching(/use_dpop_nonce/),
  ]);
  const proof = { authorization: `DPoP ${token}`, dpop: await key.proof({ ...call, nonce }) };
  const passed = await gate.ask('/data/1', proof);
  expect([passed.status, passed.headers['dpop-nonce'], passed.headers['x-stile-sub']]).toEqual([
    200,
    nonce,
    'person-1',
  ]);
  expect((await gate.ask('/data/1', proof)).status).toBe(401);
  const elsewhere = await key.proof({ ...call, url: 'https://bank.test/data/2', nonce });
  expect((await gate.ask('/data/1', { ...proof, dpop: elsewhere })).status).toBe(401);
});

test('an issuer that is away before anything is known of it: 503 with Retry-After', async () => {
  const other = await startGate();
  other.issuer.setReachable(false);
  const { status, headers } = await other.ask('/data/1', await bearer());
  expect([status, headers['retry-after']]).toEqual([503, '2']);
  await other.close();
});

describe('as the others ask', () => {
  test('Envoy: method, path and host of the subrequest itself', async () => {
    const headers = {
      host: 'bank.test',
      'x-forwarded-proto': 'https',
      'content-length': '0',
      ...(await bearer({ acr: 'phr', scope: 'pay' })),
    };
    expect((await gate.get('/check/envoy/pay/7', headers, 'POST')).status).toBe(200);
    expect(
      (await gate.get('/check/envoy/pay/7?x=1', { ...headers, host: 'other.test' }, 'POST')).status,
    ).toBe(403);
    expect((await gate.get('/check/envoy/closed/%2e%2e/open/x', headers)).status).toBe(403);
  });

  test('Traefik: X-Forwarded-Method and -Uri', async () => {
    const headers = { ...original('GET', '/'), 'x-forwarded-method': 'POST', 'x-forwarded-uri': '/pay/7' };
    const { status } = await gate.get('/check/forwarded', { ...headers, ...(await bearer()) });
    expect(status).toBe(401);
  });
});

describe('AuthZEN', () => {
  const evaluation = async (path: string) => ({
    subject: { type: 'access_token', id: await gate.issuer.mint() },
    action: { name: 'GET' },
    resource: { type: 'url', id: `https://bank.test${path}` },
  });
  const json = { 'content-type': 'application/json', 'x-request-id': 'r1' };
  const post = async (path: string, body: unknown) => gate.get(path, json, 'POST', JSON.stringify(body));

  test('one evaluation, and why not', async () => {
    const yes = await post('/access/v1/evaluation', await evaluation('/data/1'));
    expect([yes.status, yes.headers['x-request-id'], JSON.parse(yes.body)]).toEqual([
      200,
      'r1',
      { decision: true },
    ]);
    const no = await post('/access/v1/evaluation', await evaluation('/closed/1'));
    expect(JSON.parse(no.body)).toMatchObject({
      decision: false,
      context: { reason: 'denied', rule: 'closed' },
    });
  });

  test('several, with defaults, ended at the first denial', async () => {
    const { subject, action } = await evaluation('/');
    const resource = (path: string) => ({ resource: { type: 'url', id: `https://bank.test${path}` } });
    const evaluations = [resource('/data/1'), resource('/closed'), resource('/open/x')];
    const all = await post('/access/v1/evaluations', { subject, action, evaluations });
    expect(JSON.parse(all.body).evaluations.map((one: { decision: boolean }) => one.decision)).toEqual([
      true,
      false,
      true,
    ]);
    const options = { evaluations_semantic: 'deny_on_first_deny' };
    const some = await post('/access/v1/evaluations', { subject, action, evaluations, options });
    expect(JSON.parse(some.body).evaluations).toHaveLength(2);
    const first = { evaluations_semantic: 'permit_on_first_permit' };
    const one = await post('/access/v1/evaluations', { subject, action, evaluations, options: first });
    expect(JSON.parse(one.body).evaluations).toEqual([{ decision: true }]);
  });

  test('none given is one evaluation; one that is malformed is a denial among the others; a hundred at most', async () => {
    const whole = await evaluation('/data/1');
    expect(JSON.parse((await post('/access/v1/evaluations', whole)).body)).toEqual({ decision: true });
    const evaluations = [{ resource: { type: 'url', id: '/data/1' } }, {}];
    const mixed = await post('/access/v1/evaluations', { ...whole, evaluations });
    expect(JSON.parse(mixed.body)).toMatchObject({ evaluations: [{ decision: false }, { decision: true }] });
    const many = { ...whole, evaluations: Array.from({ length: 101 }, () => ({})) };
    expect((await post('/access/v1/evaluations', many)).status).toBe(400);
  });

  test('a bound token with the proof in the context', async () => {
    const key = await createDpopKey();
    const token = await gate.issuer.mint({ jkt: key.thumbprint });
    const call = { method: 'GET', url: 'https://bank.test/data/1', token };
    const whole = { ...(await evaluation('/data/1')), subject: { type: 'access_token', id: token } };
    const ask = async (dpop?: string) =>
      JSON.parse((await post('/access/v1/evaluation', { ...whole, context: { dpop } })).body);
    expect(await ask()).toMatchObject({ decision: false, context: { reason: 'invalid_token' } });
    expect(await ask(await key.proof(call))).toMatchObject({ context: { reason: 'use_dpop_nonce' } });
    const nonce = String((await gate.ask('/data/1')).headers['dpop-nonce']);
    expect(await ask(await key.proof({ ...call, nonce }))).toMatchObject({ decision: true });
  });

  test.each(['ftp://bank.test/data/1', '/data/1', 'https://a@bank.test/data/1'])(
    'a resource that is no URL of a web server: %s',
    async (id) => {
      const body = { ...(await evaluation('/')), resource: { type: 'url', id } };
      expect(JSON.parse((await post('/access/v1/evaluation', body)).body)).toMatchObject({
        decision: false,
        context: { reason: 'not_http' },
      });
    },
  );

  test('an unsafe path is denied as it is at the gateway, and the URL is not repaired', async () => {
    const { body } = await post('/access/v1/evaluation', await evaluation('/open/../data/1'));
    expect(JSON.parse(body)).toMatchObject({ decision: false, context: { reason: 'unsafe_path' } });
  });

  test('what is no JSON, is said to be none, or is too long is a 400', async () => {
    const ask = (type: string, text: string) =>
      gate.get('/access/v1/evaluation', { 'content-type': type }, 'POST', text);
    const good = JSON.stringify(await evaluation('/data/1'));
    expect((await ask('application/json', good)).status).toBe(200);
    expect((await ask('application/json', good.slice(1))).status).toBe(400);
    expect((await ask('text/plain', good)).status).toBe(400);
    expect((await ask('application/json', good + ' '.repeat(70_000))).status).toBe(400);
  });

  test('a subject that only says who it is has no token', async () => {
    const body = { ...(await evaluation('/data/1')), subject: { type: 'user', id: 'alex' } };
    expect(JSON.parse((await post('/access/v1/evaluation', body)).body)).toMatchObject({
      decision: false,
      context: { reason: 'no_token' },
    });
  });

  test('what is no evaluation is a 400; the configuration names the endpoints', async () => {
    expect((await post('/access/v1/evaluation', { subject: 1 })).status).toBe(400);
    const { body } = await gate.get('/.well-known/authzen-configuration');
    expect(JSON.parse(body)).toMatchObject({
      access_evaluation_endpoint: expect.stringMatching(/evaluation$/),
    });
  });
});

describe('what is kept', () => {
  test('a log line says who, what, which rule and how old, and never the token or the query', async () => {
    const token = await bearer({ acr: 'phr', scope: 'pay', authTime: Math.floor(Date.now() / 1000) - 100 });
    await gate.get('/check/original', { ...original('POST', '/pay/7?secret=1'), ...token });
    const line = gate.logged.at(-1) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      outcome: 'allow',
      rule: 'pay',
      sub: 'person-1',
      client: 'client-1',
      address: '203.0.113.9',
      path: '/pay/7',
      acr: 'phr',
      wanted: ['phr'],
      maxAge: 300,
      age: expect.any(Number),
      ms: expect.any(Number),
    });
    expect(line).not.toMatch(/secret|eyJ/);
  });

  test('metrics have labels of the file only, whatever clients send', async () => {
    await gate.ask('/hostile"label');
    const { body } = await gate.get('/metrics');
    expect(body).toMatch(/stile_gate_decisions_total\{rule="",outcome="refuse",reason="no_rule"\} \d+/);
    expect(body).not.toMatch(/hostile|person-1/);
  });
});

test('a new file is taken whole or not at all, and what needs a restart is a fault', () => {
  const old = stateOf(HEAD + RULES);
  expect(nextState(old, `${HEAD}rules: []`).settings.rules).toEqual([]);
  expect(() => nextState(old, `${HEAD}rules: [{ path: /a }]`)).toThrow(GateFileError);
  expect(() => nextState(old, `${HEAD.replace('issuer.test', 'other.test')}rules: []`)).toThrow(/restart/);
});
