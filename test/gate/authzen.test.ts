/** AuthZEN: what is asked in JSON is decided as what a gateway asks, and what cannot be judged is never allowed. */
import { createDpopKey } from '@stile/sdk/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGate, type TestGate } from './support.ts';

let gate: TestGate;
let token: string;
beforeAll(async () => {
  gate = await startGate();
  token = await gate.issuer.mint();
});
afterAll(() => gate.close());

const json = { 'content-type': 'application/json' };
const post = async (path: string, body: unknown, headers: Record<string, string> = json) => {
  const answer = await gate.get(
    path,
    headers,
    'POST',
    typeof body === 'string' ? body : JSON.stringify(body),
  );
  return { status: answer.status, body: JSON.parse(answer.body) };
};
const one = (path: string, more: object = {}) => ({
  subject: { type: 'access_token', id: token },
  action: { name: 'GET' },
  resource: { type: 'url', id: `https://bank.test${path}` },
  ...more,
});
const ONE = '/access/v1/evaluation';
const MANY = '/access/v1/evaluations';

test('DPoP: the denial brings the nonce, a proof with it is let in, and once', async () => {
  const key = await createDpopKey();
  const bound = await gate.issuer.mint({ jkt: key.thumbprint });
  const call = { method: 'GET', url: 'https://bank.test/data/1', token: bound };
  const ask = async (dpop: string) =>
    (await post(ONE, one('/data/1', { subject: { type: 'access_token', id: bound }, context: { dpop } })))
      .body;
  const first = await ask(await key.proof(call));
  expect(first).toMatchObject({ decision: false, context: { reason: 'use_dpop_nonce', status: 401 } });
  const nonce = first.context.dpop_nonce;
  expect(nonce).toMatch(/\S/);
  const proof = await key.proof({ ...call, nonce });
  expect(await ask(proof)).toEqual({ decision: true, context: { dpop_nonce: nonce } });
  expect(await ask(proof)).toMatchObject({ decision: false, context: { reason: 'invalid_dpop_proof' } });
  expect(await ask('')).toMatchObject({ decision: false });
});

test.each([
  ['an action that is no method', { action: { name: 'can_read' } }],
  ['a resource that is no URL', { resource: { type: 'account', id: '123' } }],
  ['a proof that is no text', { context: { dpop: 7 } }],
])('%s is denied with a reason, not an error', async (_what, more) => {
  expect(await post(ONE, one('/open/x', more))).toEqual({
    status: 200,
    body: { decision: false, context: { reason: 'not_http', status: 403 } },
  });
  expect(JSON.parse(gate.logged.at(-1) ?? '')).toMatchObject({ reason: 'not_http', address: '127.0.0.1' });
});

test('permit_on_first_permit ends at the first that may', async () => {
  const evaluations = ['/closed', '/data/1', '/open/x'].map((path) => ({ resource: one(path).resource }));
  const options = { evaluations_semantic: 'permit_on_first_permit' };
  const { body } = await post(MANY, { ...one('/'), evaluations, options });
  expect(body.evaluations.map(({ decision }: { decision: boolean }) => decision)).toEqual([false, true]);
});

test('an element that is no evaluation is denied in its place', async () => {
  const evaluations = [{ resource: one('/data/1').resource }, { resource: 7 }, {}];
  const { body } = await post(MANY, { subject: one('/').subject, action: { name: 'GET' }, evaluations });
  const malformed = { decision: false, context: { error: { status: 400 } } };
  expect(body.evaluations).toMatchObject([{ decision: true }, malformed, malformed]);
});

test('evaluations without any are one', async () => {
  expect((await post(MANY, one('/data/1'))).body).toEqual({ decision: true });
});

test.each([
  [
    'more than a hundred at once',
    MANY,
    () => ({ ...one('/data/1'), evaluations: Array.from({ length: 101 }, () => ({})) }),
    json,
  ],
  ['more than 64 KiB', ONE, () => one('/data/1', { context: { more: 'x'.repeat(70_000) } }), json],
  ['no JSON', ONE, () => '{', json],
  ['another media type', ONE, () => one('/data/1'), { 'content-type': 'text/plain' }],
  [
    'an unknown semantic',
    MANY,
    () => ({ ...one('/data/1'), options: { evaluations_semantic: 'any' } }),
    json,
  ],
  ['what has no subject', ONE, () => ({ ...one('/data/1'), subject: undefined }), json],
] as [string, string, () => unknown, Record<string, string>][])(
  '%s is a 400, and in the log',
  async (_what, path, body, headers) => {
    const before = gate.logged.length;
    expect(await post(path, body(), headers)).toEqual({ status: 400, body: { error: 'invalid_request' } });
    expect(gate.logged.slice(before).map((line) => JSON.parse(line))).toMatchObject([
      { outcome: 'refuse', status: 400, reason: 'malformed_request', address: '127.0.0.1', path },
    ]);
  },
);

test('the document names an address that can be called', async () => {
  const { body } = await gate.get('/.well-known/authzen-configuration');
  expect(JSON.parse(body).policy_decision_point).toBe(`http://127.0.0.1:${gate.port}`);
  const v6 = await startGate(
    'issuer: https://issuer.test\naudience: https://api.test\nlisten: { host: "::1" }\nrules: []\n',
  );
  const { body: other } = await v6.get('/.well-known/authzen-configuration');
  expect(JSON.parse(other).policy_decision_point).toBe(`http://[::1]:${v6.port}`);
  await v6.close();
});
