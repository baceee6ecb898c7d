/** ES256 by OpenSSL, on a thread of Node's pool: a quarter cheaper than WebCrypto, and the gate goes on answering meanwhile. */
import { KeyObject, verify, type webcrypto } from 'node:crypto';
import type { ProofVerifiers } from '@stile/sdk/server';

/** `header.payload` and an ECDSA signature of 64 bytes (RFC 7518 3.4), each in base64url without padding. */
const compact = /^([\w-]+\.([\w-]+))\.([\w-]{86})$/;

/** For DPoP proofs. Other algorithms are left to WebCrypto. */
export const nativeVerifiers: ProofVerifiers = (key, alg) => {
  if (alg !== 'ES256') return undefined;
  // The key by itself, and DER: told of another form in an object beside the key, Node 24 takes half as long again.
  const by = KeyObject.from(key as webcrypto.CryptoKey);
  return (jws) => {
    const [, signed = '', payload = '', signature = ''] = compact.exec(jws) ?? [];
    if (signed === '') return undefined;
    return new Promise((resolve, reject) => {
      const data = Buffer.from(signed, 'latin1');
      verify('sha256', data, by, derOf(Buffer.from(signature, 'base64url')), (error, holds) => {
        if (error) reject(error);
        else resolve(holds ? Buffer.from(payload, 'base64url').toString('utf8') : undefined);
      });
    });
  };
};

/**
 * An ECDSA signature as ASN.1 has it, `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 2.2.3).
 * @param signature `r` and `s`, of the same length, at most 60 bytes each, one after the other (RFC 7518 3.4).
 */
export function derOf(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const der = new Uint8Array(signature.length + 8);
  const middle = writeInteger(der, 2, signature.subarray(0, half));
  const end = writeInteger(der, middle, signature.subarray(half));
  der[0] = 0x30;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** Without leading zeros, but for one that keeps it from being negative (X.690 8.3). Where the next begins. */
function writeInteger(der: Uint8Array, at: number, bytes: Uint8Array): number {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first += 1;
  const sign = (bytes[first] ?? 0) >= 0x80 ? 1 : 0;
  const digits = bytes.subarray(first);
  der[at] = 0x02;
  der[at + 1] = sign + digits.length;
  der.set(digits, at + 2 + sign);
  return at + 2 + sign + digits.length;
}
