/** An issuer for the gate's benchmark: discovery and keys over HTTP, and tokens and proofs signed as cheaply as it goes. */
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const AUDIENCE = 'https://bank.test';

export interface BenchIssuer {
  readonly url: string;
  /** Never the same twice. @param jkt Thumbprint of the key it is bound to. */
  mint(jkt?: string): string;
  close(): void;
}

export async function startIssuer(): Promise<BenchIssuer> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
  const server = createServer((request, response) => {
    const metadata = { issuer: url, jwks_uri: `${url}/jwks`, acr_values_implied: implied };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : metadata));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'bench' };
  return {
    url,
    mint: (jkt) => signed(header, claimsOf(url, jkt), privateKey),
    close: () => void server.close(),
  };
}

const implied = {
  phr: ['urn:stile:acr:mfa', 'urn:stile:acr:1fa'],
  'urn:stile:acr:mfa': ['urn:stile:acr:1fa'],
};

function claimsOf(iss: string, jkt: string | undefined): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss,
    aud: AUDIENCE,
    sub: randomUUID(),
    client_id: 'bank-app',
    jti: randomUUID(),
    iat: now,
    exp: now + 3600,
    scope: 'accounts:read transfers:write',
    acr: 'urn:stile:acr:mfa',
    amr: ['pwd', 'otp', 'mfa'],
    auth_time: now,
    ...(jkt === undefined ? {} : { cnf: { jkt } }),
  };
}

export interface BenchClient {
  readonly token: string;
  /** For a GET of this address. */
  proof(url: string, nonce: string): string;
}

/** A client with a key of its own, and a token bound to it (RFC 9449). */
export function createClient({ mint }: BenchIssuer): BenchClient {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const jkt = hash(JSON.stringify({ crv, kty, x, y }));
  const token = mint(jkt);
  const ath = hash(token);
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { crv, kty, x, y } };
  return {
    token,
    proof: (htu, nonce) => {
      const iat = Math.floor(Date.now() / 1000);
      return signed(header, { jti: randomUUID(), htm: 'GET', htu, iat, ath, nonce }, privateKey);
    },
  };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function signed(header: object, claims: object, key: KeyObject): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
