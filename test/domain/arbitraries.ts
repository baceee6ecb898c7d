/** Random people, proofs and requests. */
import fc from 'fast-check';
import { type CredentialFacts, type Proof, proofShape } from '../../src/domain/proofs.ts';
import type { Clause } from '../../src/domain/requirement.ts';
import type { Evidence } from './oracle.ts';
import type { Situation } from './support.ts';
import {
  acrValues,
  type CredentialName,
  credentials,
  essential,
  FA,
  HERE,
  MFA,
  maxAge,
  NOW,
  PHR,
  PHRH,
  promptLogin,
  scope,
} from './support.ts';

const names = Object.keys(credentials) as CredentialName[];
export const anyAcr = fc.constantFrom(FA, MFA, PHR, PHRH);

/** Ages that lie around the limits below, and some anywhere. */
const age = fc.oneof(fc.constantFrom(0, 1, 53, 54, 55, 60, 61, 289, 290, 291, 300, 301), fc.nat(1000));

const source = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...names)
      .map((name): CredentialFacts | 'email' | 'federated' => credentials[name]),
  },
  { weight: 1, arbitrary: fc.constantFrom('email' as const, 'federated' as const) },
);

export const anyProof: fc.Arbitrary<Proof> = fc
  .record({
    source,
    age: fc.option(age, { freq: 12 }),
    verified: fc.boolean(),
    transaction: fc.constantFrom(HERE.id, 'tx-1', 'tx-2'),
    forClient: fc.option(fc.constantFrom('bank', 'shop'), { nil: undefined }),
  })
  .map(({ source: by, age: ago, verified, transaction, forClient }) => {
    const method = typeof by === 'string' ? by : by.method;
    // Only an upstream leaves out when it was.
    const at = ago === null && method === 'federated' ? null : NOW - (ago ?? 0);
    return {
      ...proofShape(method, verified),
      id: '',
      at,
      transaction,
      ...(typeof by === 'string' ? {} : { credentialId: by.id }),
      ...(forClient === undefined ? {} : { forClient }),
    };
  });

/** Ids ascend as the proofs were recorded. */
export const anyProofs = fc
  .array(anyProof, { maxLength: 7 })
  .map((proofs) =>
    proofs.map((proof, index): Proof => ({ ...proof, id: `p-${String(index).padStart(3, '0')}` })),
  );

const acrList = fc.array(
  fc.oneof({ weight: 6, arbitrary: anyAcr }, { weight: 1, arbitrary: fc.constant('nope') }),
  {
    minLength: 1,
    maxLength: 4,
  },
);
const limit = fc.constantFrom(60, 300, 900);

/** At most one clause of each source, as a request has them. */
export const anyClauses: fc.Arbitrary<Clause[]> = fc
  .tuple(
    fc.option(
      acrList.map((acr) => acrValues(...acr)),
      { freq: 3 },
    ),
    fc.option(
      acrList.map((acr) => essential(...acr)),
      { freq: 2 },
    ),
    fc.option(limit.map(maxAge), { freq: 2 }),
    fc.option(fc.constant(promptLogin), { freq: 2 }),
    fc.option(
      acrList.map((acr) => scope('read', { acr })),
      { freq: 2 },
    ),
    fc.option(
      fc.tuple(acrList, limit).map(([acr, seconds]) => scope('pay', { acr, maxAge: seconds })),
      { freq: 2 },
    ),
  )
  .map((clauses) => clauses.filter((clause) => clause !== null));

export const anyCredentials = fc.subarray([...Object.values(credentials)]);

export interface Case {
  readonly proofs: readonly Proof[];
  readonly clauses: readonly Clause[];
  readonly enrolled: readonly CredentialFacts[];
  readonly client: string;
}

export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    proofs: anyProofs,
    clauses: anyClauses,
    enrolled: fc.oneof(fc.constant<CredentialFacts[]>(Object.values(credentials)), anyCredentials),
    client: fc.constantFrom('bank', 'shop'),
  })
  .map((given) => ({ ...given, proofs: given.proofs.map((proof) => ofOneClient(proof, given.client)) }));

/** A transaction has one client: what is proved in it for anyone is proved for that one. */
function ofOneClient(proof: Proof, client: string): Proof {
  const foreign = proof.transaction === HERE.id && proof.forClient !== undefined;
  return foreign ? { ...proof, forClient: client } : proof;
}

export function asSituation({ proofs, clauses, enrolled, client }: Case): Situation {
  return { proofs, clauses, account: { credentials: enrolled }, transaction: { clientId: client } };
}

/** The same for the oracle. */
export function asEvidence({ proofs, clauses, enrolled, client }: Case): Evidence {
  const ages = clauses.flatMap((clause) => (clause.maxAge === undefined ? [] : [clause.maxAge]));
  return {
    proofs,
    credentials: enrolled,
    transaction: HERE.id,
    client,
    now: NOW,
    ...(ages.length > 0 ? { maxAge: Math.min(...ages) } : {}),
    thisTransactionOnly: clauses.some(({ reauthenticate }) => reauthenticate === true),
  };
}
