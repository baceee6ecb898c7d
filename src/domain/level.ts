/**
 * One level: an `acr` and the alternatives that satisfy it, slot by slot.
 */
import { type CredentialFacts, isHardware, type Kind, type Method, type Proof } from './proofs.ts';

/** One proof an alternative asks for; every condition given must hold. */
export interface Slot {
  readonly method?: readonly Method[];
  readonly kind?: Kind;
  readonly phishingResistant?: true;
  readonly userVerified?: true;
  readonly hardwareProtected?: true;
  /** Anchors carry `auth_time` and are what `max_age` limits. Default: every slot but knowledge. */
  readonly anchor?: boolean;
}

/** Nobody is asked for more proofs than this at once. */
export const MOST_PROOFS = 3;

/** One proof for each slot, each by another credential: the same key touched twice is one piece of evidence. */
export interface Alternative {
  readonly slots: readonly Slot[];
}

export interface Level {
  readonly acr: string;
  readonly alternatives: readonly Alternative[];
  /** Seconds for which proofs that are not anchors count. */
  readonly maxAge?: number;
  /** `all`: every proof is an anchor. */
  readonly freshness?: 'anchors' | 'all';
  /** The level pauses after this many idle seconds until one of the methods is proved again. */
  readonly idle?: { readonly after: number; readonly resumeWith: readonly Method[] };
  /** Seconds after auth_time at which the level and its tokens end. Default: `maxAge`. 0: no refresh token. */
  readonly tokensFor?: number;
  /** Proofs added by a step-up serve only the client that asked. */
  readonly perClient: boolean;
  /** Device and CIBA grants may carry this level. */
  readonly crossDevice: boolean;
  /** Only credentials bound at this level or above count as anchors. */
  readonly requiresBinding?: string;
  /** Other names for the level; a request's own spelling is echoed. */
  readonly aliases: readonly string[];
  /** Not part of the order: may hold without the levels declared before it. */
  readonly unordered?: boolean;
}

/** Seconds after auth_time at which a level and its tokens end; undefined: they do not. 0 only refuses renewal. */
export function lifetimeOf({ tokensFor, maxAge }: Pick<Level, 'tokensFor' | 'maxAge'>): number | undefined {
  return tokensFor === 0 ? maxAge : (tokensFor ?? maxAge);
}

/** The level an acr value or alias names. */
export function findLevel(levels: readonly Level[], acr: string): Level | undefined {
  return levels.find((level) => level.acr === acr || level.aliases.includes(acr));
}

/** Position of a level in the order; -1 for null or an unknown value. */
export function rank(levels: readonly Level[], acr: string | null): number {
  return acr === null ? -1 : levels.findIndex((level) => level.acr === acr || level.aliases.includes(acr));
}

/** The acr and aliases of the weakest level. */
export function weakestNames([weakest]: readonly Pick<Level, 'acr' | 'aliases'>[]): readonly string[] {
  return weakest ? [weakest.acr, ...weakest.aliases] : [];
}

/**
 * Whether a credential bound at `held` counts where binding at `required` is asked. The order says nothing about
 * unordered levels, so those count only where they are named themselves.
 */
export function isBoundAt(levels: readonly Level[], held: string | null, required: string): boolean {
  const have = held === null ? undefined : findLevel(levels, held);
  const need = findLevel(levels, required);
  if (!have || !need) return false;
  if (have === need) return true;
  return !have.unordered && !need.unordered && levels.indexOf(have) > levels.indexOf(need);
}

/** Does this proof, by today's facts about its credential, fill the slot? An administrator's code fills none. */
export function fills(slot: Slot, proof: Proof, credential: CredentialFacts | undefined): boolean {
  return (
    proof.method !== 'admin_code' &&
    (slot.method === undefined || slot.method.includes(proof.method)) &&
    (slot.kind === undefined || proof.kinds.includes(slot.kind)) &&
    (!slot.phishingResistant || proof.phishingResistant) &&
    (!slot.userVerified || proof.userVerified) &&
    (!slot.hardwareProtected || isHardware(credential))
  );
}

/** Which slots of an alternative are anchors: by default all but knowledge; all, if there is nothing else. */
export function anchorsOf(alternative: Alternative, level: Pick<Level, 'freshness'>): readonly boolean[] {
  if (level.freshness === 'all') return alternative.slots.map(() => true);
  const marked = alternative.slots.map((slot) => slot.anchor ?? !isKnowledge(slot));
  return marked.some(Boolean) ? marked : alternative.slots.map(() => true);
}

function isKnowledge(slot: Slot): boolean {
  return slot.kind === 'knowledge' || (slot.method?.every((method) => method === 'password') ?? false);
}
