/**
 * Whether a level holds: the best set of proofs that fills one of its alternatives.
 */
import { type Alternative, anchorsOf, fills, isBoundAt, type Level, lifetimeOf } from './level.ts';
import type { CredentialFacts, Proof } from './proofs.ts';

/** Seconds: at the age that a level names itself it has ended, as its tokens have. A `max_age` includes its last second. */
const LAST = 1;

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
  /** Epoch seconds of the oldest anchor; 0 where its age is unknown. */
  readonly authTime: number;
}

/** `bestSet` of each level, worked out once. */
export function holdings(pool: Pool): (level: Level) => ProofSet | undefined {
  const known = new Map<Level, ProofSet | undefined>();
  const pruned = { ...pool, proofs: undominated(pool.proofs, pool.transaction.id) };
  return (level) => {
    if (!known.has(level)) known.set(level, bestSet(level, pruned));
    return known.get(level);
  };
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
      (!ownOnly || isOwn(proof, pool.transaction.id)) &&
      (!level.perClient || proof.forClient === undefined || proof.forClient === pool.transaction.clientId) &&
      isBacked(proof, pool.credentials),
  );
}

/** Made in this transaction, at a known time. */
function isOwn(proof: Proof, transaction: string): boolean {
  return proof.transaction === transaction && proof.at !== null;
}

/** Its credential, if it was made with one, is still trusted. */
function isBacked(proof: Proof, credentials: readonly CredentialFacts[]): boolean {
  return proof.credentialId === undefined || credentialOf(proof, credentials) !== undefined;
}

function credentialOf(proof: Proof, credentials: readonly CredentialFacts[]): CredentialFacts | undefined {
  return credentials.find(({ id }) => id === proof.credentialId);
}

/**
 * Leaves out each proof that a later one of the same sort by the same credential surpasses in every respect a set is
 * judged by. The best set is the same without them, and a long session costs no more than a short one.
 */
export function undominated(proofs: readonly Proof[], transaction: string): readonly Proof[] {
  if (proofs.length < 2) return proofs;
  const latest = new Map<string, number>();
  return [...proofs]
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .filter((proof) => {
      const sort = sortOf(proof, transaction);
      const at = proof.at ?? Number.NEGATIVE_INFINITY;
      const before = latest.get(sort);
      if (before !== undefined && before >= at) return false;
      latest.set(sort, at);
      return true;
    });
}

function sortOf(proof: Proof, transaction: string): string {
  const { kinds, phishingResistant, userVerified, forClient = '' } = proof;
  const own = isOwn(proof, transaction);
  return `${own} ${phishingResistant} ${userVerified} ${kinds.join()} ${sourceOf(proof)} ${forClient}`;
}

/** What a proof is evidence of possession or knowledge of: two proofs of one source fill only one slot. */
function sourceOf({ method, credentialId, upstream }: Proof): string {
  return credentialId ?? `${method} ${upstream?.issuer ?? ''}`;
}

/** Every way to fill the alternative's slots, each from a source of its own, with proofs that are fresh enough. */
function setsOf(level: Level, alternative: Alternative, usable: readonly Proof[], pool: Pool): ProofSet[] {
  const anchored = anchorsOf(alternative, level);
  const candidates = alternative.slots.map((slot, index) =>
    usable.filter(
      (proof) =>
        fills(slot, proof, credentialOf(proof, pool.credentials)) &&
        (anchored[index] ? anchorCounts(level, proof, pool) : isFresh(proof, level.maxAge, LAST, pool)),
    ),
  );
  return assignments(candidates).map((proofs) => {
    const anchors = proofs.filter((_, index) => anchored[index]);
    return { proofs, anchors, authTime: Math.min(...anchors.map(({ at }) => at ?? 0)) };
  });
}

function anchorCounts(level: Level, proof: Proof, pool: Pool): boolean {
  const margin = pool.maxAge === undefined ? 0 : Math.min(10, pool.maxAge / 10);
  // A level whose tokens would have ended before they were issued is not held.
  return (
    isFresh(proof, pool.maxAge, margin, pool) &&
    isFresh(proof, lifetimeOf(level), LAST, pool) &&
    isBound(level, proof, pool)
  );
}

/** Stale when age > maxAge − margin. A proof of this transaction is fresh in it, however slowly one types. */
function isFresh(proof: Proof, maxAge: number | undefined, margin: number, pool: Pool): boolean {
  if (maxAge === undefined) return true;
  if (proof.at === null) return false;
  return isOwn(proof, pool.transaction.id) || pool.now - proof.at <= maxAge - margin;
}

function isBound(level: Level, proof: Proof, pool: Pool): boolean {
  if (level.requiresBinding === undefined) return true;
  const boundAt = credentialOf(proof, pool.credentials)?.boundAt ?? null;
  return isBoundAt(pool.levels, boundAt, level.requiresBinding);
}

function assignments(candidates: readonly (readonly Proof[])[]): Proof[][] {
  const [head, ...rest] = candidates;
  if (!head) return [[]];
  const tails = assignments(rest);
  return head.flatMap((proof) =>
    tails
      .filter((tail) => tail.every((other) => sourceOf(other) !== sourceOf(proof)))
      .map((tail) => [proof, ...tail]),
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

/** What the idle rule looks at. Without `credentials` every proof is taken to be backed by one. */
export type IdleFacts = Pick<Pool, 'proofs' | 'transaction' | 'now'> & Partial<Pick<Pool, 'credentials'>>;

/** The session sat idle for longer than the level allows and nothing has resumed it since. */
export function isPaused(level: Level, pool: IdleFacts): boolean {
  const { proofs, credentials, transaction, now } = pool;
  const lastActive = lastActiveAt(level, transaction.lastActive);
  if (!level.idle || lastActive === undefined) return false;
  const { after, resumeWith } = level.idle;
  const resuming = proofs.filter(
    (proof) => resumeWith.includes(proof.method) && (!credentials || isBacked(proof, credentials)),
  );
  if (resuming.some((proof) => isOwn(proof, transaction.id))) return false;
  return now - Math.max(lastActive, ...resuming.map(({ at }) => at ?? 0)) > after;
}

function lastActiveAt({ acr }: Level, times: Pool['transaction']['lastActive'] = {}): number | undefined {
  return Object.hasOwn(times, acr) ? times[acr] : undefined;
}

/**
 * Activity to remember after an authorization: now, for each level with `idle` that is not paused. A paused level
 * keeps its old time, so that use at a weaker level does not resume it.
 */
export function activity(levels: readonly Level[], pool: IdleFacts): Readonly<Record<string, number>> {
  const active = levels.filter((level) => level.idle && !isPaused(level, pool));
  return Object.fromEntries(active.map(({ acr }) => [acr, pool.now]));
}
