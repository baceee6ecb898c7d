/** DPoP proofs (RFC 9449 4.3): their form, their nonces, and where used ones are remembered. */
import { CompactSign, calculateJwkThumbprint, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import { beforeEach, expect, it, vi } from 'vitest';
import {
  createResourceServer,
  type DpopOptions,
  InvalidOptionsError,
  type ReplayStore,
} from '../src/server/index.ts';
import { createReplayMemory } from '../src/server/replay.ts';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../src/testing/index.ts';

const URL_ = 'https://api.test/things';
const now = () => 1_800_000_000;
let issuer: TestIssuer;

beforeEach(async () => {
  issuer = await createTestIssuer({ now });
});

const server = (dpop: DpopOptions = {}) => {
  const { issuer: iss, audience, fetch } = issuer;
  return createResourceServer({ issuer: iss, audience, fetch, now, dpop });
};
const ask = async (token: string, dpop: string, api = server()) => {
  const decision = await api.decide({ method: 'GET', url: URL_, authorization: `DPoP ${token}`, dpop });
  return decision.allowed ? 'allowed' : decision.reason;
};

/** A client whose proofs say whatever a test wants. */
async function client() {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const [jwk, secret] = [await exportJWK(pair.publicKey), await exportJWK(pair.privateKey)];
  const token = await issuer.mint({ jkt: await calculateJwkThumbprint(jwk) });
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  const ath = Buffer.from(digest).toString('base64url');
  const sign = (payload: string, header: object = {}) =>
    new CompactSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
      .sign(pair.privateKey);
  const proof = (header: object = {}, claims: object = {}) => {
    const base = { jti: crypto.randomUUID(), htm: 'GET', htu: URL_, iat: now(), ath };
    return sign(JSON.stringify({ ...base, ...claims }), header);
  };
  return { token, jwk, secret, sign, proof };
}

it('takes a proof, and none of another form', async () => {
  const { token, secret, proof } = await client();
  expect(await ask(token, await proof())).toBe('allowed');
  for (const header of [
    { typ: 'JWT' },
    { typ: undefined },
    { jwk: secret },
    { jwk: null },
    { jwk: undefined },
    { jwk: 'x' },
  ])
    expect([header, await ask(token, await proof(header).catch(() => 'x.y.z'))]).toEqual([
      header,
      'invalid_dpop_proof',
    ]);
  for (const claims of [{ htm: 'get' }, { ath: undefined }, { htu: undefined }, { jti: 7 }, { iat: '1' }])
    expect(await ask(token, await proof({}, claims))).toBe('invalid_dpop_proof');
});

it.each(['null', '[]', '"x"', '1', '{', ''])('refuses a proof that says %j', async (payload) => {
  const { token, sign } = await client();
  expect(await ask(token, await sign(payload))).toBe('invalid_dpop_proof');
});

it('takes no algorithm that is not accepted, and no symmetric one', async () => {
  const { token, proof } = await client();
  const { issuer: iss, audience, fetch } = issuer;
  const strict = createResourceServer({ issuer: iss, audience, fetch, now, algorithms: ['ES256', 'EdDSA'] });
  expect(await ask(token, await proof(), strict)).toBe('allowed');
  const pair = await generateKeyPair('RS256');
  const jwk = await exportJWK(pair.publicKey);
  const rs = await issuer.mint({ jkt: await calculateJwkThumbprint(jwk) });
  const sign = (header: object, key: Parameters<CompactSign['sign']>[0]) =>
    new CompactSign(new TextEncoder().encode('{}'))
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'RS256', jwk, ...header })
      .sign(key);
  const decide = async (dpop: string) =>
    strict.decide({ method: 'GET', url: URL_, authorization: `DPoP ${rs}`, dpop });
  expect(await decide(await sign({}, pair.privateKey))).toMatchObject({ detail: 'alg is not accepted' });
  const octets = { kty: 'oct', k: 'AAAA' };
  const hs = await sign({ alg: 'HS256', jwk: octets }, new Uint8Array(32));
  expect(await decide(hs)).toMatchObject({ detail: 'alg is not accepted' });
});

