/**
 * What the default ladder's levels mean, written from the rules by brute force and sharing no code with the domain:
 * every set of one or two proofs is looked at by itself.
 */
import type { CredentialFacts, Proof } from '../../src/domain/proofs.ts';

export interface Evidence {
  readonly proofs: readonly Proof[];
  readonly credentials: readonly CredentialFacts[];
  readonly transaction: string;
  readonly client: string;
  readonly now: number;
  readonly maxAge?: number;
  readonly thisTransactionOnly?: boolean;
}

/** Weakest first. */
export const ladder = ['urn:stile:acr:1fa', 'urn:stile:acr:mfa', 'phr', 'phrh'] as const;
export type Acr = (typeof ladder)[number];

/** The latest auth_time any set of proofs can carry at the level; undefined: no set reaches it. */
export function latestAuthTime(acr: Acr, evidence: Evidence): number | undefined {
  const counted = evidence.proofs.filter((proof) => counts(proof, acr, evidence));
  const times: number[] = [];
  for (const first of counted) {
    for (const second of [undefined, ...counted]) {
      if (second === first) continue;
      const anchors = anchorsOf(acr, first, second, evidence);
      if (anchors?.every((anchor) => isFresh(anchor, evidence))) {
        times.push(Math.min(...anchors.map((anchor) => anchor.at ?? 0)));
      }
    }
  }
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** All acr values some set of proofs reaches. */
export function reached(evidence: Evidence): Acr[] {
  return ladder.filter((acr) => latestAuthTime(acr, evidence) !== undefined);
}

function counts(proof: Proof, acr: Acr, evidence: Evidence): boolean {
  const { credentials, client } = evidence;
  if (proof.credentialId !== undefined && !credentials.some((each) => each.id === proof.credentialId))
    return false;
  if (evidence.thisTransactionOnly && !madeHere(proof, evidence)) return false;
  const perClient = acr === 'phr' || acr === 'phrh';
  return !(perClient && proof.forClient !== undefined && proof.forClient !== client);
}

function madeHere(proof: Proof, evidence: Evidence): boolean {
  return proof.transaction === evidence.transaction && proof.at !== null;
}

function isFresh(proof: Proof, evidence: Evidence): boolean {
  const { maxAge, now } = evidence;
  if (maxAge === undefined || madeHere(proof, evidence)) return true;
  if (proof.at === null) return false;
  const left = maxAge - (now - proof.at);
  return left >= 10 || left * 10 >= maxAge;
}

/** The anchors of a pair taken as first and second factor, or of the first alone; undefined: not this level. */
function anchorsOf(
  acr: Acr,
  first: Proof,
  second: Proof | undefined,
  evidence: Evidence,
): Proof[] | undefined {
  const passkey = (proof: Proof): boolean => proof.method === 'passkey' && isGoodFor(acr, proof, evidence);
  if (acr === 'urn:stile:acr:1fa') {
    return !second && ['password', 'passkey', 'email', 'federated'].includes(first.method)
      ? [first]
      : undefined;
  }
  if (!second) return passkey(first) && first.userVerified ? [first] : undefined;
  const device = acr === 'urn:stile:acr:mfa' ? passkey(second) || second.method === 'totp' : passkey(second);
  if (first.method === 'password' && device) return [second];
  if (first.method === 'federated' && device && acr === 'urn:stile:acr:mfa') return [first, second];
  return undefined;
}

/** phrh wants a key in attested hardware, by what is known of it now. */
function isGoodFor(acr: Acr, proof: Proof, { credentials }: Evidence): boolean {
  if (acr !== 'phrh') return true;
  const key = credentials.find((each) => each.id === proof.credentialId);
  return key?.hardwareProtected === true && !key.synced;
}
