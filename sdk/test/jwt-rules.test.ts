/** What a JWT access token has to be (RFC 9068, RFC 8725), and what is remembered of one. */
import {
  base64url,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createResourceServer } from '../src/server/index.ts';
import { createTestIssuer, type TestIssuer } from '../src/testing/index.ts';

let time = 1_800_000_000;
const now = () => time;
let issuer: TestIssuer;
let api: ReturnType<typeof createResourceServer>;

beforeEach(async () => {
  time = 1_800_000_000;
  issuer = await createTestIssuer({ now });
  const { issuer: iss, audience, fetch } = issuer;
  api = createResourceServer({ issuer: iss, audience, fetch, now });
});
afterEach(() => vi.restoreAllMocks());

const facts = (token: string) => ({
  method: 'GET',
  url: 'https://api.test/',
  authorization: `Bearer ${token}`,
});
const ask = async (token: string) => {
  const decision = await api.decide(facts(token));
  return decision.allowed ? 'allowed' : decision.reason;
};
const encode = (value: object) => base64url.encode(JSON.stringify(value));

describe('a token is refused', () => {
  it('when it is not signed, or by a key of its own', async () => {
    const good = await issuer.mint();
    expect(await ask(good)).toBe('allowed');
    const [header, claims] = [decodeProtectedHeader(good), decodeJwt(good)];
    const { keys } = (await (await issuer.fetch(`${issuer.issuer}/jwks`)).json()) as { keys: [JWK] };
    const spki = await exportSPKI((await importJWK(keys[0], 'ES256')) as Parameters<typeof exportSPKI>[0]);
    const own = await generateKeyPair('ES256');
    const jwk = await exportJWK(own.publicKey);
    const by = (extra: object, key: Parameters<SignJWT['sign']>[0] = own.privateKey) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...extra }).sign(key);
    const secret = (text: string) => new TextEncoder().encode(text);
    const forged = [
      `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
      await by({ alg: 'HS256', kid: header.kid }, secret(spki)),
      await by({ alg: 'HS256', kid: header.kid }, secret(JSON.stringify(keys[0]))),
      await by({ jwk }),
      await by({ jwk, kid: header.kid }),
      await by({ jku: 'https://evil.test/jwks', kid: 'evil' }),
    ];
    for (const token of forged) expect(await ask(token)).toBe('invalid_token');
    expect(issuer.requests.filter((url) => !url.startsWith(issuer.issuer))).toEqual([]);
  });

  it('when its header demands an extension that is not known', async () => {
    const own = await createTestIssuer({ now });
    const [, payload, signature] = (await issuer.mint()).split('.');
    const header = decodeProtectedHeader(await issuer.mint());
    for (const extra of [
      { crit: ['exp'], exp: 1 },
      { crit: ['b64'], b64: false },
    ])
      expect(await ask(`${encode({ ...header, ...extra })}.${payload}.${signature}`)).toBe('invalid_token');
    expect(await ask(await own.mint())).toBe('invalid_token');
  });

  it.each([
    ['before nbf', { claims: { nbf: 1_800_000_011 } }],
    ['a list of other audiences', { claims: { aud: ['https://other.test', 'x'] } }],
    ['no audience', { claims: { aud: undefined } }],
    ['typ of a proof', { typ: 'dpop+jwt' }],
    ['typ of nothing', { typ: '' }],
    ['cnf null', { claims: { cnf: null } }],
    ['cnf {}', { claims: { cnf: {} } }],
    ['cnf with an empty jkt', { claims: { cnf: { jkt: '' } } }],
    ['cnf with one more', { claims: { cnf: { jkt: 'a', jwk: {} } } }],
  ])('%s', async (_, token) => {
    expect(await ask(await issuer.mint(token))).toBe('invalid_token');
  });

  it('and not with one audience of several, the long typ, or nbf within the tolerance', async () => {
    for (const token of [
      { claims: { aud: ['https://other.test', issuer.audience] } },
      { typ: 'application/at+jwt' },
      { claims: { nbf: 1_800_000_010 } },
    ])
      expect(await ask(await issuer.mint(token))).toBe('allowed');
  });
});

describe('what is remembered', () => {
  it('is nothing that was verified by keys which were replaced meanwhile', async () => {
    await ask(await issuer.mint());
    const old = await issuer.mint({ expiresIn: 9e6 });
    await issuer.rotate();
    const fresh = await issuer.mint({ expiresIn: 9e6 });
    time += 601;
    const verify = crypto.subtle.verify.bind(crypto.subtle);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      vi.spyOn(crypto.subtle, 'verify').mockImplementationOnce(async (...given) => {
        resolve();
        await gate;
        return verify(...given);
      });
    });
    const inFlight = ask(old);
    await begun;
    // The first fetches the keys, the second forgets what the old ones had signed.
    for (const _ of [1, 2]) expect(await ask(fresh)).toBe('allowed');
    open();
    await inFlight;
    expect(await ask(old)).toBe('invalid_token');
  });

  it('is asked for anew before a token counts, where nobody called for long', async () => {
    await ask(await issuer.mint());
    const old = await issuer.mint({ expiresIn: 9e6 });
    await issuer.rotate();
    time += 7 * 86_400;
    expect(await Promise.all([ask(old), ask(old), ask(old)])).toEqual(Array(3).fill('invalid_token'));
    issuer.setReachable(false);
    time += 7 * 86_400;
    expect(await ask(await issuer.mint())).toBe('allowed');
  });

  it('cannot be changed by whoever got it', async () => {
    const token = await issuer.mint({ scope: 'read', claims: { cnf: undefined, tenant: { id: 1 } } });
    const decision = await api.decide(facts(token));
    if (!decision.allowed) throw new Error('refused');
    const { caller } = decision;
    expect(() => Object.assign(caller, { acr: 'phrh' })).toThrow(TypeError);
    expect(() => (caller.scope as string[]).push('admin')).toThrow(TypeError);
    expect(() => Object.assign(caller.claims['tenant'] as object, { id: 2 })).toThrow(TypeError);
    expect(await api.decide(facts(token), { scope: ['admin'] })).toMatchObject({ status: 403 });
  });
});
