/** Proofs of possession of a key (RFC 9449 4.3). */
import { base64url } from 'jose';
import { createBounded } from './bounded.ts';
import { InvalidProofError, ReplaysUnavailableError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import {
  headerOf,
  type Proof,
  type ProofKey,
  type ProofVerifiers,
  verifySignature,
} from './proof-signature.ts';
import type { ReplayStore } from './replay.ts';
import { andThen, type Soon } from './soon.ts';

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

/** Ends for a proof that holds, once. @throws InvalidProofError; InvalidTokenError for the proof of another key. */
export type CheckProof = (facts: ProofFacts) => Soon<void>;

export function createProofs(input: ProofsInput): CheckProof {
  const keys = createBounded<ProofKey>(KEYS_KEPT);
  const hashOf = createHashes();
  return (facts) => {
    const header = headerOf(facts.proof);
    const known = keys.get(header);
    return andThen(verifySignature(facts, input, known), (proof) =>
      andThen(hashOf(facts), (ath) => {
        const jti = checkClaims(proof, facts, ath);
        return andThen(freshUntil(proof.payload, input), (until) =>
          andThen(isNew(input.replays, `${facts.jkt}.${jti}`, until), (unused) => {
            if (!unused) throw new InvalidProofError('the proof was used before');
            // The header is the same text for each proof of a client. Kept for proofs that hold only: else anybody fills the memory.
            if (!known) keys.set(header, proof.key);
          }),
        );
      }),
    );
  };
}

/** What a proof says of the request and its token (RFC 9449 4.3 checks 8, 9 and 12); its `jti`. */
function checkClaims({ payload }: Proof, { method, url }: ProofFacts, tokenHash: string): string {
  const { jti, htm, htu, ath } = payload;
  if (htm !== method) throw new InvalidProofError('htm is another method');
  if (typeof htu !== 'string' || !sameTarget(htu, url)) throw new InvalidProofError('htu is another address');
  if (ath !== tokenHash) throw new InvalidProofError('ath is of another token');
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI)
    throw new InvalidProofError('jti is missing or too long');
  return jti;
}

/** How long the proof could be used, and so has to be remembered: by its nonce, or by `iat` where none is asked for. */
function freshUntil(payload: Proof['payload'], input: ProofsInput): Soon<number> {
  const { nonces, now, clockTolerance } = input;
  const { iat, nonce } = payload;
  if (typeof iat !== 'number') throw new InvalidProofError('iat is missing');
  if (nonces) {
    return andThen(nonces.endOf(nonce), (end) => {
      if (end === undefined) throw new InvalidProofError('the nonce is missing or too old', 'use_dpop_nonce');
      return end;
    });
  }
  const age = now() - iat;
  if (age > PROOF_AGE + clockTolerance || age < -clockTolerance)
    throw new InvalidProofError('iat is not of now');
  return iat + PROOF_AGE + clockTolerance;
}

function isNew(replays: ReplayStore, key: string, until: number): Soon<boolean> {
  const fail = (error: unknown) => {
    throw new ReplaysUnavailableError(error instanceof Error ? error.message : 'unknown', { cause: error });
  };
  try {
    const unused = replays.use(key, until);
    // A promise of any make: taken for a value, it would let every proof count again.
    return typeof unused === 'boolean' ? unused : Promise.resolve(unused).then((is) => is === true, fail);
  } catch (error) {
    return fail(error);
  }
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
