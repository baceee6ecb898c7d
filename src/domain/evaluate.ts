/**
 * The one decision: do these proofs meet this requirement, and if not, what would?
 *
 * Pure. Login, step-up, refresh, the decision endpoint, simulation and backtest call this function; nothing else
 * decides about assurance.
 */
import { findLevel, type Level, rank } from './ladder.ts';
import { amrOf, type CredentialFacts, type Method, type Proof, proofShape } from './proofs.ts';
import { type Clause, type Requirement, smallestMaxAge } from './requirement.ts';
import { bestSet, type Pool, type ProofSet } from './satisfy.ts';

/** A factor this account may enrol now, with the facts its credential would have. */
export interface EnrolmentOffer {
  readonly method: Method;
  readonly boundAt: string | null;
  readonly userVerifying?: boolean;
  readonly hardwareProtected?: boolean;
}

/** Known only after a first proof: before it nothing about an account may show. */
export interface AccountFacts {
  readonly credentials: readonly CredentialFacts[];
  readonly enrollable: readonly EnrolmentOffer[];
}

export interface TransactionFacts {
  readonly id: string;
  readonly clientId: string;
  /** Device and CIBA grants: only levels that say `crossDevice` are in reach. */
  readonly crossDevice?: boolean;
  /** `prompt=none`: nothing can be asked, so narrowable scopes are dropped instead. */
  readonly silent?: boolean;
  /** The acr last issued to this client in this session. */
  readonly lastAcr?: string;
  /** acr → epoch seconds at which the session was last active at that level (levels with `idle`). */
  readonly lastActive?: Readonly<Record<string, number>>;
}

export interface EvaluationInput {
  readonly proofs: readonly Proof[];
  readonly requirement: Requirement;
  readonly levels: readonly Level[];
  readonly account?: AccountFacts;
  readonly transaction: TransactionFacts;
  /** Epoch seconds. */
  readonly now: number;
}

/** A proof to be made: any one of the credentials will do. Before a first proof `credentialIds` is empty. */
export interface ProofRequest {
  readonly method: Method;
  readonly userVerified: boolean;
  readonly hardwareProtected: boolean;
  readonly credentialIds: readonly string[];
}

/** All of `prove` together would satisfy the requirement at `acr`; nothing in it could be left out. */
export interface Choice {
  readonly acr: string;
  readonly prove: readonly ProofRequest[];
}

/** As a choice, with one factor to be enrolled first. */
export interface EnrolChoice extends Choice {
  readonly enrol: EnrolmentOffer;
}

export type Outcome = { readonly dropped: readonly string[] } & (
  | {
      readonly kind: 'satisfied';
      readonly acr: string;
      readonly amr: readonly string[];
      readonly authTime: number;
      readonly proofIds: readonly string[];
    }
  | { readonly kind: 'stepUp'; readonly choices: readonly Choice[]; readonly missing: readonly Clause[] }
  | { readonly kind: 'enrol'; readonly choices: readonly EnrolChoice[]; readonly missing: readonly Clause[] }
  | { readonly kind: 'unmet'; readonly missing: readonly Clause[] }
  | { readonly kind: 'denied'; readonly reason: string }
);

/** See the module comment. Scopes whose narrowable clause cannot be met are named in `dropped`. */
export function evaluate(input: EvaluationInput): Outcome {
  const { deny } = input.requirement;
  if (deny) return { kind: 'denied', reason: deny.reason, dropped: [] };
  const whole = decide(input);
  if (!mustNarrow(whole, input)) return whole;
  const { clauses } = input.requirement;
  const failing = clauses.filter(
    (clause) => clause.narrow && mustNarrow(decide(withClauses(input, [clause])), input),
  );
  const some = decideWithout(input, failing);
  if (!mustNarrow(some, input)) return some;
  return decideWithout(
    input,
    clauses.filter(({ narrow }) => narrow),
  );
}

function mustNarrow(outcome: Outcome, input: EvaluationInput): boolean {
  return outcome.kind === 'unmet' || (input.transaction.silent === true && outcome.kind !== 'satisfied');
}

function withClauses(input: EvaluationInput, clauses: readonly Clause[]): EvaluationInput {
  return { ...input, requirement: { ...input.requirement, clauses } };
}

function decideWithout(input: EvaluationInput, without: readonly Clause[]): Outcome {
  const clauses = input.requirement.clauses.filter((clause) => !without.includes(clause));
  const dropped = without.flatMap(({ name }) => (name === undefined ? [] : [name]));
  return { ...decide(withClauses(input, clauses)), dropped };
}

/** The levels each clause accepts, in order; and the clauses themselves, with the implied one. */
interface Demands {
  readonly clauses: readonly Clause[];
  readonly wanted: readonly (readonly Level[])[];
}

