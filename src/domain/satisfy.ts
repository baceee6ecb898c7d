/**
 * Whether a level holds: the best set of proofs that fills one of its alternatives.
 */
import { type Alternative, anchorsOf, fills, type Level, rank } from './ladder.ts';
import type { CredentialFacts, Proof } from './proofs.ts';

/** The proofs to choose from, and what limits them. */
export interface Pool {
  readonly proofs: readonly Proof[];
  readonly credentials: readonly CredentialFacts[];
  /** Count only proofs of this transaction. */
  readonly reauthenticate: boolean;
  /** Seconds; limits anchors. */
  readonly maxAge?: number;
  readonly transaction: {
    readonly id: string;
    readonly clientId: string;
    readonly lastActive?: Readonly<Record<string, number>>;
  };
  readonly levels: readonly Level[];
  /** Epoch seconds. */
  readonly now: number;
}

export interface ProofSet {
  readonly proofs: readonly Proof[];
  /** Those of the proofs that carry auth_time. */
  readonly anchors: readonly Proof[];
  /** Epoch seconds of the oldest anchor. */
  readonly authTime: number;
}

/** The best set by latest auth_time, then fewest proofs, then highest proof id; undefined: the level is not held. */
export function bestSet(level: Level, pool: Pool): ProofSet | undefined {
  const usable = usableProofs(level, pool);
  let best: ProofSet | undefined;
  for (const alternative of level.alternatives) {
    for (const set of setsOf(level, alternative, usable, pool)) {
      if (!best || isBetter(set, best)) best = set;
    }
  }
  return best;
}

/** Proofs that count towards a level at all, before their age is looked at. */
function usableProofs(level: Level, pool: Pool): readonly Proof[] {
  const ownOnly = pool.reauthenticate || isPaused(level, pool);
  return pool.proofs.filter(
    (proof) =>
      (!ownOnly || isOwn(proof, pool)) &&
      (!level.perClient || proof.forClient === undefined || proof.forClient === pool.transaction.clientId) &&
      (proof.credentialId === undefined || credentialOf(proof, pool) !== undefined),
  );
}

/** Made in this transaction, at a known time. */
function isOwn(proof: Proof, pool: Pool): boolean {
  return proof.transaction === pool.transaction.id && proof.at !== null;
}

/** The session sat idle for longer than the level allows and nothing has resumed it since. */
function isPaused(level: Level, pool: Pool): boolean {
  const lastActive = pool.transaction.lastActive?.[level.acr];
  if (!level.idle || lastActive === undefined) return false;
  const { after, resumeWith } = level.idle;
  const resumed = pool.proofs.flatMap(({ method, at }) => (resumeWith.includes(method) ? [at ?? 0] : []));
  return pool.now - Math.max(lastActive, ...resumed) > after;
}

function credentialOf(proof: Proof, pool: Pool): CredentialFacts | undefined {
  return pool.credentials.find(({ id }) => id === proof.credentialId);
}

/** Every way to fill the alternative's slots with distinct proofs that are fresh enough. */
function setsOf(level: Level, alternative: Alternative, usable: readonly Proof[], pool: Pool): ProofSet[] {
  const anchored = anchorsOf(alternative, level);
  const candidates = alternative.slots.map((slot, index) =>
    usable.filter(
      (proof) =>
        fills(slot, proof, credentialOf(proof, pool)) &&
        (anchored[index] ? anchorCounts(level, proof, pool) : isFresh(proof, level.maxAge, 0, pool)),
    ),
  );
  return assignments(candidates).map((proofs) => {
    const anchors = proofs.filter((_, index) => anchored[index]);
    return { proofs, anchors, authTime: Math.min(...anchors.map(({ at }) => at ?? 0)) };
  });
}

function anchorCounts(level: Level, proof: Proof, pool: Pool): boolean {
  const margin = pool.maxAge === undefined ? 0 : Math.min(10, pool.maxAge / 10);
  return isFresh(proof, pool.maxAge, margin, pool) && isBound(level, proof, pool);
}

/** Stale when age > maxAge − margin. A proof of this transaction is fresh in it, however slowly one types. */
function isFresh(proof: Proof, maxAge: number | undefined, margin: number, pool: Pool): boolean {
  if (maxAge === undefined) return true;
  if (proof.at === null) return false;
  return isOwn(proof, pool) || pool.now - proof.at <= maxAge - margin;
}

function isBound(level: Level, proof: Proof, pool: Pool): boolean {
  if (level.requiresBinding === undefined) return true;
  const boundAt = credentialOf(proof, pool)?.boundAt ?? null;
  return rank(pool.levels, boundAt) >= rank(pool.levels, level.requiresBinding);
}

function assignments(candidates: readonly (readonly Proof[])[]): Proof[][] {
  const [head, ...rest] = candidates;
  if (!head) return [[]];
  const tails = assignments(rest);
  return head.flatMap((proof) =>
    tails.filter((tail) => !tail.includes(proof)).map((tail) => [proof, ...tail]),
  );
}

function isBetter(a: ProofSet, b: ProofSet): boolean {
  if (a.authTime !== b.authTime) return a.authTime > b.authTime;
  if (a.proofs.length !== b.proofs.length) return a.proofs.length < b.proofs.length;
  return idKey(a) > idKey(b);
}

function idKey(set: ProofSet): string {
  return set.proofs
    .map(({ id }) => id)
    .sort()
    .reverse()
    .join(' ');
}
