/** Proofs of possession of a key (RFC 9449 4.3). */
import {
  base64url,
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  decodeProtectedHeader,
  importJWK,
} from 'jose';
import { createBounded } from './bounded.ts';
import { InvalidProofError, InvalidTokenError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import type { ReplayStore } from './replay.ts';
import { andThen, type Soon } from './soon.ts';

/** Seconds a proof without a nonce is good for. */
const PROOF_AGE = 60;
const KEYS_KEPT = 10_000;
const LONGEST_JTI = 256;

/**
 * Verifies the signature of compact JWS by one key: the payload's text, or undefined where the signature does not hold.
 * Only the signature is its business: a proof gets here when its header, letter by letter, is that of an earlier proof
 * that was verified in every respect.
 */
export type ProofVerifier = (jws: string) => string | undefined;

/** A verifier for a public key and its JWS algorithm; undefined: the default is to be used. */
export type ProofVerifiers = (key: CryptoKey, alg: string) => ProofVerifier | undefined;

export interface ProofFacts {
  readonly proof: string | undefined;
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** The access token the proof comes with. */
  readonly token: string;
  /** As what it was read; the same object while it is remembered. */
  readonly read: object;
  /** The thumbprint the token is bound to. */
  readonly jkt: string;
}

export interface ProofsInput {
  readonly algorithms: readonly string[];
  readonly clockTolerance: number;
  readonly nonces: Nonces | undefined;
  readonly replays: ReplayStore;
  readonly verifiers: ProofVerifiers | undefined;
  /** Epoch seconds. */
  readonly now: () => number;
}

interface ProofKey {
  readonly key: CryptoKey | Uint8Array;
  readonly jkt: string;
  /** For the proofs after the first. */
  readonly verify: ProofVerifier | undefined;
}

interface Proof {
  readonly key: ProofKey;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Ends for a proof that holds, once. @throws InvalidProofError; InvalidTokenError for the proof of another key. */
export type CheckProof = (facts: ProofFacts) => Soon<void>;

export function createProofs(input: ProofsInput): CheckProof {
  const keys = createBounded<ProofKey>(KEYS_KEPT);
  const hashOf = createHashes();
  return (facts) => {
    if (!facts.proof) throw new InvalidProofError('no proof');
    return andThen(verify(facts.proof, input, keys), (proof) =>
      andThen(hashOf(facts), (ath) => {
        const jti = checkClaims(proof, facts, ath);
        return andThen(freshUntil(proof.payload, input), (until) =>
          andThen(input.replays.use(`${facts.jkt}.${jti}`, until), (unused) => {
            if (!unused) throw new InvalidProofError('the proof was used before');
          }),
        );
      }),
    );
  };
}

/** What a proof says of the request and its token (RFC 9449 4.3 checks 8, 9 and 12); its `jti`. */
function checkClaims({ key, payload }: Proof, { method, url, jkt }: ProofFacts, tokenHash: string): string {
  if (key.jkt !== jkt) throw new InvalidTokenError('bound to another key than that of the proof');
  const { jti, htm, htu, ath } = payload;
  if (htm !== method) throw new InvalidProofError('htm is another method');
  if (typeof htu !== 'string' || !sameTarget(htu, url)) throw new InvalidProofError('htu is another address');
  if (ath !== tokenHash) throw new InvalidProofError('ath is of another token');
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
    throw new InvalidProofError('jti is missing or too long');
  return jti;
}

/** The signature, by the key in the header; that is the same text for each proof of a client, so it is read once. */
function verify(
  proof: string,
  input: ProofsInput,
  keys: ReturnType<typeof createBounded<ProofKey>>,
): Soon<Proof> {
  const header = proof.slice(0, Math.max(proof.indexOf('.'), 0));
  const known = keys.get(header);
  if (known?.verify) return { key: known, payload: readPayload(known.verify(proof)) };
  return verifyWhole(proof, input, known).then((verified) => {
    if (!known) keys.set(header, verified.key);
    return verified;
  });
}

/** Every step of RFC 7515 5.2: the header, too, which another verifier does not look at. */
async function verifyWhole(
  proof: string,
  { algorithms, verifiers }: ProofsInput,
  known: ProofKey | undefined,
): Promise<Proof> {
  try {
    const key = known ?? (await readKey(proof, algorithms, verifiers));
    const { payload } = await compactVerify(proof, key.key, { algorithms: [...algorithms] });
    return { key, payload: readPayload(new TextDecoder().decode(payload)) };
  } catch (error) {
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

/** How long the proof could be used, and so has to be remembered: by its nonce, or by `iat` where none is asked for. */
function freshUntil(payload: Proof['payload'], input: ProofsInput): Soon<number> {
  const { nonces, now, clockTolerance } = input;
  const { iat, nonce } = payload;
  if (typeof iat !== 'number') throw new InvalidProofError('iat is missing');
  if (nonces) {
    return andThen(nonces.accepts(nonce), (accepted) => {
      if (!accepted) throw new InvalidProofError('the nonce is missing or too old', 'use_dpop_nonce');
      return now() + nonces.lifetime;
    });
  }
  const age = now() - iat;
  if (age > PROOF_AGE + clockTolerance || age < -clockTolerance)
    throw new InvalidProofError('iat is not of now');
  return iat + PROOF_AGE + clockTolerance;
}

/** Without query and fragment, after the URL's own normalisation (RFC 9449 4.3 check 9). */
function sameTarget(htu: string, url: string): boolean {
  if (!URL.canParse(htu) || !URL.canParse(url)) return false;
  if (htu === url) return true;
  const [stated, called] = [new URL(htu), new URL(url)];
  return stated.origin === called.origin && stated.pathname === called.pathname;
}

/** The `ath` of a token (RFC 9449 4.2), worked out once while the token is remembered. */
function createHashes(): (facts: ProofFacts) => Soon<string> {
  const made = new WeakMap<object, string>();
  const make = async ({ token, read }: ProofFacts): Promise<string> => {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
    const hash = base64url.encode(new Uint8Array(digest));
    made.set(read, hash);
    return hash;
  };
  return (facts) => made.get(facts.read) ?? make(facts);
}
