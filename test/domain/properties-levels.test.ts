/** Random ladders: implication, and the choice of evidence. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { implies, type Level, type Slot } from '../../src/domain/ladder.ts';
import { bestSet, holdings, type Pool, type ProofSet, undominated } from '../../src/domain/satisfy.ts';
import { anyProof, anyProofs } from './arbitraries.ts';
import { credentials, HERE, NOW } from './support.ts';

const anySlot: fc.Arbitrary<Slot> = fc
  .record({
    method: fc.option(
      fc.subarray(['password', 'totp', 'passkey', 'email', 'federated'] as const, { minLength: 1 }),
      { freq: 2 },
    ),
    kind: fc.option(
      fc.constantFrom(
        'knowledge' as const,
        'possession' as const,
        'verification' as const,
        'external' as const,
      ),
      { freq: 2 },
    ),
    phishingResistant: fc.option(fc.constant(true as const), { freq: 2 }),
    userVerified: fc.option(fc.constant(true as const), { freq: 2 }),
    hardwareProtected: fc.option(fc.constant(true as const), { freq: 2 }),
    anchor: fc.option(fc.boolean(), { freq: 2 }),
  })
  .map((slot) => Object.fromEntries(Object.entries(slot).filter(([, value]) => value !== null)) as Slot);

const anyAlternatives = fc.array(fc.record({ slots: fc.array(anySlot, { minLength: 1, maxLength: 2 }) }), {
  minLength: 1,
  maxLength: 2,
});

const anyBeside: fc.Arbitrary<Partial<Level>> = fc
  .record({
    maxAge: fc.option(fc.constantFrom(60, 300), { freq: 2 }),
    tokensFor: fc.option(fc.constantFrom(0, 60, 300), { freq: 2 }),
    freshness: fc.option(fc.constantFrom('all' as const, 'anchors' as const), { freq: 2 }),
    idle: fc.option(
      fc.record({
        after: fc.constantFrom(60, 300),
        resumeWith: fc.subarray(['password', 'passkey'] as const, { minLength: 1 }),
      }),
      { freq: 2 },
    ),
    requiresBinding: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 2 }),
    perClient: fc.boolean(),
    crossDevice: fc.boolean(),
    unordered: fc.option(fc.constant(true as const), { freq: 2 }),
  })
  .map((beside) => Object.fromEntries(Object.entries(beside).filter(([, value]) => value !== null)));

const anyLevel = (acr: string): fc.Arbitrary<Level> =>
  fc.record({ alternatives: anyAlternatives, beside: anyBeside }).map(({ alternatives, beside }) => ({
    acr,
    aliases: [],
    perClient: false,
    crossDevice: false,
    ...beside,
    alternatives,
  }));

const without = (slot: Slot, condition: keyof Slot): Slot => {
  const { [condition]: _, ...rest } = slot;
  return rest;
};

/** Another level, or the same one with a thing changed, a slot more, or a condition less: implications are not rare. */
const anyPair = fc
  .record({
    levels: fc.tuple(anyLevel('a'), anyLevel('b'), anyLevel('c')),
    how: fc.constantFrom('other', 'beside', 'slot', 'condition'),
    aspect: fc.constantFrom(
      'maxAge',
      'tokensFor',
      'freshness',
      'idle',
      'requiresBinding',
      'perClient',
      'crossDevice',
    ),
    beside: anyBeside,
    slot: anySlot,
    condition: fc.constantFrom(
      'method',
      'kind',
      'phishingResistant',
      'userVerified',
      'hardwareProtected',
      'anchor',
    ),
  })
  .map(({ levels: [a, b, c], how, aspect, beside, slot, condition }): [Level, Level, Level] => {
    const change = (slots: readonly Slot[]): readonly Slot[] =>
      how === 'slot' ? [...slots, slot] : slots.map((each) => without(each, condition));
    if (how === 'other') return [a, b, c];
    if (how === 'beside')
      return [a, { ...a, ...(aspect in beside ? { [aspect]: beside[aspect] } : {}), acr: 'b' }, c];
    const alternatives = a.alternatives.map(({ slots }) => ({ slots: change(slots) }));
    return [a, { ...a, alternatives, acr: 'b' }, c];
  });

const boundAt = fc.constantFrom(null, 'a', 'b', 'c');

const anyPool = fc
  .record({
    proofs: anyProofs,
    bindings: fc.array(boundAt, { minLength: 7, maxLength: 7 }),
    reauthenticate: fc.boolean(),
    clientId: fc.constantFrom('bank', 'shop'),
    lastActive: fc.option(fc.nat(1000)),
  })
  .map(
    ({ proofs, bindings, reauthenticate, clientId, lastActive }): Omit<Pool, 'levels'> => ({
      proofs,
      credentials: Object.values(credentials).map((each, index) => ({
        ...each,
        boundAt: bindings[index] ?? null,
      })),
      reauthenticate,
      transaction: {
        id: HERE.id,
        clientId,
        ...(lastActive === null ? {} : { lastActive: { a: NOW - lastActive, b: NOW - lastActive } }),
      },
      now: NOW,
    }),
  );

test('properties: whoever holds a level holds every level it implies, whatever the proofs, ages and client', () => {
  let implied = 0;
  fc.assert(
    fc.property(anyPair, anyPool, ([a, b, c], pool) => {
      const levels = [a, b, c];
      for (const [stronger, weaker] of [
        [a, b],
        [b, a],
      ] as const) {
        if (!implies(stronger, weaker, levels) || !bestSet(stronger, { ...pool, levels })) continue;
        implied += 1;
        expect(bestSet(weaker, { ...pool, levels })).toBeDefined();
        expect(!stronger.crossDevice || weaker.crossDevice).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
  expect(implied).toBeGreaterThan(100);
});

const summary = (set: ProofSet | undefined) =>
  set && { authTime: set.authTime, ids: set.proofs.map(({ id }) => id).sort() };

test('properties: leaving out dominated proofs never changes the best set', () => {
  fc.assert(
    fc.property(
      anyLevel('a'),
      anyPool,
      fc.option(fc.constantFrom(60, 300), { nil: undefined }),
      (level, pool, maxAge) => {
        const whole = { ...pool, levels: [level], ...(maxAge === undefined ? {} : { maxAge }) };
        expect(summary(holdings(whole)(level))).toEqual(summary(bestSet(level, whole)));
      },
    ),
    { numRuns: 2000 },
  );
});

test('properties: however long a session lasts, few proofs of each credential are looked at', () => {
  fc.assert(
    fc.property(fc.array(anyProof, { minLength: 150, maxLength: 200 }), (proofs) => {
      const session = proofs
        .toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))
        .map((proof, index) => ({ ...proof, id: `p-${String(index).padStart(3, '0')}` }));
      // Nine sources; of this transaction or not, verified or not, for one of two clients or for all.
      expect(undominated(session, HERE.id).length).toBeLessThanOrEqual(9 * 2 * 2 * 3);
    }),
    { numRuns: 50 },
  );
});
