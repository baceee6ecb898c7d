/**
 * What would satisfy a requirement: the smallest sets of proofs to ask for.
 */
import { isBoundAt, type Level, MOST_PROOFS } from './level.ts';
import { type LevelDemand, poolOf } from './level-demands.ts';
import type {
  AccountFacts,
  Choice,
  EnrolChoice,
  EnrolmentOffer,
  EvaluationInput,
  ProofRequest,
} from './outcome.ts';
import { type CredentialFacts, isHardware, type Proof, proofShape } from './proofs.ts';
import { holdings, undominated } from './satisfy.ts';

/** Before a first proof everybody is offered the same first factors. */
export function firstChoices(demands: readonly LevelDemand[]): Choice[] {
  const acr = demands[0]?.levels[0]?.acr ?? '';
  return (['passkey', 'password'] as const).map((method) => ({
    acr,
    prove: [{ method, userVerified: false, hardwareProtected: false, credentialIds: [] }],
  }));
}

/** Sets of proofs by enrolled credentials. */
export function stepUpChoices(
  input: EvaluationInput,
  demands: readonly LevelDemand[],
  account: AccountFacts,
): readonly Choice[] {
  const candidates = candidatesOf(input, demands, requestable(input, account.credentials));
  return firstReachable(candidates, demands).map(({ requests, acr }) => ({ acr, prove: shown(requests) }));
}

/** Sets of proofs by one new credential and, where it is not enough, by enrolled ones beside it. */
export function enrolChoices(
  input: EvaluationInput,
  demands: readonly LevelDemand[],
  account: AccountFacts,
): readonly EnrolChoice[] {
  const requests = requestable(input, account.credentials);
  const candidates = account.enrollable.flatMap((offer) => candidatesOf(input, demands, requests, offer));
  return firstReachable(candidates, demands).flatMap(({ requests: chosen, acr, enrol }) =>
    enrol ? [{ acr, enrol, prove: shown(chosen) }] : [],
  );
}

interface Request extends ProofRequest {
  readonly example: CredentialFacts;
}

function shown(requests: readonly Request[]): ProofRequest[] {
  return requests.map(({ example: _, ...request }) => request);
}

/** One request per sort of credential. */
function requestable(input: EvaluationInput, credentials: readonly CredentialFacts[]): Request[] {
  const groups = new Map<string, [CredentialFacts, ...CredentialFacts[]]>();
  for (const credential of credentials) {
    const sort = sortOf(credential, input.levels);
    const group = groups.get(sort);
    if (group) group.push(credential);
    else groups.set(sort, [credential]);
  }
  return [...groups.values()].map((group) => ({
    method: group[0].method,
    userVerified: group[0].userVerifying === true,
    hardwareProtected: isHardware(group[0]),
    credentialIds: group.map(({ id }) => id),
    example: group[0],
  }));
}

function sortOf(credential: CredentialFacts, levels: readonly Level[]): string {
  const { method, userVerifying, boundAt } = credential;
  const bound = levels.map(
    ({ requiresBinding }) => requiresBinding === undefined || isBoundAt(levels, boundAt, requiresBinding),
  );
  return [method, userVerifying === true, isHardware(credential), ...bound].join(' ');
}

/** Proofs that would do, and which of each demand's levels they would give first. */
interface Candidate {
  readonly requests: readonly Request[];
  readonly enrol?: EnrolmentOffer;
  /** For each demand the index of the first of its levels that would hold. */
  readonly gives: readonly number[];
  readonly holds: (level: Level) => boolean;
}

function candidatesOf(
  input: EvaluationInput,
  demands: readonly LevelDemand[],
  requests: readonly Request[],
  enrol?: EnrolmentOffer,
): Candidate[] {
  const proofs = undominated(input.proofs, input.transaction.id);
  const enrolled = enrol ? [{ id: `new:${enrol.method}`, synced: false, ...enrol }] : [];
  const sizes = Array.from({ length: MOST_PROOFS + 1 }, (_, size) => size);
  return sizes
    .flatMap((size) => subsets(requests, size))
    .map((subset) => {
      const credentials = [...subset.map(({ example }) => example), ...enrolled];
      const made = credentials.map((credential) => hypothetical(input, credential));
      const held = holdings(poolOf(input, [...proofs, ...made], enrolled));
      const gives = demands.map(({ levels }) => levels.findIndex(held));
      const holds = (level: Level): boolean => held(level) !== undefined;
      return { requests: subset, gives, holds, ...(enrol ? { enrol } : {}) };
    })
    .filter(({ gives }) => !gives.includes(-1));
}

/**
 * Rule 3: the first reachable value in request order, demand by demand. All minimal candidates that give these
 * levels; smaller ones come first.
 */
function firstReachable(
  candidates: readonly Candidate[],
  demands: readonly LevelDemand[],
): (Candidate & { readonly acr: string })[] {
  const [first] = [...candidates].sort((a, b) => compare(a.gives, b.gives));
  if (!first) return [];
  const wanted = demands.flatMap(({ levels }, index) => levels[first.gives[index] ?? -1] ?? []);
  const acr = wanted[0]?.acr ?? '';
  const able = candidates.filter(({ holds }) => wanted.every(holds));
  const minimal = able.filter((candidate) => !able.some((other) => isLess(other, candidate)));
  return minimal.map((candidate) => ({ ...candidate, acr }));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, position) => value !== b[position]);
  return (a[index] ?? 0) - (b[index] ?? 0);
}

/** Asks for less: a part of the same proofs, beside the same enrolment. */
function isLess(a: Candidate, b: Candidate): boolean {
  return (
    a.enrol === b.enrol &&
    a.requests.length < b.requests.length &&
    a.requests.every((request) => b.requests.includes(request))
  );
}

function hypothetical(input: EvaluationInput, credential: CredentialFacts): Proof {
  return {
    ...proofShape(credential.method, credential.userVerifying === true),
    id: '~',
    at: input.now,
    credentialId: credential.id,
    transaction: input.transaction.id,
    forClient: input.transaction.clientId,
  };
}

function subsets<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    subsets(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]),
  );
}
