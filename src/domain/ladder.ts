/**
 * Levels: an `acr` and the alternatives that satisfy it. Declared in configuration, weakest first.
 */
import type { CredentialFacts, Kind, Method, Proof } from './proofs.ts';

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

/** Distinct proofs, one for each slot. */
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
  /** Seconds after auth_time for which tokens at this level may be renewed; 0: no refresh token. */
  readonly tokensFor?: number;
  /** Proofs added by a step-up serve only the client that asked. */
  readonly perClient: boolean;
  /** Device and CIBA grants may carry this level. */
  readonly crossDevice: boolean;
  /** Only credentials bound at this level or above count. */
  readonly requiresBinding?: string;
  /** Other names for the level; a request's own spelling is echoed. */
  readonly aliases: readonly string[];
  /** Not part of the order: may hold without the levels declared before it. */
  readonly unordered?: boolean;
}

export const ACR_1FA = 'urn:stile:acr:1fa';
export const ACR_MFA = 'urn:stile:acr:mfa';
export const ACR_PHR = 'phr';
export const ACR_PHRH = 'phrh';

const hardware = { hardwareProtected: true } as const;
const resistant = { kind: 'possession', phishingResistant: true } as const;

/** The ladder a configuration without `levels` has. */
export const defaultLevels: readonly Level[] = [
  {
    acr: ACR_1FA,
    alternatives: (['password', 'passkey', 'email', 'federated'] as const).map((method) => ({
      slots: [{ method: [method] }],
    })),
    perClient: false,
    crossDevice: true,
    aliases: [],
  },
  {
    acr: ACR_MFA,
    alternatives: [
      { slots: [{ kind: 'possession', userVerified: true }] },
      { slots: [{ kind: 'knowledge' }, { kind: 'possession' }] },
      { slots: [{ kind: 'external' }, { kind: 'possession' }] },
    ],
    perClient: false,
    crossDevice: true,
    aliases: [],
  },
  {
    acr: ACR_PHR,
    alternatives: [
      { slots: [{ ...resistant, userVerified: true }] },
      { slots: [{ kind: 'knowledge' }, resistant] },
    ],
    perClient: true,
    crossDevice: false,
    aliases: [],
  },
  {
    acr: ACR_PHRH,
    alternatives: [
      { slots: [{ ...resistant, ...hardware, userVerified: true }] },
      { slots: [{ kind: 'knowledge' }, { ...resistant, ...hardware }] },
    ],
    perClient: true,
    crossDevice: false,
    aliases: [],
  },
];

/** The level an acr value or alias names. */
export function findLevel(levels: readonly Level[], acr: string): Level | undefined {
  return levels.find((level) => level.acr === acr || level.aliases.includes(acr));
}

/** Does this proof, by today's facts about its credential, fill the slot? */
export function fills(slot: Slot, proof: Proof, credential: CredentialFacts | undefined): boolean {
  return (
    (slot.method === undefined || slot.method.includes(proof.method)) &&
    (slot.kind === undefined || proof.kinds.includes(slot.kind)) &&
    (!slot.phishingResistant || proof.phishingResistant) &&
    (!slot.userVerified || proof.userVerified) &&
    (!slot.hardwareProtected || (credential?.hardwareProtected === true && credential.synced !== true))
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

/** Faults in a ladder, each a sentence that names the level. Empty: the ladder is sound. */
export function ladderFaults(levels: readonly Level[]): string[] {
  return [...nameFaults(levels), ...bindingFaults(levels), ...orderFaults(levels)];
}

function nameFaults(levels: readonly Level[]): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const level of levels) {
    for (const name of [level.acr, ...level.aliases]) {
      if (seen.has(name)) faults.push(`level ${level.acr}: the name "${name}" is used twice`);
      seen.add(name);
    }
    const reserved = level.aliases.filter((alias) => alias === ACR_PHR || alias === ACR_PHRH);
    for (const alias of reserved) faults.push(`level ${level.acr}: "${alias}" may not be an alias`);
    if (level.alternatives.length === 0) faults.push(`level ${level.acr}: no alternatives`);
    if (level.alternatives.some(({ slots }) => slots.length === 0)) {
      faults.push(`level ${level.acr}: an alternative without slots would hold without any proof`);
    }
  }
  return faults;
}

function bindingFaults(levels: readonly Level[]): string[] {
  return levels
    .filter(({ requiresBinding }) => requiresBinding !== undefined && !findLevel(levels, requiresBinding))
    .map(({ acr, requiresBinding }) => `level ${acr}: requiresBinding names no level "${requiresBinding}"`);
}

function orderFaults(levels: readonly Level[]): string[] {
  return levels.flatMap((stronger, index) =>
    stronger.unordered
      ? []
      : levels
          .slice(0, index)
          .filter((weaker) => !weaker.unordered && !implies(stronger, weaker, levels))
          .map(
            (weaker) =>
              `level ${stronger.acr}: can hold without the weaker ${weaker.acr}; reorder them or declare it unordered`,
          ),
  );
}

