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
import { InvalidProofError, InvalidTokenError, ReplaysUnavailableError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import type { ReplayStore } from './replay.ts';

/** Seconds a proof without a nonce is good for. */
const PROOF_AGE = 60;
const KEYS_KEPT = 10_000;
const LONGEST_JTI = 256;

export interface ProofFacts {
  readonly proof: string | undefined;
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** The access token the proof comes with. */
  readonly token: string;
  /** The thumbprint the token is bound to. */
  readonly jkt: string;
}

export interface ProofsInput {
  readonly algorithms: readonly string[];
  readonly clockTolerance: number;
  readonly nonces: Nonces | undefined;
  readonly replays: ReplayStore;
  /** Epoch seconds. */
  readonly now: () => number;
}

interface ProofKey {
  readonly key: CryptoKey | Uint8Array;
  readonly jkt: string;
}

/** Resolves for a proof that holds, once. @throws InvalidProofError; InvalidTokenError for the proof of another key. */
export type CheckProof = (facts: ProofFacts) => Promise<void>;

export function createProofs(input: ProofsInput): CheckProof {
  const keys = createBounded<ProofKey>(KEYS_KEPT);
  return async ({ proof, method, url, token, jkt }) => {
    if (!proof) throw new InvalidProofError('no proof');
    const { payload, key } = await verify(proof, input.algorithms, keys);
    if (key.jkt !== jkt) throw new InvalidTokenError('bound to another key than that of the proof');
    const { jti, htm, htu, ath } = payload;
    if (htm !== method) throw new InvalidProofError('htm is another method');
    if (typeof htu !== 'string' || !sameTarget(htu, url))
      throw new InvalidProofError('htu is another address');
    if (ath !== (await hash(token))) throw new InvalidProofError('ath is of another token');
    if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
      throw new InvalidProofError('jti is missing or too long');
    const until = await freshUntil(payload, input);
    if (!(await isNew(input.replays, `${jkt}.${jti}`, until)))
      throw new InvalidProofError('the proof was used before');
  };
}

/** The signature, by the key in the header; that is the same text for each proof of a client, so it is read once. */
async function verify(
  proof: string,
  algorithms: readonly string[],
  keys: ReturnType<typeof createBounded<ProofKey>>,
) {
  const header = proof.slice(0, Math.max(proof.indexOf('.'), 0));
  try {
    const key = keys.get(header) ?? (await readKey(proof, algorithms));
    const { payload } = await compactVerify(proof, key.key, { algorithms: [...algorithms] });
    keys.set(header, key);
    return { key, payload: JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown> };
  } catch (error) {
    throw new InvalidProofError(error instanceof Error ? error.message : 'unreadable');
  }
}

async function readKey(proof: string, algorithms: readonly string[]): Promise<ProofKey> {
  const { typ, alg, jwk } = decodeProtectedHeader(proof);
  if (typ !== 'dpop+jwt') throw new InvalidProofError('typ is not dpop+jwt');
  if (alg === undefined || !algorithms.includes(alg)) throw new InvalidProofError('alg is not accepted');
  if (typeof jwk !== 'object' || 'd' in jwk || 'k' in jwk)
    throw new InvalidProofError('jwk is not a public key');
  return { key: await importJWK(jwk, alg), jkt: await calculateJwkThumbprint(jwk) };
}

/** How long the proof could be used, and so has to be remembered: by its nonce, or by `iat` where none is asked for. */
async function freshUntil(payload: Record<string, unknown>, input: ProofsInput): Promise<number> {
  const { nonces, now, clockTolerance } = input;
  const { iat, nonce } = payload;
  if (typeof iat !== 'number') throw new InvalidProofError('iat is missing');
  if (nonces) {
    const end = await nonces.endOf(nonce);
    if (end === undefined) throw new InvalidProofError('the nonce is missing or too old', 'use_dpop_nonce');
    return end;
  }
  const age = now() - iat;
  if (age > PROOF_AGE + clockTolerance || age < -clockTolerance)
    throw new InvalidProofError('iat is not of now');
  return iat + PROOF_AGE + clockTolerance;
}

async function isNew(replays: ReplayStore, key: string, until: number): Promise<boolean> {
  try {
    return await replays.use(key, until);
  } catch (error) {
    throw new ReplaysUnavailableError(error instanceof Error ? error.message : 'unknown', { cause: error });
  }
}

/** Without query and fragment, after the URL's own normalisation (RFC 9449 4.3 check 9). */
function sameTarget(htu: string, url: string): boolean {
  if (!URL.canParse(htu) || !URL.canParse(url)) return false;
  const [stated, called] = [new URL(htu), new URL(url)];
  return stated.origin === called.origin && stated.pathname === called.pathname;
}

async function hash(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return base64url.encode(new Uint8Array(digest));
}
