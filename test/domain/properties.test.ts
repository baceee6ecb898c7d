/** What holds of every evaluation under the default ladder, whoever asks for what on whatever proofs. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/domain/evaluate.ts';
import type { Proof } from '../../src/domain/proofs.ts';
import { anyCase, anyProof, asEvidence, asSituation, type Case } from './arbitraries.ts';
import { type Acr, ladder, latestAuthTime, reached } from './oracle.ts';
import { acrValues, outcomeOf } from './support.ts';

const runs = { numRuns: 600 };
const evaluated = (given: Case): Outcome => outcomeOf(asSituation(given));
const used = (given: Case, ids: readonly string[]): Proof[] =>
  given.proofs.filter(({ id }) => ids.includes(id));

/** The acr values asked for in the request, in the order in which one is chosen. */
function requested({ clauses }: Case): readonly string[] | undefined {
  const clause =
    clauses.find(({ source }) => source === 'claims') ??
    clauses.find(({ source }) => source === 'acr_values');
  return clause?.acr;
}

/** What the rules make of it: undefined, or the acr to report. */
function expected(given: Case): string | undefined {
  const held: readonly string[] = reached(asEvidence(given));
  const unmet = given.clauses.some(({ acr }) => acr && !acr.some((value) => held.includes(value)));
  if (unmet) return undefined;
  return requested(given)?.find((value) => held.includes(value)) ?? held.at(-1);
}

describe('properties: evidence', () => {
  test('properties: a request is satisfied exactly when brute force finds the evidence, and with that acr', () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const outcome = evaluated(given);
        expect(outcome.kind === 'satisfied' ? outcome.acr : undefined).toBe(expected(given));
      }),
      { numRuns: 2000 },
    );
  });

  test('properties: auth_time is never later than any set of proofs at that acr can carry', () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const outcome = evaluated(given);
        if (outcome.kind !== 'satisfied') return;
        const latest = latestAuthTime(outcome.acr as Acr, asEvidence(given));
        expect(outcome.authTime).toBeLessThanOrEqual(latest ?? -1);
        const alone = given.clauses.every(({ acr }) => !acr || acr === requested(given));
        if (alone) expect(outcome.authTime).toBe(latest);
      }),
      runs,
    );
  });

  test('properties: the proofs named carry the token by themselves, and none of them is made up or removed', () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const outcome = evaluated(given);
        if (outcome.kind !== 'satisfied') return;
        const proofs = used(given, outcome.proofIds);
        expect(proofs).toHaveLength(outcome.proofIds.length);
        for (const { credentialId } of proofs) {
          if (credentialId !== undefined) expect(given.enrolled.map(({ id }) => id)).toContain(credentialId);
        }
        expect(latestAuthTime(outcome.acr as Acr, asEvidence({ ...given, proofs }))).toBeDefined();
        for (const { acr } of given.clauses) {
          const alone: readonly string[] = reached(asEvidence({ ...given, proofs }));
          if (acr) expect(acr.some((value) => alone.includes(value))).toBe(true);
        }
      }),
      runs,
    );
  });

  test('properties: auth_time is never later than a possession proof that amr names', () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const outcome = evaluated(given);
        if (outcome.kind !== 'satisfied') return;
        for (const proof of used(given, outcome.proofIds)) {
          if (proof.kinds.includes('possession')) expect(outcome.authTime).toBeLessThanOrEqual(proof.at ?? 0);
        }
      }),
      runs,
    );
  });
});

describe('properties: stronger proofs never satisfy less', () => {
  const level = (outcome: Outcome): number =>
    outcome.kind === 'satisfied' ? ladder.indexOf(outcome.acr as Acr) : -1;

  const neverLess = (given: Case, stronger: Case): void => {
    const [before, after] = [evaluated(given), evaluated(stronger)];
    if (before.kind === 'satisfied') expect(after.kind).toBe('satisfied');
    if (!requested(given)) expect(level(after)).toBeGreaterThanOrEqual(level(before));
  };

  test('properties: adding a proof', () => {
    fc.assert(
      fc.property(anyCase, anyProof, (given, proof) => {
        neverLess(given, { ...given, proofs: [...given.proofs, { ...proof, id: 'p-999' }] });
      }),
      runs,
    );
  });

  test('properties: making a proof later, verifying its user, or serving every client', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(6), fc.nat(500), (given, index, later) => {
        const proofs = given.proofs.map((proof, position) => {
          if (position !== index || proof.at === null) return proof;
          const { forClient: _, ...rest } = proof;
          const verified =
            rest.method === 'passkey'
              ? { userVerified: true, kinds: ['possession', 'verification'] as const }
              : {};
          return { ...rest, ...verified, at: proof.at + later };
        });
        neverLess(given, { ...given, proofs });
      }),
      runs,
    );
  });

  test('properties: asking for less', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(6), (given, index) => {
        const clauses = given.clauses.filter((_, position) => position !== index);
        if (evaluated(given).kind === 'satisfied')
          expect(evaluated({ ...given, clauses }).kind).toBe('satisfied');
      }),
      runs,
    );
  });
});

describe('properties: merging is commutative', () => {
  test('properties: neither the order of proofs nor that of clauses changes the outcome', () => {
    fc.assert(
      fc.property(anyCase, fc.infiniteStream(fc.nat()), (given, order) => {
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, key: order.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
        const other = { ...given, proofs: shuffled(given.proofs), clauses: shuffled(given.clauses) };
        expect(evaluated(other)).toEqual(evaluated(given));
      }),
      runs,
    );
  });

  test('properties: a clause said twice is as good as once', () => {
    fc.assert(
      fc.property(anyCase, (given) => {
        const twice = { ...given, clauses: [...given.clauses, ...given.clauses] };
        const { kind } = evaluated(given);
        expect(evaluated(twice)).toMatchObject(kind === 'satisfied' ? evaluated(given) : { kind });
      }),
      runs,
    );
  });

  test('properties: repeating an acr value, or adding unknown ones, changes nothing', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(3), (given, times) => {
        const noise = (values: readonly string[]): string[] =>
          values.flatMap((value) => [
            value,
            ...Array.from({ length: times }, (_, index) => `urn:nope:${index}`),
          ]);
        const clauses = given.clauses.map((clause) =>
          clause.source === 'acr_values' && clause.acr
            ? acrValues(...noise(clause.acr), ...clause.acr)
            : clause,
        );
        const { missing: _, ...outcome } = { missing: [], ...evaluated({ ...given, clauses }) };
        expect(evaluated(given)).toMatchObject(outcome);
      }),
      runs,
    );
  });
});
