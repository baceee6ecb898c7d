/** A session as it goes: sign-ins, step-ups, waiting, lost factors, and what each request on the way is given. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate, type Outcome } from '../../src/domain/evaluate.ts';
import { defaultLevels } from '../../src/domain/ladder.ts';
import { type CredentialFacts, type Proof, proofShape } from '../../src/domain/proofs.ts';
import type { Clause } from '../../src/domain/requirement.ts';
import { anyClauses } from './arbitraries.ts';
import { type Acr, type Evidence, latestAuthTime } from './oracle.ts';
import { type CredentialName, credentials, NOW } from './support.ts';

type Step =
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'prove'; readonly by: CredentialName; readonly verified: boolean }
  | { readonly kind: 'begin' | 'beginStepUp'; readonly client: string }
  | { readonly kind: 'remove'; readonly by: CredentialName }
  | { readonly kind: 'request'; readonly clauses: readonly Clause[] };

const names = fc.constantFrom(...(Object.keys(credentials) as CredentialName[]));
const client = fc.constantFrom('bank', 'shop');

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(400) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('prove' as const), by: names, verified: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('begin' as const, 'beginStepUp' as const), client }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), by: names }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('request' as const), clauses: anyClauses }) },
);

interface Session {
  readonly now: number;
  readonly proofs: readonly Proof[];
  readonly enrolled: readonly CredentialFacts[];
  readonly transaction: string;
  readonly client: string;
  readonly stepUp: boolean;
}

const start: Session = {
  now: NOW,
  proofs: [],
  enrolled: Object.values(credentials),
  transaction: 'tx-0',
  client: 'bank',
  stepUp: false,
};

function next(session: Session, step: Step, index: number): Session {
  switch (step.kind) {
    case 'wait':
      return { ...session, now: session.now + step.seconds };
    case 'begin':
    case 'beginStepUp':
      return {
        ...session,
        transaction: `tx-${index}`,
        client: step.client,
        stepUp: step.kind === 'beginStepUp',
      };
    case 'remove':
      return { ...session, enrolled: session.enrolled.filter((each) => each !== credentials[step.by]) };
    case 'prove':
      return {
        ...session,
        proofs: [...session.proofs, proved(session, credentials[step.by], step.verified, index)],
      };
    case 'request':
      return session;
  }
}

function proved(session: Session, by: CredentialFacts, verified: boolean, index: number): Proof {
  return {
    ...proofShape(by.method, verified),
    id: `p-${String(index).padStart(3, '0')}`,
    at: session.now,
    credentialId: by.id,
    transaction: session.transaction,
    ...(session.stepUp ? { forClient: session.client } : {}),
  };
}

function answer(session: Session, clauses: readonly Clause[]): Outcome {
  return evaluate({
    proofs: session.proofs,
    requirement: { clauses },
    levels: defaultLevels,
    account: { credentials: session.enrolled, enrollable: [] },
    transaction: { id: session.transaction, clientId: session.client },
    now: session.now,
  });
}

/** All there is to know at the moment of the request, without its limits. */
function evidenceOf({ proofs, enrolled, transaction, client: by, now }: Session): Evidence {
  return { proofs, credentials: enrolled, transaction, client: by, now };
}

test('properties: no sequence of proofs and requests ever yields a token above its evidence', () => {
  let tokens = 0;
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      let session = start;
      steps.forEach((step, index) => {
        session = next(session, step, index);
        if (step.kind !== 'request') return;
        const outcome = answer(session, step.clauses);
        if (outcome.kind !== 'satisfied') return;
        tokens += 1;
        const latest = latestAuthTime(outcome.acr as Acr, evidenceOf(session));
        expect(latest).toBeDefined();
        expect(outcome.authTime).toBeLessThanOrEqual(latest ?? -1);
        expect(outcome.authTime).toBeLessThanOrEqual(session.now);
        for (const { maxAge } of step.clauses) {
          const own = session.proofs.some(
            ({ transaction, id }) => transaction === session.transaction && outcome.proofIds.includes(id),
          );
          if (maxAge !== undefined && !own)
            expect(session.now - outcome.authTime).toBeLessThanOrEqual(maxAge);
        }
      });
    }),
    { numRuns: 800 },
  );
  expect(tokens).toBeGreaterThan(50);
});

test('properties: as time goes by a token request is given less or the same, never more', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20 }), anyClauses, fc.nat(1000), (steps, clauses, seconds) => {
      const session = steps.reduce(next, start);
      const [now, later] = [
        answer(session, clauses),
        answer({ ...session, now: session.now + seconds }, clauses),
      ];
      if (now.kind !== 'satisfied') expect(later.kind).not.toBe('satisfied');
      if (now.kind === 'satisfied' && later.kind === 'satisfied') {
        expect(later.authTime).toBeLessThanOrEqual(session.now);
      }
    }),
    { numRuns: 800 },
  );
});