function decide(input: EvaluationInput): Outcome {
  const demands = demandsOf(input);
  const pool = poolOf(input, input.proofs);
  const met = meet(input, demands, pool);
  if (met) return { ...met, dropped: [] };
  const missing = missingClauses(input, demands, pool);
  // Values that this configuration can never meet: the same answer for everyone, so no oracle.
  if (demands.wanted.some((levels) => levels.length === 0)) return { kind: 'unmet', missing, dropped: [] };
  if (!input.account) return { kind: 'stepUp', choices: firstChoices(demands), missing, dropped: [] };
  const { account } = input;
  const choices = firstReachable(demands, (want) => choicesFor(input, want, account.credentials));
  if (choices.length > 0) return { kind: 'stepUp', choices, missing, dropped: [] };
  const enrolments = firstReachable(demands, (want) =>
    account.enrollable.flatMap((offer) => enrolChoices(input, want, account.credentials, offer)),
  );
  if (enrolments.length > 0) return { kind: 'enrol', choices: enrolments, missing, dropped: [] };
  return { kind: 'unmet', missing, dropped: [] };
}

function demandsOf(input: EvaluationInput): Demands {
  const { requirement, levels, transaction } = input;
  const inReach = levels.filter((level) => !transaction.crossDevice || level.crossDevice);
  const clauses = requirement.clauses.filter(({ acr, voluntary }) => acr !== undefined && !voluntary);
  const named = clauses.map(({ acr = [] }) => known(acr, inReach));
  if (clauses.length > 0) return { clauses, wanted: named };
  const aged = requirement.clauses.some((clause) => clause.maxAge !== undefined || clause.reauthenticate);
  const last =
    aged && transaction.lastAcr !== undefined ? findLevel(inReach, transaction.lastAcr) : undefined;
  const guided = requirement.clauses.flatMap(({ acr = [], voluntary }) =>
    voluntary ? known(acr, inReach) : [],
  );
  const any = last ? [last] : [...new Set([...guided, ...inReach])];
  return { clauses: [{ source: 'max_age', reason: 'reason.recent' }], wanted: [any] };
}

function known(values: readonly string[], levels: readonly Level[]): Level[] {
  return [...new Set(values.flatMap((value) => findLevel(levels, value) ?? []))];
}

function poolOf(
  input: EvaluationInput,
  proofs: readonly Proof[],
  extra: readonly CredentialFacts[] = [],
): Pool {
  const { requirement, transaction, now, levels } = input;
  const maxAge = smallestMaxAge(requirement.clauses);
  return {
    proofs,
    credentials: [...(input.account?.credentials ?? []), ...extra],
    reauthenticate: requirement.clauses.some((clause) => clause.reauthenticate),
    ...(maxAge === undefined ? {} : { maxAge }),
    transaction,
    levels,
    now,
  };
}

type Satisfied = Omit<Extract<Outcome, { kind: 'satisfied' }>, 'dropped'>;

function meet(input: EvaluationInput, demands: Demands, pool: Pool): Satisfied | undefined {
  const chosen = demands.wanted.map((levels) => firstMet(levels, pool));
  if (chosen.some((held) => held === undefined)) return undefined;
  const reported = reportedLevel(input, pool);
  if (!reported) return undefined;
  const sets = [reported.set, ...chosen.flatMap((held) => (held && isNamed(demands) ? [held.set] : []))];
  const proofs = pool.proofs.filter(({ id }) =>
    sets.some((set) => set.proofs.some((proof) => proof.id === id)),
  );
  return {
    kind: 'satisfied',
    acr: reported.value,
    amr: amrOf(proofs, pool.credentials),
    authTime: reported.set.authTime,
    proofIds: proofs.map(({ id }) => id).sort(),
  };
}

/** False for the implied clause: it asks for any level, so the reported one answers it. */
function isNamed(demands: Demands): boolean {
  return demands.clauses.some(({ acr }) => acr !== undefined);
}

interface Held {
  readonly level: Level;
  readonly set: ProofSet;
}

function firstMet(levels: readonly Level[], pool: Pool): Held | undefined {
  for (const level of levels) {
    const set = bestSet(level, pool);
    if (set) return { level, set };
  }
  return undefined;
}

/** Rule 1: first met value of the essential claim, else of acr_values, else the strongest level held. */
function reportedLevel(input: EvaluationInput, pool: Pool): { value: string; set: ProofSet } | undefined {
  const inReach = input.levels.filter((level) => !input.transaction.crossDevice || level.crossDevice);
  for (const source of ['claims', 'acr_values'] as const) {
    const clause = input.requirement.clauses.find((each) => each.source === source && !each.voluntary);
    for (const value of clause?.acr ?? []) {
      const level = findLevel(inReach, value);
      const set = level && bestSet(level, pool);
      if (set) return { value, set };
    }
  }
  const strongest = firstMet([...inReach].reverse(), pool);
  return strongest && { value: strongest.level.acr, set: strongest.set };
}

