/** What holds of everything a person is asked for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Choice, EnrolmentOffer, Outcome } from '../../src/domain/evaluate.ts';
import { type CredentialFacts, type Proof, proofShape } from '../../src/domain/proofs.ts';
import { anyCase, asEvidence, asSituation, type Case } from './arbitraries.ts';
import { reached } from './oracle.ts';
import { FA, HERE, NOW, outcomeOf } from './support.ts';

const runs = { numRuns: 600 };

const offers: readonly EnrolmentOffer[] = [
  { method: 'totp', boundAt: FA },
  { method: 'passkey', boundAt: FA, userVerifying: true },
];

const anyPerson = fc.record({ given: anyCase, enrollable: fc.subarray([...offers]) });
type Person = typeof anyPerson extends fc.Arbitrary<infer T> ? T : never;

function evaluated({ given, enrollable }: Person, proofs = given.proofs, enrolled = given.enrolled): Outcome {
  const situation = asSituation({ ...given, proofs, enrolled });
  return outcomeOf({ ...situation, account: { credentials: enrolled, enrollable } });
}

/** The proof that answering a request leaves behind. */
function answer(request: Choice['prove'][number], credentialId: string, client: string): Proof {
  return {
    ...proofShape(request.method, request.userVerified),
    id: `q-${credentialId}`,
    at: NOW,
    transaction: HERE.id,
    forClient: client,
    credentialId,
  };
}

/** Each choice of an outcome with the proofs that would be made, by the first or by the last credential of each. */
function answered({ given }: Person, choice: Choice, last: boolean): Proof[] {
  return choice.prove.map((request) => {
    const ids = request.credentialIds;
    return answer(request, ids[last ? ids.length - 1 : 0] ?? '', given.client);
  });
}

const acrOf = (outcome: Outcome): string | undefined =>
  outcome.kind === 'satisfied' ? outcome.acr : undefined;
const requestedIn = ({ clauses }: Case): boolean =>
  clauses.some(({ source }) => source === 'claims' || source === 'acr_values');

test('properties: every choice offered, once made, satisfies the request, at the acr it names if one was requested', () => {
  fc.assert(
    fc.property(anyPerson, fc.boolean(), (person, last) => {
      const { given } = person;
      const outcome = evaluated(person);
      if (outcome.kind !== 'stepUp') return;
      expect(outcome.choices.length).toBeGreaterThan(0);
      for (const choice of outcome.choices) {
        const after = evaluated(person, [...given.proofs, ...answered(person, choice, last)]);
        expect(after.kind).toBe('satisfied');
        if (requestedIn(given)) expect(acrOf(after)).toBe(choice.acr);
      }
    }),
    runs,
  );
});

test('properties: no choice contains a proof that could be left out and still give what each clause prefers', () => {
  fc.assert(
    fc.property(anyPerson, (person) => {
      const { given } = person;
      const outcome = evaluated(person);
      if (outcome.kind !== 'stepUp') return;
      const held = (made: readonly Proof[]): readonly string[] =>
        reached(asEvidence({ ...given, proofs: [...given.proofs, ...made] }));
      for (const choice of outcome.choices) {
        const made = answered(person, choice, false);
        const whole = held(made);
        const preferred = given.clauses.flatMap(
          ({ acr }) => acr?.find((value) => whole.includes(value)) ?? [],
        );
        for (const left of made) {
          const rest = held(made.filter((proof) => proof !== left));
          expect(rest.length > 0 && preferred.every((value) => rest.includes(value))).toBe(false);
        }
      }
    }),
    runs,
  );
});

test('properties: every enrolment offered, once made and proved with what it names, satisfies the request', () => {
  fc.assert(
    fc.property(anyPerson, (person) => {
      const { given } = person;
      const outcome = evaluated(person);
      if (outcome.kind !== 'enrol') return;
      for (const choice of outcome.choices) {
        const { enrol } = choice;
        const fresh: CredentialFacts = { ...enrol, id: 'c-new' };
        const request = {
          ...enrol,
          userVerified: enrol.userVerifying === true,
          hardwareProtected: false,
          credentialIds: [],
        };
        const made = [...answered(person, choice, false), answer(request, fresh.id, given.client)];
        expect(evaluated(person, [...given.proofs, ...made], [...given.enrolled, fresh]).kind).toBe(
          'satisfied',
        );
      }
    }),
    runs,
  );
});

test('properties: nobody is asked for a proof they gave in this transaction, nor for a credential they have not', () => {
  fc.assert(
    fc.property(anyPerson, (person) => {
      const { given } = person;
      const outcome = evaluated(person);
      if (outcome.kind !== 'stepUp' && outcome.kind !== 'enrol') return;
      for (const { credentialIds, userVerified } of outcome.choices.flatMap(({ prove }) => prove)) {
        expect(given.enrolled.map(({ id }) => id)).toEqual(expect.arrayContaining([...credentialIds]));
        const again = given.proofs.filter(
          (proof) => proof.transaction === HERE.id && credentialIds.includes(proof.credentialId ?? ''),
        );
        for (const proof of again) expect(userVerified && !proof.userVerified).toBe(true);
      }
    }),
    runs,
  );
});

test('properties: unmet only where no proof by any credential or enrolment would help', () => {
  fc.assert(
    fc.property(anyPerson, (person) => {
      if (evaluated(person).kind !== 'unmet') return;
      const { given } = person;
      const everything = given.enrolled.map((credential) =>
        answer(
          {
            method: credential.method,
            userVerified: credential.userVerifying === true,
            hardwareProtected: false,
            credentialIds: [],
          },
          credential.id,
          given.client,
        ),
      );
      expect(evaluated(person, [...given.proofs, ...everything]).kind).not.toBe('satisfied');
    }),
    runs,
  );
});

test('properties: before a first proof the outcome tells nothing of an account', () => {
  fc.assert(
    fc.property(anyPerson, ({ given, enrollable }) => {
      const { account: _, ...stranger } = asSituation({ ...given, proofs: [] });
      const outcome = outcomeOf({ ...stranger, stranger: true });
      expect(
        outcomeOf({ ...stranger, stranger: true, account: { credentials: given.enrolled, enrollable } }),
      ).toEqual(outcome);
      expect(['stepUp', 'unmet']).toContain(outcome.kind);
      expect(JSON.stringify(outcome)).not.toContain('c-');
    }),
    runs,
  );
});
