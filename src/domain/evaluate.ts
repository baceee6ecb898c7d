/**
 * The one decision: do these proofs meet this requirement, and if not, what would?
 *
 * Pure. Login, step-up, refresh, the decision endpoint, simulation and backtest call this function; nothing else
 * decides about assurance.
 */
import { enrolChoices, firstChoices, stepUpChoices } from './choices.ts';
import { strongestOf } from './implication.ts';
import { findLevel, type Level } from './level.ts';
import { type LevelDemand, levelDemands, levelsInReach, poolOf, requestedClause } from './level-demands.ts';
import type { EvaluationInput, Outcome } from './outcome.ts';
import { amrOf } from './proofs.ts';
import { type Clause, inOrder, isNarrowable, isTimed } from './requirement.ts';
import { bestSet, holdings, type Pool, type ProofSet } from './satisfy.ts';

export type {
  AccountFacts,
  Choice,
  EnrolChoice,
  EnrolmentOffer,
  EvaluationInput,
  Outcome,
  ProofRequest,
  TransactionFacts,
} from './outcome.ts';

/** See the module comment. Scopes whose narrowable clause cannot be met are named in `dropped`. */
export function evaluate(input: EvaluationInput): Outcome {
  const { deny } = input.requirement;
  if (deny) return { kind: 'denied', reason: deny.reason, dropped: [] };
  const clauses = inOrder(input.requirement.clauses);
  const whole = decide(withClauses(input, clauses));
  return clauses.some(isNarrowable) && mustNarrow(whole, input) ? narrowed(input, clauses) : whole;
}

function mustNarrow(outcome: Outcome, input: EvaluationInput): boolean {
  return outcome.kind === 'unmet' || (input.transaction.silent === true && outcome.kind !== 'satisfied');
}

function withClauses(input: EvaluationInput, clauses: readonly Clause[]): EvaluationInput {
  return { ...input, requirement: { ...input.requirement, clauses } };
}

/** Keeps what must hold, and beside it each scope that can be had. */
function narrowed(input: EvaluationInput, clauses: readonly Clause[]): Outcome {
  const without = new Set(clauses.filter(isNarrowable));
  const decideKept = (): Outcome =>
    decide(
      withClauses(
        input,
        clauses.filter((each) => !without.has(each)),
      ),
    );
  for (const clause of [...without]) {
    without.delete(clause);
    if (mustNarrow(decideKept(), input)) without.add(clause);
  }
  return { ...decideKept(), dropped: [...without].flatMap(({ name }) => name ?? []) };
}

function decide(input: EvaluationInput): Outcome {
  const demands = levelDemands(input);
  const pool = poolOf(input, input.proofs);
  const met = meet(input, demands, pool);
  if (met) return { ...met, dropped: [] };
  const missing = missingClauses(input, demands, pool);
  // Values that this configuration can never meet: the same answer for everyone, so no oracle.
  if (demands.some(({ levels }) => levels.length === 0)) return { kind: 'unmet', missing, dropped: [] };
  if (!input.account) return { kind: 'stepUp', choices: firstChoices(demands), missing, dropped: [] };
  const choices = stepUpChoices(input, demands, input.account);
  if (choices.length > 0) return { kind: 'stepUp', choices, missing, dropped: [] };
  const enrolments = enrolChoices(input, demands, input.account);
  if (enrolments.length > 0) return { kind: 'enrol', choices: enrolments, missing, dropped: [] };
  return { kind: 'unmet', missing, dropped: [] };
}

type Satisfied = Omit<Extract<Outcome, { kind: 'satisfied' }>, 'dropped'>;

/**
 * The satisfying set is the reported level's, and with it whatever else the other demands rest on: all of it is in
 * amr, so all of its anchors count for auth_time.
 */
function meet(input: EvaluationInput, demands: readonly LevelDemand[], pool: Pool): Satisfied | undefined {
  const held = holdings(pool);
  if (!demands.every(({ levels }) => levels.some(held))) return undefined;
  const reported = reportedLevel(input, held);
  const set = reported && held(reported.level);
  if (!set) return undefined;
  const others = demands.filter(
    ({ levels }) => !levels.includes(reported.level) && !isCovered(levels, set, pool),
  );
  const sets = [set, ...others.flatMap(({ levels }) => levels.map(held).find(Boolean) ?? [])];
  const ids = new Set(sets.flatMap(({ proofs }) => proofs.map(({ id }) => id)));
  return {
    kind: 'satisfied',
    acr: reported.value,
    amr: amrOf(
      pool.proofs.filter(({ id }) => ids.has(id)),
      pool.credentials,
    ),
    authTime: Math.min(...sets.map(({ authTime }) => authTime)),
    proofIds: [...ids].sort(),
  };
}

/** Do the proofs of this set alone hold one of the levels? */
function isCovered(levels: readonly Level[], set: ProofSet, pool: Pool): boolean {
  return levels.some((level) => bestSet(level, { ...pool, proofs: set.proofs }));
}

/** Rule 1: first met value of the essential claim, else of acr_values, else the strongest level held. */
function reportedLevel(
  input: EvaluationInput,
  held: (level: Level) => ProofSet | undefined,
): { value: string; level: Level } | undefined {
  const inReach = levelsInReach(input);
  for (const value of requestedClause(input.requirement.clauses)?.acr ?? []) {
    const level = findLevel(inReach, value);
    if (level && held(level)) return { value, level };
  }
  const level = strongestOf(inReach, (each) => held(each) !== undefined);
  return level && { value: level.acr, level };
}

/** The clauses whose level no proofs give, and, where only age is in the way, those that limit it. */
function missingClauses(
  input: EvaluationInput,
  demands: readonly LevelDemand[],
  pool: Pool,
): readonly Clause[] {
  const { maxAge: _, ...rest } = pool;
  const [held, ageless] = [holdings(pool), holdings({ ...rest, reauthenticate: false })];
  const unmet = demands.filter(({ levels }) => !levels.some(held));
  const lacking = unmet.filter(({ levels }) => !levels.some(ageless)).map(({ clause }) => clause);
  const aged = unmet.some(
    ({ clause, levels }) => levels.some(ageless) || (!clause && pool.proofs.length > 0),
  );
  return input.requirement.clauses.filter((clause) => lacking.includes(clause) || (aged && isTimed(clause)));
}