it('refuses a proof of more than 4096 characters', async () => {
  const { token, proof } = await client();
  const short = (await proof()).length;
  const longest = await proof({}, { x: 'y'.repeat(Math.floor(((4096 - short) * 3) / 4) - 10) });
  expect(longest.length).toBeLessThanOrEqual(4096);
  expect(await ask(token, longest)).toBe('allowed');
  const longer = await proof({}, { x: 'y'.repeat(3072) });
  expect(await ask(token, longer)).toBe('invalid_dpop_proof');
});

it('looks for the key before it verifies, and remembers the keys of proofs that held only', async () => {
  const { token, proof, jwk } = await client();
  const other = await client();
  const read: string[] = [];
  const dpop = {
    verifiers: () => {
      read.push('read');
      return undefined;
    },
  };
  const api = server(dpop);
  const verify = vi.spyOn(crypto.subtle, 'verify');
  const api0 = await ask(await issuer.mint(), '', api);
  expect(api0).toBe('invalid_token');
  verify.mockClear();
  expect(await ask(token, await other.proof(), api)).toBe('invalid_token');
  // That of the access token alone.
  expect(verify).toHaveBeenCalledTimes(1);
  verify.mockRestore();
  read.length = 0;
  for (const claims of [{ htm: 'POST' }, { ath: 'x' }, { htu: 'https://evil.test/' }, { iat: 1 }])
    expect(await ask(token, await proof({}, claims), api)).toBe('invalid_dpop_proof');
  expect(read).toHaveLength(4);
  for (let index = 0; index < 3; index += 1) expect(await ask(token, await proof(), api)).toBe('allowed');
  expect(read).toHaveLength(5);
  expect(decodeProtectedHeader(await proof()).jwk).toEqual(jwk);
});

it.each<[string, ReplayStore['use']]>([
  ['throws', () => Promise.reject(new Error('no route'))],
  [
    'throws at once',
    () => {
      throw new Error('no route');
    },
  ],
])('is 503 where the store of used proofs %s', async (_, use) => {
  const { token, proof } = await client();
  const api = server({ replays: { use } });
  const facts = { method: 'GET', url: URL_, authorization: `DPoP ${token}`, dpop: await proof() };
  expect(await api.decide(facts)).toMatchObject({
    status: 503,
    reason: 'replays_unavailable',
    headers: { 'retry-after': '10' },
    body: { error: 'temporarily_unavailable' },
  });
});

it('asks the store that is given, which several processes share, and believes its promises of any make', async () => {
  const { token, proof } = await client();
  const memory = createReplayMemory(now);
  const keys: [string, number][] = [];
  // Not a Promise of this realm, such as a database driver's own.
  const later = (value: boolean) =>
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    ({ then: (done: (value: boolean) => void) => done(value) }) as unknown as Promise<boolean>;
  const use: ReplayStore['use'] = (key, until) => {
    keys.push([key, until]);
    return later(memory.use(key, until) as boolean);
  };
  const [one, two] = [server({ replays: { use } }), server({ replays: { use } })];
  const dpop = await proof({}, { jti: 'j1' });
  expect([await ask(token, dpop, one), await ask(token, dpop, two)]).toEqual([
    'allowed',
    'invalid_dpop_proof',
  ]);
  const jkt = await calculateJwkThumbprint(decodeProtectedHeader(dpop).jwk ?? {});
  expect(keys[0]).toEqual([`${jkt}.j1`, now() + 70]);
});

it('a nonce of one process is good at another that has the secret, and at no other', async () => {
  const key = await createDpopKey(now);
  const token = await issuer.mint({ jkt: key.thumbprint });
  const shared = { nonces: { secret: 's'.repeat(32) } };
  const [one, two, stranger] = [server(shared), server(shared), server({ nonces: true })];
  const proof = (nonce?: string) =>
    key.proof({ method: 'GET', url: URL_, token, ...(nonce !== undefined && { nonce }) });
  const first = await one.decide({
    method: 'GET',
    url: URL_,
    authorization: `DPoP ${token}`,
    dpop: await proof(),
  });
  const nonce = String(first.headers['dpop-nonce']);
  expect(await ask(token, await proof(nonce), two)).toBe('allowed');
  expect(await ask(token, await proof(nonce), stranger)).toBe('use_dpop_nonce');
  expect(() => server({ nonces: { secret: 'short' } })).toThrow(InvalidOptionsError);
});
