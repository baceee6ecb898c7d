/** What Envoy 1.40 and Traefik 3.7 sent to the gate, field by field; and what becomes of it when something is added. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGate, type TestGate } from './support.ts';

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate();
  token = await gate.issuer.mint({ acr: 'phr', scope: 'pay' });
});
afterAll(() => gate.close());

type Fields = Record<string, string | string[]>;
const without = (fields: Fields, name: string): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

describe('Envoy: a POST without its body, under the prefix, for the host the client called', () => {
  const sent = (): Fields => ({
    host: 'bank.test',
    'content-length': '0',
    'x-forwarded-proto': 'https',
    dpop: 'none',
    authorization: `Bearer ${token}`,
    'x-forwarded-for': '203.0.113.9',
    'x-envoy-internal': 'true',
    'x-envoy-expected-rq-timeout-ms': '5000',
  });
  const ask = (path: string, fields = sent(), method = 'POST') =>
    gate.get(`/check/envoy${path}`, fields, method);

  test('is judged as it stands, with its query, and every identity field is in the answer', async () => {
    const { status, headers } = await ask('/pay/7?q=1');
    expect([status, headers['x-stile-sub'], headers['x-stile-acr'], headers['x-stile-amr']]).toEqual([
      200,
      'person-1',
      'phr',
      'pwd',
    ]);
    expect(JSON.parse(gate.logged.at(-1) ?? '')).toMatchObject({
      method: 'POST',
      host: 'bank.test',
      path: '/pay/7',
      address: '203.0.113.9',
    });
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s is another method, and has no rule', async (method) => {
    expect((await ask('/pay/7', sent(), method)).status).toBe(403);
  });

  test('fields of the other gateways count for nothing, though Envoy were told to pass them', async () => {
    const forged = {
      'x-forwarded-host': 'other.test',
      'x-forwarded-uri': '/open/x',
      'x-original-uri': '/open/x',
      'x-original-method': 'GET',
    };
    expect((await ask('/closed/1', { ...sent(), ...forged })).status).toBe(403);
    expect((await ask('/pay/7', { ...sent(), ...forged })).status).toBe(200);
  });

  test.each([
    ['without X-Forwarded-Proto', (fields: Fields) => without(fields, 'x-forwarded-proto')],
    ['with two of them joined', (fields: Fields) => ({ ...fields, 'x-forwarded-proto': 'http,https' })],
    [
      'with a body',
      (fields: Fields) => ({ ...without(fields, 'content-length'), 'transfer-encoding': 'chunked' }),
    ],
    ['for no host that rules can name', (fields: Fields) => ({ ...fields, host: 'bank.test.' })],
  ])('%s: refused', async (_what, change) => {
    expect((await ask('/pay/7', change(sent()))).status).toBe(403);
  });

  test('two Authorization fields come as one, joined: 400', async () => {
    expect(
      (await ask('/pay/7', { ...sent(), authorization: `Bearer ${token},Bearer ${token}` })).status,
    ).toBe(400);
  });

  test('the prefix alone, and what only begins like it, is no subrequest', async () => {
    expect((await ask('')).status).toBe(404);
    expect((await ask('x/open/x', sent(), 'GET')).status).toBe(404);
    expect((await gate.get('/check/envoy*', sent(), 'OPTIONS')).status).toBe(404);
  });
});

describe('Traefik: a GET with the client’s own fields, and X-Forwarded-* that it sets', () => {
  const sent = (): Fields => ({
    host: '127.0.0.1:9700',
    'user-agent': 'curl/7.88.1',
    accept: '*/*',
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    dpop: 'none',
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-host': 'bank.test',
    'x-forwarded-method': 'POST',
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': '/pay/7?q=1',
    'accept-encoding': 'gzip',
  });
  const ask = (fields = sent(), method = 'GET') => gate.get('/check/forwarded', fields, method);

  test('is judged by them, not by its own line and host', async () => {
    const { status, headers } = await ask();
    expect([status, headers['x-stile-sub'], headers['x-stile-acr'], headers['x-stile-amr']]).toEqual([
      200,
      'person-1',
      'phr',
      'pwd',
    ]);
    expect(JSON.parse(gate.logged.at(-1) ?? '')).toMatchObject({
      method: 'POST',
      host: 'bank.test',
      path: '/pay/7',
      address: '203.0.113.9',
    });
  });

  test('the client’s X-Stile-*, which come along, and the fields of nginx count for nothing', async () => {
    const forged = {
      'x-stile-sub': 'admin',
      'x-stile-acr': 'phrh',
      'x-original-uri': '/open/x',
      'x-original-method': 'GET',
    };
    const { headers } = await ask({ ...sent(), ...forged });
    expect([headers['x-stile-sub'], headers['x-stile-acr']]).toEqual(['person-1', 'phr']);
    expect((await ask({ ...sent(), ...forged, 'x-forwarded-uri': '/closed/1' })).status).toBe(403);
  });

  test.each(['x-forwarded-method', 'x-forwarded-uri', 'x-forwarded-host', 'x-forwarded-proto'])(
    'without %s, or with two: refused',
    async (name) => {
      expect((await ask(without(sent(), name))).status).toBe(403);
      const value = String(sent()[name]);
      expect((await ask({ ...sent(), [name]: [value, value] })).status).toBe(403);
    },
  );

  test('with preserveRequestMethod, or forwardBody, it is no subrequest', async () => {
    expect((await ask(sent(), 'POST')).status).toBe(403);
    expect((await ask({ ...sent(), 'content-length': '2' })).status).toBe(403);
  });

  test('a challenge and its nonce are whole in the answer that Traefik passes on, with nothing about who calls', async () => {
    const { status, headers } = await ask(without(sent(), 'authorization'));
    expect([status, String(headers['www-authenticate'])]).toEqual([
      401,
      expect.stringMatching(/^Bearer, DPoP /),
    ]);
    expect(headers['dpop-nonce']).toMatch(/\S/);
    expect(Object.keys(headers).filter((name) => name.startsWith('x-stile'))).toEqual([]);
  });
});