function missingClauses(input: EvaluationInput, demands: Demands, pool: Pool): Clause[] {
  const unmet = demands.clauses.filter((_, index) => !firstMet(demands.wanted[index] ?? [], pool));
  const lacking = unmet.filter(({ acr }) => acr !== undefined);
  // Where age alone is what is missing, name the clauses that limit it.
  const timed = input.requirement.clauses.filter(
    (clause) => clause.maxAge !== undefined || clause.reauthenticate,
  );
  return [...new Set([...lacking, ...timed])];
}

/** Rule 3: the first reachable value in request order, over every clause's list. */
function firstReachable<T>(demands: Demands, reach: (want: readonly Level[]) => readonly T[]): readonly T[] {
  for (const want of product(demands.wanted)) {
    const found = reach(want);
    if (found.length > 0) return found;
  }
  return [];
}

function* product(lists: readonly (readonly Level[])[]): Generator<readonly Level[]> {
  const [head, ...rest] = lists;
  if (!head) return yield [];
  for (const level of head) for (const tail of product(rest)) yield [level, ...tail];
}

/** Before a first proof everybody is offered the same first factors. */
function firstChoices(demands: Demands): Choice[] {
  const acr = demands.wanted[0]?.[0]?.acr ?? '';
  return (['passkey', 'password'] as const).map((method) => ({
    acr,
    prove: [{ method, userVerified: false, hardwareProtected: false, credentialIds: [] }],
  }));
}

const MOST_PROOFS = 3;

/** Minimal sets of proofs by enrolled credentials after which every level in `want` holds. */
function choicesFor(
  input: EvaluationInput,
  want: readonly Level[],
  credentials: readonly CredentialFacts[],
): readonly Choice[] {
  return minimalSets(input, want, requestable(input, credentials), []).map((prove) => ({
    acr: want[0]?.acr ?? '',
    prove,
  }));
}

function enrolChoices(
  input: EvaluationInput,
  want: readonly Level[],
  credentials: readonly CredentialFacts[],
  offer: EnrolmentOffer,
): readonly EnrolChoice[] {
  const fresh: CredentialFacts = { id: `new:${offer.method}`, synced: false, ...offer };
  return minimalSets(input, want, requestable(input, credentials), [fresh]).map((prove) => ({
    acr: want[0]?.acr ?? '',
    enrol: offer,
    prove,
  }));
}

interface Request extends ProofRequest {
  readonly example: CredentialFacts;
}

/** One request per sort of credential, leaving out what this transaction has already proved. */
function requestable(input: EvaluationInput, credentials: readonly CredentialFacts[]): Request[] {
  const groups = new Map<string, { example: CredentialFacts; ids: string[] }>();
  for (const credential of credentials) {
    if (alreadyProved(input, credential)) continue;
    const { method, userVerifying, hardwareProtected, synced, boundAt } = credential;
    const key = JSON.stringify([
      method,
      !!userVerifying,
      !!hardwareProtected && !synced,
      rank(input.levels, boundAt),
    ]);
    const group = groups.get(key);
    if (group) group.ids.push(credential.id);
    else groups.set(key, { example: credential, ids: [credential.id] });
  }
  return [...groups.values()].map(({ example, ids }) => ({
    method: example.method,
    userVerified: example.userVerifying === true,
    hardwareProtected: example.hardwareProtected === true && example.synced !== true,
    credentialIds: ids,
    example,
  }));
}

/** Nobody is asked for one method twice in a transaction, unless for verification it did not give the first time. */
function alreadyProved(input: EvaluationInput, credential: CredentialFacts): boolean {
  return input.proofs.some(
    (proof) =>
      proof.transaction === input.transaction.id &&
      proof.method === credential.method &&
      proof.credentialId === credential.id &&
      (proof.userVerified || credential.userVerifying !== true),
  );
}

function minimalSets(
  input: EvaluationInput,
  want: readonly Level[],
  requests: readonly Request[],
  enrolled: readonly CredentialFacts[],
): ProofRequest[][] {
  const found: Request[][] = [];
  for (let size = enrolled.length > 0 ? 0 : 1; size <= MOST_PROOFS; size += 1) {
    for (const subset of subsets(requests, size)) {
      if (found.some((smaller) => smaller.every((request) => subset.includes(request)))) continue;
      const made = [...subset.map(({ example }) => example), ...enrolled].map((each) =>
        hypothetical(input, each),
      );
      const pool = poolOf(input, [...input.proofs, ...made], enrolled);
      if (want.every((level) => bestSet(level, pool))) found.push(subset);
    }
  }
  return found.map((subset) => subset.map(({ example: _, ...request }) => request));
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
