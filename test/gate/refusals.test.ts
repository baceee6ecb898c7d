/** Whatever is refused leaves a line and a count, with as much of who and what as is known. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stateOf } from '../../src/gate/state.ts';
import { HEAD, original, RULES, startGate, type TestGate } from './support.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startGate();
});
afterAll(() => gate.close());
beforeEach(() => void gate.logged.splice(0));

const told = () => gate.logged.map((line) => JSON.parse(line));
const counted = async (reason: string) =>
  Number(new RegExp(`reason="${reason}"} (\\d+)`).exec((await gate.get('/metrics')).body)?.[1] ?? 0);

describe('a line and a count', () => {
  test('for an address that is no configured proxy', async () => {
    const before = gate.state;
    gate.state = stateOf(`${HEAD}trustedProxies: [10.0.0.0/8]\n${RULES}`);
    expect((await gate.ask('/open/x')).status).toBe(403);
    gate.state = before;
    expect(told()).toMatchObject([
      { status: 403, reason: 'untrusted_peer', address: '127.0.0.1', method: 'GET', path: '/check/original' },
    ]);
    expect(await counted('untrusted_peer')).toBe(1);
  });

  test('for an address the gate does not have', async () => {
    expect((await gate.get('/chek/original')).status).toBe(404);
    expect(told()).toMatchObject([{ status: 404, reason: 'unknown_address', path: '/chek/original' }]);
    expect(await counted('unknown_address')).toBe(1);
  });

  test('for a subrequest with a body', async () => {
    expect(
      (await gate.get('/check/original', original('POST', '/pay/1?code=s3cret'), 'POST', 'x')).status,
    ).toBe(403);
    expect(told()).toMatchObject(
      [{ reason: 'malformed_request', detail: /GET without body/, method: 'POST', path: '/pay/1' }].map(
        (line) => ({ ...line, detail: expect.stringMatching(line.detail) }),
      ),
    );
    expect(gate.logged.join()).not.toMatch(/s3cret/);
  });

  test('for one that cannot be read: who, and what it says', async () => {
    await gate.ask('/open/x?code=s3cret', { 'x-forwarded-host': 'a b"c' });
    expect(told()).toMatchObject([
      {
        reason: 'malformed_request',
        address: '203.0.113.9',
        method: 'GET',
        host: 'a b"c',
        path: '/open/x',
      },
    ]);
    await gate.ask(`/${'x'.repeat(5000)}`, { 'x-forwarded-proto': 'ftp' });
    expect(told().at(-1).path).toHaveLength(1024);
    expect(gate.logged.join()).not.toMatch(/s3cret/);
  });

  test('for fields that are too many: 431', async () => {
    expect((await gate.ask('/open/x', { cookie: 'c'.repeat(40_000) })).status).toBe(200);
    expect((await gate.ask('/open/x', { cookie: 'c'.repeat(70_000) })).status).toBe(431);
    expect(told().at(-1)).toMatchObject({ status: 431, reason: 'malformed_request', address: '127.0.0.1' });
  });

  test('for what is no HTTP', async () => {
    const socket = connect(gate.port, '127.0.0.1');
    socket.end('HELLO\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
    expect(told()).toMatchObject([{ status: 400, reason: 'malformed_request' }]);
  });

  test('for an error of the gate: 503, where it happened, and nothing of what was sent', async () => {
    const broken = await startGate(HEAD + RULES, () => {
      throw new TypeError('s3cret\n    at s3cret');
    });
    const { status, headers } = await broken.ask('/data/1', { authorization: 'Bearer s3cret' });
    expect([status, headers['retry-after']]).toEqual([503, '2']);
    expect(JSON.parse(broken.logged[0] ?? '')).toMatchObject({
      reason: 'internal_error',
      detail: expect.stringMatching(/^TypeError /),
    });
    expect(broken.logged.join()).not.toMatch(/s3cret/);
    expect((await broken.get('/metrics')).body).toMatch(/reason="internal_error"} 1/);
    await broken.close();
  });
});

describe('whose request it was', () => {
  test.each([
    ['the client of one proxy', '203.0.113.9', '203.0.113.9'],
    ['what is before it the client may have invented', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['trusted proxies are passed over, from the right', '203.0.113.9, 127.0.0.1, ::1', '203.0.113.9'],
    ['mapped addresses are the same', '203.0.113.9, ::ffff:127.0.0.1', '203.0.113.9'],
    ['what is no address is passed over', '203.0.113.9, unknown, ', '203.0.113.9'],
    ['only trusted ones: who asks', '127.0.0.1', '127.0.0.1'],
  ])('%s', async (_what, chain, address) => {
    await gate.ask('/open/x', { 'x-forwarded-for': chain });
    expect(told()).toMatchObject([{ address }]);
  });
});

test('metrics: the histogram adds up, and reloads are counted by their result', async () => {
  const own = await startGate();
  await own.ask('/open/x');
  await own.ask('/closed/x');
  own.metrics.reloaded(own.state.settings.rules);
  own.metrics.reloaded(undefined);
  own.metrics.reloaded(undefined);
  const { body } = await own.get('/metrics');
  const buckets = [...body.matchAll(/_bucket\{le="([^"]+)"} (\d+)/g)].map(([, , count]) => Number(count));
  expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
  expect(buckets.at(-1)).toBe(2);
  expect(body).toMatch(/_seconds_count 2\n/);
  expect(Number(/_seconds_sum (\S+)/.exec(body)?.[1])).toBeGreaterThan(0);
  expect(body).toMatch(/reloads_total\{result="ok"} 1\n.*result="failed"} 2\n/);
  await own.close();
});

test('a sign-in that is too old: the whole demand, the age in the log', async () => {
  const authTime = Math.floor(Date.now() / 1000) - 400;
  const token = await gate.issuer.mint({ acr: 'phr', scope: 'pay', authTime });
  const { status, headers } = await gate.get('/check/original', {
    ...original('POST', '/pay/7'),
    authorization: `Bearer ${token}`,
  });
  expect([status, String(headers['www-authenticate'])]).toEqual([
    401,
    expect.stringMatching(/insufficient_user_authentication.*acr_values="phr".*max_age="300"/),
  ]);
  const [line] = told();
  expect(line).toMatchObject({ reason: 'insufficient_user_authentication', maxAge: 300 });
  expect(line.age).toBeGreaterThanOrEqual(400);
});
