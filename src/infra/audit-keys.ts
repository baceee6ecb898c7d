/**
 * The keys that sign checkpoints: the audit's own, so that they can be kept for as long as the audit is, whatever becomes of
 * the keys that sign tokens, and so that no token is ever mistaken for a checkpoint. Whoever can only write to the database
 * cannot add one: a key counts when it opens under the key-encryption key.
 */
import { CompactSign, compactVerify, createLocalJWKSet, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import type { Checkpoint } from '../domain/audit-chain.ts';
import type { CheckpointKeys } from '../services/ports/audit.ts';

const TYP = 'stile-audit-checkpoint';

/** `keys`: private, the current one first, retired ones after it. `parse`: what a payload says. */
export function createCheckpointKeys(
  keys: readonly JWK[],
  parse: (payload: string) => Checkpoint | undefined,
): CheckpointKeys {
  const [current] = keys;
  if (!current?.kid || !current.alg) throw new Error('there is no key for the audit');
  const { kid, alg } = current;
  const signing = importJWK(current);
  return {
    sign: async (checkpoint) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(checkpoint)))
        .setProtectedHeader({ alg, kid, typ: TYP })
        .sign(await signing),
    verify: verifierOf(publicKeys(keys), parse),
  };
}

/** With public keys alone, as `stile audit keys` prints them. Throws when it is no key set. */
export function verifierOf(
  jwks: JSONWebKeySet,
  parse: (payload: string) => Checkpoint | undefined,
): CheckpointKeys['verify'] {
  const set = createLocalJWKSet(jwks);
  return async (jws) => {
    try {
      const { payload, protectedHeader } = await compactVerify(jws, set, { algorithms: ['EdDSA'] });
      return protectedHeader.typ === TYP ? parse(new TextDecoder().decode(payload)) : undefined;
    } catch {
      return undefined;
    }
  };
}

export function publicKeys(keys: readonly JWK[]): JSONWebKeySet {
  return { keys: keys.map(({ kty, crv, x, kid, alg, use }) => ({ kty, crv, x, kid, alg, use }) as JWK) };
}
