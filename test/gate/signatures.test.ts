/** ES256 by OpenSSL: the contract of the SDK's own verification, and that it is used where it may be. */
import { createHash, generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto';
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { describe, expect, test } from 'vitest';
import { createResourceServer } from '../../sdk/src/server/index.ts';
import { createDpopKey, createTestIssuer } from '../../sdk/src/testing/index.ts';
import { boundTokens } from '../../sdk/test/bound-tokens.ts';
import { derOf, nativeVerifiers } from '../../src/gate/signatures.ts';

describe('proofs verified by OpenSSL', () => boundTokens(nativeVerifiers));

/** A server that counts what the verifier is asked. */
async function counting() {
  const issuer = await createTestIssuer();
  const asked: string[] = [];
  const server = createResourceServer({
    issuer: issuer.issuer,
    audience: issuer.audience,
    fetch: issuer.fetch,
    dpop: {
      verifiers: (key, alg) => {
        const verify = nativeVerifiers(key, alg);
        return verify && ((jws) => verify(asked.push(jws) > 0 ? jws : ''));
      },
    },
  });
  const decide = (token: string, dpop: string) =>
    server.authenticate({ method: 'GET', url: 'https://api.test/', authorization: `DPoP ${token}`, dpop });
  return { issuer, asked, decide };
}

test('the first proof of a key is verified in every respect, the signatures of later ones by OpenSSL', async () => {
  const { issuer, asked, decide } = await counting();
  const key = await createDpopKey();
  const token = await issuer.mint({ jkt: key.thumbprint });
  const proof = () => key.proof({ method: 'GET', url: 'https://api.test/', token });
  expect(await decide(token, await proof())).toMatchObject({ allowed: true });
  expect(asked).toEqual([]);
  expect(await decide(token, await proof())).toMatchObject({ allowed: true });
  expect(asked).toHaveLength(1);
});

test.each([
  ['another algorithm', 'EdDSA', {}],
  ['a header with an extension', 'ES256', { crit: ['b64'], b64: true }],
])('%s stays with WebCrypto', async (_what, alg, header) => {
  const { issuer, asked, decide } = await counting();
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const jwk = await exportJWK(publicKey);
  const token = await issuer.mint({ jkt: await calculateJwkThumbprint(jwk) });
  const ath = createHash('sha256').update(token).digest('base64url');
  const send = async () => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { jti: randomUUID(), htm: 'GET', htu: 'https://api.test/', iat, ath };
    const proof = new CompactSign(new TextEncoder().encode(JSON.stringify(claims)));
    const signed = proof.setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...header }).sign(privateKey);
    return decide(token, await signed);
  };
  // A key is kept for proofs that hold.
  for (let round = 0; round < 2; round += 1) expect(await send()).toMatchObject({ allowed: true });
  expect(asked).toEqual([]);
});

test.each([
  ['nothing', '00'.repeat(64), '3006020100020100'],
  ['small numbers', `${'00'.repeat(31)}01${'00'.repeat(31)}7f`, '300602010102017f'],
  ['a first bit', `80${'00'.repeat(31)}${'00'.repeat(31)}80`, `302702210080${'00'.repeat(31)}02020080`],
  ['the largest', 'ff'.repeat(64), `3046${`022100${'ff'.repeat(32)}`.repeat(2)}`],
])('a signature of %s is two integers, as short as they can be', (_what, signature, der) => {
  expect(Buffer.from(derOf(Buffer.from(signature, 'hex'))).toString('hex')).toBe(der);
});

test('OpenSSL reads what was written', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (let round = 0; round < 600; round += 1) {
    const data = Buffer.from(String(round));
    const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    expect(verify('sha256', data, publicKey, derOf(signature))).toBe(true);
  }
});