/** Whether every way to hold `stronger` is also a way to hold `weaker`, whoever asks and whatever the age. */
export function implies(stronger: Level, weaker: Level, levels: readonly Level[]): boolean {
  if (stronger.acr === weaker.acr) return true;
  return (
    (weaker.perClient ? stronger.perClient : true) &&
    idleImplies(stronger, weaker) &&
    bindingImplies(stronger, weaker, levels) &&
    stronger.alternatives.every((from) =>
      weaker.alternatives.some((to) => alternativeImplies(stronger, from, weaker, to)),
    )
  );
}

function idleImplies(stronger: Level, weaker: Level): boolean {
  if (!weaker.idle) return true;
  if (!stronger.idle) return false;
  const { after, resumeWith } = weaker.idle;
  return (
    stronger.idle.after <= after && stronger.idle.resumeWith.every((method) => resumeWith.includes(method))
  );
}

function bindingImplies(stronger: Level, weaker: Level, levels: readonly Level[]): boolean {
  if (weaker.requiresBinding === undefined) return true;
  if (stronger.requiresBinding === undefined) return false;
  return rank(levels, stronger.requiresBinding) >= rank(levels, weaker.requiresBinding);
}

/** Position of a level in the order; -1 for null or an unknown value. */
export function rank(levels: readonly Level[], acr: string | null): number {
  return acr === null ? -1 : levels.findIndex((level) => level.acr === acr || level.aliases.includes(acr));
}

/** Each slot of `to` is filled by a slot of `from` of its own, and by one that is at least as fresh. */
function alternativeImplies(stronger: Level, from: Alternative, weaker: Level, to: Alternative): boolean {
  const fromAnchors = anchorsOf(from, stronger);
  const toAnchors = anchorsOf(to, weaker);
  const fits = (slot: number, by: number): boolean => {
    const [need, have] = [to.slots[slot], from.slots[by]];
    if (!need || !have || !slotImplies(have, need)) return false;
    // A proof the weaker level lets age for `maxAge` must not be allowed to grow older in the stronger one.
    if (toAnchors[slot] || weaker.maxAge === undefined) return true;
    return !fromAnchors[by] && stronger.maxAge !== undefined && stronger.maxAge <= weaker.maxAge;
  };
  const assign = (slot: number, used: ReadonlySet<number>): boolean =>
    slot === to.slots.length ||
    from.slots.some((_, by) => !used.has(by) && fits(slot, by) && assign(slot + 1, new Set([...used, by])));
  return assign(0, new Set());
}

const methodsOfKind: Readonly<Record<Kind, readonly Method[]>> = {
  knowledge: ['password'],
  possession: ['totp', 'passkey'],
  verification: ['passkey'],
  external: ['federated'],
};

/** The methods whose proofs could fill a slot. */
export function slotMethods(slot: Slot): readonly Method[] {
  const all: readonly Method[] = ['password', 'totp', 'passkey', 'email', 'recovery', 'federated'];
  return all.filter(
    (method) =>
      (slot.method === undefined || slot.method.includes(method)) &&
      (slot.kind === undefined || methodsOfKind[slot.kind].includes(method)) &&
      (method === 'passkey' || !(slot.phishingResistant || slot.userVerified || slot.hardwareProtected)),
  );
}

function slotImplies(have: Slot, need: Slot): boolean {
  const needed = slotMethods(need);
  const kindHolds =
    need.kind === undefined ||
    need.kind === have.kind ||
    slotMethods(have).every((method) => methodsOfKind[need.kind as Kind].includes(method)) ||
    (need.kind === 'verification' && have.userVerified === true);
  return (
    kindHolds &&
    slotMethods(have).every((method) => needed.includes(method)) &&
    (!need.phishingResistant || have.phishingResistant === true || onlyPasskey(have)) &&
    (!need.userVerified || have.userVerified === true) &&
    (!need.hardwareProtected || have.hardwareProtected === true)
  );
}

function onlyPasskey(slot: Slot): boolean {
  return slotMethods(slot).every((method) => method === 'passkey');
}

/** acr → the weaker acr values that hold whenever it does, for discovery's `acr_values_implied`. */
export function acrValuesImplied(levels: readonly Level[]): Record<string, string[]> {
  return Object.fromEntries(
    levels.map((level) => [
      level.acr,
      levels
        .filter((other) => other.acr !== level.acr && implies(level, other, levels))
        .map(({ acr }) => acr),
    ]),
  );
}

/** acr values for discovery, weakest first, aliases beside their level. */
export function acrValuesSupported(levels: readonly Level[]): string[] {
  return levels.flatMap((level) => [level.acr, ...level.aliases]);
}
