/** The signature of a proof, by the key it brings (RFC 9449 4.3 checks 2 to 7). */
import {
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
} from 'jose';
import { InvalidProofError, InvalidTokenError } from './errors.ts';
import { andThen, type Soon } from './soon.ts';

/** Characters. */
const LONGEST_PROOF = 4096;

/**
 * Verifies the signature of compact JWS by one key: the payload's text, or undefined where the signature does not hold; at
 * once or later. Only the signature is its business: a proof gets here when its header, letter by letter, is that of an
 * earlier proof that was verified in every respect.
 */
export type ProofVerifier = (jws: string) => Soon<string | undefined>;

/** A verifier for a public key and its JWS algorithm; undefined: the default is to be used. */
export type ProofVerifiers = (key: CryptoKey, alg: string) => ProofVerifier | undefined;

export interface ProofKey {
  readonly key: CryptoKey | Uint8Array;
  readonly jkt: string;
  /** For the proofs after the first. */
  readonly verify: ProofVerifier | undefined;
}

export interface Proof {
  readonly key: ProofKey;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Encoded, as it was sent. @throws InvalidProofError for none, and for one that is too long. */
export function headerOf(proof: string | undefined): string {
  if (!proof) throw new InvalidProofError('no proof');
  if (proof.length > LONGEST_PROOF) throw new InvalidProofError('the proof is too long');
  return proof.slice(0, Math.max(proof.indexOf('.'), 0));
}

interface Signed {
  readonly proof: string | undefined;
  /** The thumbprint the token is bound to. */
  readonly jkt: string;
}

interface SignatureInput {
  readonly algorithms: readonly string[];
  readonly verifiers: ProofVerifiers | undefined;
}

/** The signature, by the key in the header, where that is the key the token is bound to. @throws InvalidProofError, InvalidTokenError. */
export function verifySignature(
  { proof = '', jkt }: Signed,
  input: SignatureInput,
  known: ProofKey | undefined,
): Soon<Proof> {
  if (!known?.verify) return verifyWhole(proof, { input, known, jkt });
  checkKey(known, jkt);
  return andThen(known.verify(proof), (text) => ({ key: known, payload: readPayload(text) }));
}

function checkKey(key: ProofKey, jkt: string): void {
  if (key.jkt !== jkt) throw new InvalidTokenError('bound to another key than that of the proof');
}

/** Every step of RFC 7515 5.2: the header, too, which another verifier does not look at. */
async function verifyWhole(
  proof: string,
  {
    input: { algorithms, verifiers },
    known,
    jkt,
  }: { readonly input: SignatureInput; readonly known: ProofKey | undefined; readonly jkt: string },
): Promise<Proof> {
  try {
    const key = known ?? (await readKey(proof, algorithms, verifiers));
    checkKey(key, jkt);
    const { payload } = await compactVerify(proof, key.key, { algorithms: [...algorithms] });
    return { key, payload: readPayload(new TextDecoder().decode(payload)) };
  } catch (error) {
    if (error instanceof InvalidTokenError) throw error;
    throw new InvalidProofError(error instanceof Error ? error.message : 'unreadable');
  }
}

function readPayload(text: string | undefined): Proof['payload'] {
  if (text === undefined) throw new InvalidProofError('the signature does not hold');
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    throw new InvalidProofError('no JSON');
  }
  if (typeof payload !== 'object' || payload === null) throw new InvalidProofError('no object');
  return payload as Proof['payload'];
}

async function readKey(
  proof: string,
  algorithms: readonly string[],
  verifiers: ProofVerifiers | undefined,
): Promise<ProofKey> {
  const { typ, alg, jwk, crit } = decodeProtectedHeader(proof);
  if (typ !== 'dpop+jwt') throw new InvalidProofError('typ is not dpop+jwt');
  if (alg === undefined || !algorithms.includes(alg)) throw new InvalidProofError('alg is not accepted');
  if (typeof jwk !== 'object' || 'd' in jwk || 'k' in jwk)
    throw new InvalidProofError('jwk is not a public key');
  const key = await importJWK(jwk, alg);
  // An extension may change what the payload is, such as `b64` (RFC 7797).
  const verify = crit === undefined && !(key instanceof Uint8Array) ? verifiers?.(key, alg) : undefined;
  return { key, jkt: await calculateJwkThumbprint(jwk), verify };
}
