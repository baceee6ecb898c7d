/**
 * Which level includes which: every way to hold the one is also a way to hold the other. Implication never carries
 * freshness: under a `max_age` a stronger level may hold on anchors that the weaker one does not look at.
 */
import { type Alternative, anchorsOf, isBoundAt, type Level, lifetimeOf, type Slot } from './level.ts';
import type { Kind, Method } from './proofs.ts';

/** Whether every way to hold `stronger` is also a way to hold `weaker`, whoever asks and however old the proofs. */
export function implies(stronger: Level, weaker: Level, levels: readonly Level[]): boolean {
  if (stronger.acr === weaker.acr) return true;
  return (
    (stronger.perClient || !weaker.perClient) &&
    (weaker.crossDevice || !stronger.crossDevice) &&
    idleImplies(stronger, weaker) &&
    bindingImplies(stronger, weaker, levels) &&
    stronger.alternatives.every((from) =>
      weaker.alternatives.some((to) => alternativeImplies(stronger, from, weaker, to)),
    )
  );
}

/** The strongest of the levels held: one that no other of them includes; the declared order breaks ties. */
export function strongestOf(levels: readonly Level[], isHeld: (level: Level) => boolean): Level | undefined {
  if (!levels.some(({ unordered }) => unordered)) return levels.findLast(isHeld);
  const held = levels.filter(isHeld);
  return held.findLast((level) => !held.some((other) => exceeds(other, level, levels)));
}

/** Among ordered levels loading has checked that the order is the strength. */
function exceeds(a: Level, b: Level, levels: readonly Level[]): boolean {
  if (!a.unordered && !b.unordered) return levels.indexOf(a) > levels.indexOf(b);
  return implies(a, b, levels) && !implies(b, a, levels);
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
  return isBoundAt(levels, stronger.requiresBinding, weaker.requiresBinding);
}

/** Each slot of `to` is filled by a slot of `from` of its own, and by one that is at least as fresh and as bound. */
function alternativeImplies(stronger: Level, from: Alternative, weaker: Level, to: Alternative): boolean {
  const fromAnchors = anchorsOf(from, stronger);
  const toAnchors = anchorsOf(to, weaker);
  const fits = (slot: number, by: number): boolean => {
    const [need, have] = [to.slots[slot], from.slots[by]];
    if (!need || !have || !slotImplies(have, need)) return false;
    // A proof must not be allowed to grow older in the stronger level than the weaker one takes it.
    if (!endsBy(limitOf(stronger, fromAnchors[by]), limitOf(weaker, toAnchors[slot]))) return false;
    // Binding is asked of anchors only: an anchor here must have been one there.
    return !toAnchors[slot] || weaker.requiresBinding === undefined || fromAnchors[by] === true;
  };
  const assign = (slot: number, used: ReadonlySet<number>): boolean =>
    slot === to.slots.length ||
    from.slots.some((_, by) => !used.has(by) && fits(slot, by) && assign(slot + 1, new Set([...used, by])));
  return assign(0, new Set());
}

/** Seconds for which a proof counts: an anchor until the level ends, others for its `maxAge`. */
function limitOf(level: Level, anchor: boolean | undefined): number | undefined {
  return anchor ? lifetimeOf(level) : level.maxAge;
}

function endsBy(limit: number | undefined, other: number | undefined): boolean {
  return other === undefined || (limit !== undefined && limit <= other);
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

/** What resists phishing is told by the methods: passkeys do, and nothing else. */
function slotImplies(have: Slot, need: Slot): boolean {
  const methods = slotMethods(have);
  const needed = slotMethods(need);
  const verified = have.userVerified === true || have.kind === 'verification';
  return (
    methods.every((method) => needed.includes(method)) &&
    ((!need.userVerified && need.kind !== 'verification') || verified) &&
    (!need.hardwareProtected || have.hardwareProtected === true)
  );
}
