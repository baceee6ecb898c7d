import { base64url, calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';

/** A client's key, and the proofs it signs (RFC 9449 4.2). */
export interface DpopKey {
  readonly thumbprint: string;
  /** A proof for one call; `claims` overrides what it would say. */
  proof(call: {
    readonly method: string;
    readonly url: string;
    readonly token: string;
    readonly nonce?: string;
    readonly claims?: Readonly<Record<string, unknown>>;
  }): Promise<string>;
}

/** @param now Epoch seconds. */
export async function createDpopKey(
  now: () => number = () => Math.floor(Date.now() / 1000),
): Promise<DpopKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  const hash = async (text: string) =>
    base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    proof: async ({ method, url, token, nonce, claims }) =>
      new SignJWT({
        jti: crypto.randomUUID(),
        htm: method,
        htu: url,
        iat: now(),
        ath: await hash(token),
        ...(nonce !== undefined && { nonce }),
        ...claims,
      })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey),
  };
}
