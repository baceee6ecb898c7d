/** ES256 by OpenSSL in this turn: a third cheaper than WebCrypto, whose answer comes by way of another thread. */
import { KeyObject, verify, type webcrypto } from 'node:crypto';
import type { ProofVerifiers } from '@stile/sdk/server';

/** `header.payload` and an ECDSA signature of 64 bytes (RFC 7518 3.4), each in base64url without padding. */
const compact = /^([\w-]+\.([\w-]+))\.([\w-]{86})$/;

/** For DPoP proofs. Other algorithms are left to WebCrypto. */
export const nativeVerifiers: ProofVerifiers = (key, alg) => {
  if (alg !== 'ES256') return undefined;
  const by = { key: KeyObject.from(key as webcrypto.CryptoKey), dsaEncoding: 'ieee-p1363' as const };
  return (jws) => {
    const [, signed = '', payload = '', signature = ''] = compact.exec(jws) ?? [];
    if (signed === '') return undefined;
    const holds = verify('sha256', Buffer.from(signed, 'latin1'), by, Buffer.from(signature, 'base64url'));
    return holds ? Buffer.from(payload, 'base64url').toString('utf8') : undefined;
  };
};
