/** What holds of tokens bound to a key, however signatures of proofs are verified. */
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { beforeEach, expect, it } from 'vitest';
import {
  createResourceServer,
  type ProofVerifiers,
  type ResourceServerOptions,
} from '../src/server/index.ts';
import { createDpopKey, createTestIssuer, type TestIssuer } from '../src/testing/index.ts';

const URL_ = 'https://api.test/things';

/** Registers the tests. With `verifiers`, each begins after a first proof of the client, which WebCrypto verifies. */
export function boundTokens(verifiers?: ProofVerifiers): void {
  let time = 1_800_000_000;
  const now = () => time;
  let issuer: TestIssuer;
  beforeEach(async () => {
    time = 1_800_000_000;
    issuer = await createTestIssuer({ now });
  });

  const server = (options: Partial<ResourceServerOptions> = {}) => {
    const { issuer: iss, audience, fetch } = issuer;
    const dpop = { ...options.dpop, ...(verifiers && { verifiers }) };
    return createResourceServer({ issuer: iss, audience, fetch, now, ...options, dpop });
  };
  const request = (authorization: string, more: object = {}) => ({
    method: 'GET',
    url: URL_,
    authorization,
    ...more,
  });
  const setUp = async (options: Partial<ResourceServerOptions> = {}) => {
    const key = await createDpopKey(now);
    const token = await issuer.mint({ jkt: key.thumbprint });
    const api = server(options);
    const url = options.origin ? `${options.origin}/things` : URL_;
    const send = async (claims = {}, nonce?: string) => {
      const call = { method: 'GET', url, token, claims, ...(nonce !== undefined && { nonce }) };
      return api.decide(request(`DPoP ${token}`, { dpop: await key.proof(call) }));
    };
    if (verifiers) await send();
    return { key, token, api, send };
  };

  it('lets a bound token in with its proof, once', async () => {
    const { key, token, api } = await setUp();
    const dpop = await key.proof({ method: 'GET', url: URL_, token });
    const facts = request(`DPoP ${token}`, { dpop });
    expect(await api.decide(facts)).toMatchObject({ allowed: true, caller: { binding: 'dpop' } });
    expect(summary(await api.decide(facts))).toMatch(/^401 DPoP error="invalid_dpop_proof".*algs="ES256 /);
  });

  it('lets one of many in that come with the same proof at once', async () => {
    const { key, token, api } = await setUp();
    const dpop = await key.proof({ method: 'GET', url: URL_, token });
    const facts = request(`DPoP ${token}`, { dpop });
    const decisions = await Promise.all(Array.from({ length: 20 }, () => api.decide(facts)));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(1);
  });

  it.each([
    { htm: 'POST' },
    { htu: 'https://api.test/other' },
    { htu: 'https://evil.test/things' },
    { iat: 1_800_000_011 },
    { iat: 1_800_000_000 - 71 },
    { ath: 'x' },
    { jti: '' },
    { jti: 'x'.repeat(257) },
  ])('refuses a proof with %j', async (claims) => {
    const { send } = await setUp();
    expect(summary(await send(claims))).toMatch(/^401 DPoP error="invalid_dpop_proof"/);
  });

  it('refuses a proof whose payload, signature or form was altered', async () => {
    const { key, token, api } = await setUp();
    const make = () => key.proof({ method: 'GET', url: URL_, token });
    const [header = '', payload = '', signature = ''] = (await make()).split('.');
    const [, otherPayload = '', otherSignature = ''] = (await make()).split('.');
    for (const dpop of [
      `${header}.${otherPayload}.${signature}`,
      `${header}.${payload}.${otherSignature}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}A`,
      `${header}.${payload}.${signature.slice(0, -4)}`,
      `${header}.${payload}.${signature}.x`,
      `${header}.${payload}=.${signature}`,
      `${header}.${payload}`,
    ])
      expect(summary(await api.decide(request(`DPoP ${token}`, { dpop })))).toMatch(
        /^401 DPoP error="invalid_dpop_proof"/,
      );
    const dpop = `${header}.${payload}.${signature}`;
    expect(summary(await api.decide(request(`DPoP ${token}`, { dpop })))).toBe('allowed');
  });

  it.each(['null', '1', 'no JSON', '\ufeff{}'])('refuses a proof that says %j', async (payload) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const token = await issuer.mint({ jkt: await calculateJwkThumbprint(jwk) });
    const api = server();
    const send = async (text: string) => {
      const dpop = await new CompactSign(new TextEncoder().encode(text))
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey);
      return summary(await api.decide(request(`DPoP ${token}`, { dpop })));
    };
    expect(await send('{}')).toMatch(/^401 DPoP error="invalid_dpop_proof"/);
    expect(await send(payload)).toMatch(/^401 DPoP error="invalid_dpop_proof"/);
  });

  it('compares htu without query, and with the public origin', async () => {
    const { key, token, api } = await setUp({ origin: 'https://public.test' });
    const dpop = await key.proof({ method: 'GET', url: 'https://public.test/things', token });
    const facts = { ...request(`DPoP ${token}`, { dpop }), url: 'http://10.0.0.1/things?a=b' };
    expect(summary(await api.decide(facts))).toBe('allowed');
  });

  it('refuses a bound token as a bearer token, and the reverse', async () => {
    const { key, token, api } = await setUp();
    const bearer = (text: string, other = api) => other.decide(request(`Bearer ${text}`));
    expect(summary(await bearer(token))).toMatch(/^401 DPoP error="invalid_token"/);
    const plain = await issuer.mint();
    const dpop = await key.proof({ method: 'GET', url: URL_, token: plain });
    expect(summary(await api.decide(request(`DPoP ${plain}`, { dpop })))).toMatch(
      /^401 DPoP error="invalid_token"/,
    );
    const strict = server({ dpop: { required: true } });
    expect(summary(await bearer(plain, strict))).toMatch(/^401 DPoP/);
    expect(summary(await bearer(plain, strict))).toMatch(/^401 DPoP/);
  });

  it('refuses no proof, two proofs, and the proof of another key', async () => {
    const { token, api } = await setUp();
    const other = await createDpopKey(now);
    const proof = await other.proof({ method: 'GET', url: URL_, token });
    const again = await other.proof({ method: 'GET', url: URL_, token });
    for (const dpop of [undefined, `${proof}, ${proof}`, proof, again])
      expect(summary(await api.decide(request(`DPoP ${token}`, { dpop })))).toMatch(
        /^401 DPoP error="invalid_/,
      );
  });

  it('is 503, never 200, where a store of proofs does not answer', async () => {
    const use = () => Promise.reject(new Error('connection refused'));
    const { send } = await setUp({ dpop: { replays: { use } } });
    expect(await send()).toMatchObject({
      status: 503,
      reason: 'replays_unavailable',
      headers: { 'retry-after': '10' },
      detail: 'connection refused',
      body: { error: 'temporarily_unavailable' },
    });
  });

  it('remembers a proof for as long as its nonce is taken', async () => {
    const kept: number[] = [];
    const use = (_: string, until: number) => kept.push(until) > 0;
    const { send } = await setUp({ dpop: { nonces: true, replays: { use } } });
    const nonce = String((await send()).headers['dpop-nonce']);
    const taken: number[] = [];
    for (; (await send({}, nonce)).allowed; time += 1) taken.push(time);
    expect(kept).toEqual(taken.map(() => Number(taken.at(-1)) + 1));
    expect(taken.length).toBe(300);
  });

  it('asks for a nonce, takes it for two windows, and gives a new one', async () => {
    const { send } = await setUp({ dpop: { nonces: true } });
    const first = await send();
    expect(summary(first)).toMatch(/^401 DPoP error="use_dpop_nonce"/);
    const nonce = String(first.headers['dpop-nonce']);
    const second = await send({ iat: 1 }, nonce);
    expect(second).toMatchObject({ allowed: true, headers: { 'dpop-nonce': nonce } });
    time += 149;
    expect(summary(await send({}, nonce))).toBe('allowed');
    time += 151;
    expect(summary(await send({}, nonce))).toMatch(/use_dpop_nonce/);
  });

  it('takes the nonces of a previous secret, and makes none with it', async () => {
    const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];
    const before = await setUp({ dpop: { nonces: { secret: old } } });
    const after = await setUp({ dpop: { nonces: { secret: fresh, previous: [old] } } });
    const ended = await setUp({ dpop: { nonces: { secret: fresh } } });
    const nonce = String((await before.send()).headers['dpop-nonce']);
    const taken = await after.send({}, nonce);
    expect(summary(taken)).toBe('allowed');
    expect(taken.headers['dpop-nonce']).not.toBe(nonce);
    expect(summary(await ended.send({}, String(taken.headers['dpop-nonce'])))).toBe('allowed');
    expect(summary(await ended.send({}, nonce))).toMatch(/use_dpop_nonce/);
    expect(() => server({ dpop: { nonces: { secret: fresh, previous: ['short'] } } })).toThrow(/32 bytes/);
  });
}

function summary(decision: Awaited<ReturnType<ReturnType<typeof createResourceServer>['decide']>>) {
  return decision.allowed ? 'allowed' : `${decision.status} ${decision.headers['www-authenticate'] ?? ''}`;
}
