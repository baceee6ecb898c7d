/** The ladder: its names, its order, what discovery says of it. */
import { describe, expect, test } from 'vitest';
import {
  acrValuesImplied,
  acrValuesSupported,
  anchorsOf,
  defaultLevels,
  findLevel,
  type Level,
  ladderFaults,
  rank,
  type Slot,
} from '../../src/domain/ladder.ts';
import { FA, MFA, PHR, PHRH } from './support.ts';

const [one, mfa, phr, phrh] = defaultLevels as [Level, Level, Level, Level];
const withAliases = (level: Level, ...aliases: string[]): Level => ({ ...level, aliases });

describe('names', () => {
  test('rule 1: aliases are unique: no name stands for two levels', () => {
    expect(ladderFaults([one, withAliases(mfa, 'x'), withAliases({ ...mfa, acr: 'y' }, 'x')])).toEqual([
      'level y: the name "x" is used twice',
    ]);
    expect(ladderFaults([one, withAliases(mfa, FA)])).toHaveLength(1);
    expect(ladderFaults([one, withAliases(mfa, 'x', 'x')])).toHaveLength(1);
    expect(ladderFaults([one, { ...mfa, acr: FA }])).toContain(`level ${FA}: the name "${FA}" is used twice`);
  });

  test('rule 1: phr and phrh have no aliases and are aliases of nothing', () => {
    expect(ladderFaults([one, mfa, withAliases(phr, 'strong'), phrh])).toHaveLength(1);
    expect(ladderFaults([one, mfa, phr, withAliases(phrh, 'stronger')])).toHaveLength(1);
    expect(ladderFaults([one, withAliases(mfa, PHR)])).toEqual([`level ${MFA}: "phr" may not be an alias`]);
    expect(ladderFaults([one, withAliases(mfa, PHRH)])).toHaveLength(1);
  });

  test('a level is found by its name or an alias, and by nothing else', () => {
    const levels = [one, withAliases(mfa, 'silver')];
    expect(findLevel(levels, 'silver')?.acr).toBe(MFA);
    expect(findLevel(levels, 'SILVER')).toBeUndefined();
    expect(findLevel(levels, '__proto__')).toBeUndefined();
    expect([FA, 'silver', 'gold', null].map((acr) => rank(levels, acr))).toEqual([0, 1, -1, -1]);
  });

  test('acr_values_supported lists every name, weakest first', () => {
    expect(acrValuesSupported(defaultLevels)).toEqual([FA, MFA, PHR, PHRH]);
    expect(acrValuesSupported([one, withAliases(mfa, 'silver')])).toEqual([FA, MFA, 'silver']);
  });
});

describe('order', () => {
  test('the default ladder is sound', () => {
    expect(ladderFaults(defaultLevels)).toEqual([]);
  });

  test('acr_values_implied: each default level includes all weaker ones, weakest first', () => {
    const implied = acrValuesImplied(defaultLevels);
    expect(implied).toEqual({ [FA]: [], [MFA]: [FA], [PHR]: [FA, MFA], [PHRH]: [FA, MFA, PHR] });
    expect(Object.keys(implied)).toEqual([FA, MFA, PHR, PHRH]);
  });

  test('loading fails if a stronger level can hold without a weaker one', () => {
    expect(ladderFaults([mfa, one])).toEqual([
      `level ${FA}: can hold without the weaker ${MFA}; reorder them or declare it unordered`,
    ]);
    const totpOnly: Level = { ...mfa, acr: 'otp', alternatives: [{ slots: [{ method: ['totp'] }] }] };
    expect(ladderFaults([one, totpOnly])).toHaveLength(1);
    expect(ladderFaults([one, totpOnly, mfa])).toHaveLength(2);
  });

  test('a level declared unordered may hold without the weaker ones, and they without it', () => {
    const totpOnly: Level = {
      ...mfa,
      acr: 'otp',
      alternatives: [{ slots: [{ method: ['totp'] }] }],
      unordered: true,
    };
    expect(ladderFaults([one, totpOnly])).toEqual([]);
    expect(ladderFaults([one, totpOnly, mfa, phr])).toEqual([]);
  });
});

describe('shape', () => {
  test('an alternative without slots would hold without any proof, and is refused', () => {
    expect(ladderFaults([{ ...one, alternatives: [{ slots: [] }] }])).toHaveLength(1);
    expect(ladderFaults([{ ...one, alternatives: [] }])).toEqual([`level ${FA}: no alternatives`]);
  });

  test('an alternative of more proofs than anybody is asked for is refused', () => {
    const slots = (many: number): Slot[] =>
      Array.from({ length: many }, () => ({ kind: 'possession' as const }));
    const level = (many: number): Level => ({ ...one, alternatives: [{ slots: slots(many) }] });
    expect(ladderFaults([level(3)])).toEqual([]);
    expect(ladderFaults([level(4)])).toHaveLength(1);
  });

  test('requiresBinding names a level of the ladder', () => {
    expect(ladderFaults([one, { ...mfa, requiresBinding: FA }])).toEqual([]);
    expect(ladderFaults([one, { ...mfa, requiresBinding: 'gold' }])).toHaveLength(1);
  });

  test('every fault is reported at once', () => {
    expect(
      ladderFaults([
        { ...mfa, requiresBinding: 'gold' },
        { ...one, aliases: [PHR, MFA] },
      ]),
    ).toHaveLength(4);
  });

  test.each<[Slot[], boolean[]]>([
    [[{ kind: 'knowledge' }], [true]],
    [[{ method: ['password'] }], [true]],
    [
      [{ kind: 'knowledge' }, { kind: 'possession' }],
      [false, true],
    ],
    [
      [{ method: ['password'] }, { kind: 'possession' }],
      [false, true],
    ],
    [
      [{ kind: 'external' }, { kind: 'possession' }],
      [true, true],
    ],
    [
      [{ method: ['password', 'totp'] }, { kind: 'possession' }],
      [true, true],
    ],
    [
      [{ kind: 'knowledge', anchor: true }, { kind: 'possession' }],
      [true, true],
    ],
    [
      [
        { kind: 'knowledge', anchor: true },
        { kind: 'possession', anchor: false },
      ],
      [true, false],
    ],
    [[{ kind: 'possession', anchor: false }], [true]],
  ])(
    'rule 2: by default the non-knowledge proof anchors; knowledge only where there is nothing else: %j',
    (slots, anchors) => {
      expect(anchorsOf({ slots }, {})).toEqual(anchors);
      expect(anchorsOf({ slots }, { freshness: 'all' })).toEqual(slots.map(() => true));
    },
  );
});
