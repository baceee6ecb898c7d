/**
 * The ladder: levels declared in configuration, weakest first, and what must be true of it.
 */
import { implies } from './implication.ts';
import { findLevel, type Level, MOST_PROOFS } from './level.ts';

export { implies, slotMethods } from './implication.ts';
export { type Alternative, anchorsOf, fills, findLevel, type Level, rank, type Slot } from './level.ts';

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

/** Faults in a ladder, each a sentence that names the level. Empty: the ladder is sound. */
export function ladderFaults(levels: readonly Level[]): string[] {
  return [
    ...nameFaults(levels),
    ...levels.flatMap(alternativeFaults),
    ...bindingFaults(levels),
    ...orderFaults(levels),
  ];
}

function nameFaults(levels: readonly Level[]): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const level of levels) {
    for (const name of [level.acr, ...level.aliases]) {
      if (seen.has(name)) faults.push(`level ${level.acr}: the name "${name}" is used twice`);
      seen.add(name);
    }
    for (const alias of level.aliases.filter(isRegistered))
      faults.push(`level ${level.acr}: "${alias}" may not be an alias`);
    if (isRegistered(level.acr) && level.aliases.length > 0) {
      faults.push(`level ${level.acr}: has a registered meaning and may not have aliases`);
    }
  }
  return faults;
}

/** OpenID EAP ACR values: other names would blur what they promise. */
function isRegistered(name: string): boolean {
  return name === ACR_PHR || name === ACR_PHRH;
}

function alternativeFaults({ acr, alternatives }: Level): string[] {
  const sizes = alternatives.map(({ slots }) => slots.length);
  return [
    ...(sizes.length === 0 ? [`level ${acr}: no alternatives`] : []),
    ...(sizes.includes(0) ? [`level ${acr}: an alternative without slots would hold without any proof`] : []),
    ...(sizes.some((size) => size > MOST_PROOFS)
      ? [`level ${acr}: an alternative has more than ${MOST_PROOFS} slots`]
      : []),
  ];
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
