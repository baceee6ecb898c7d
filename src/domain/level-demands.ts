/**
 * A requirement in terms of levels: what must hold, in order of preference, and the proofs that may be used.
 */
import { findLevel, type Level } from './level.ts';
import type { EvaluationInput } from './outcome.ts';
import type { CredentialFacts, Proof } from './proofs.ts';
import { type Clause, isTimed, reauthenticates, smallestMaxAge } from './requirement.ts';
import type { Pool } from './satisfy.ts';

/** One thing that must hold: any of the levels. */
export interface LevelDemand {
  /** In order of preference; empty: nothing can meet it. */
  readonly levels: readonly Level[];
  /** Who asks; absent where no clause names a level. */
  readonly clause?: Clause;
}

/** The levels this transaction can reach at all: all of them, unless it crosses devices. */
export function levelsInReach({ levels, transaction }: EvaluationInput): readonly Level[] {
  return transaction.crossDevice ? levels.filter(({ crossDevice }) => crossDevice) : levels;
}

/** Everything that must hold. There is always a demand: a sign-in without one asks for any level. */
export function levelDemands(input: EvaluationInput): readonly LevelDemand[] {
  const { clauses } = input.requirement;
  const inReach = levelsInReach(input);
  const named = clauses.flatMap((clause) =>
    clause.acr && !clause.voluntary ? [{ clause, levels: known(clause.acr, inReach) }] : [],
  );
  const last = lastLevel(input, inReach);
  if (last) return [...named, { levels: [last] }];
  if (named.length > 0) return named;
  const guided = clauses.flatMap(({ acr = [], voluntary }) => (voluntary ? known(acr, inReach) : []));
  return [{ levels: [...new Set([...guided, ...inReach])] }];
}

function known(values: readonly string[], levels: readonly Level[]): Level[] {
  return [...new Set(values.flatMap((value) => findLevel(levels, value) ?? []))];
}

/** The clause whose first met value is the acr to be reported: the essential claim, else acr_values. */
export function requestedClause(clauses: readonly Clause[]): Clause | undefined {
  const requested = clauses.filter(({ acr, voluntary }) => acr && !voluntary);
  return (
    requested.find(({ source }) => source === 'claims') ??
    requested.find(({ source }) => source === 'userinfo') ??
    requested.find(({ source }) => source === 'acr_values')
  );
}

/**
 * `max_age` without an acr is asked of the acr last issued to this client in this session: at a weaker one, the
 * answer would bring the next challenge, and so on for ever.
 */
function lastLevel(input: EvaluationInput, inReach: readonly Level[]): Level | undefined {
  const { clauses } = input.requirement;
  const { lastAcr } = input.transaction;
  if (lastAcr === undefined || requestedClause(clauses)) return undefined;
  const bare = clauses.some((clause) => isTimed(clause) && !clause.acr);
  return bare ? findLevel(inReach, lastAcr) : undefined;
}

/** The proofs and what limits them. `extra`: credentials that do not exist yet. */
export function poolOf(
  input: EvaluationInput,
  proofs: readonly Proof[],
  extra: readonly CredentialFacts[] = [],
): Pool {
  const { requirement, transaction, now, levels } = input;
  const maxAge = smallestMaxAge(requirement.clauses);
  return {
    proofs,
    credentials: [...(input.account?.credentials ?? []), ...extra],
    reauthenticate: requirement.clauses.some(reauthenticates),
    ...(maxAge === undefined ? {} : { maxAge }),
    transaction,
    levels,
    now,
  };
}
