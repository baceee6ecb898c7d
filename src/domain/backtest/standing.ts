/**
 * What a recorded decision comes to under the clauses of a policy, as docs/decisions/adaptive-policy.md defines it. Every question
 * of assurance is put to `evaluate`.
 */
import type { RecordedDecision } from '../decision.ts';
import { type EvaluationInput, evaluate } from '../evaluate.ts';
import type { Level } from '../level.ts';
import type { Proof } from '../proofs.ts';

/**
 * `prompted`: more must be proved than there was. `denied` and `lockedOut` are blocks: by a rule, and for lack of a factor. At a
 * refresh `refused` is all that can happen.
 */
export type Standing = 'passes' | 'prompted' | 'denied' | 'lockedOut' | 'refused';

/** What a policy adds. */
export type Added = Pick<RecordedDecision['policy'], 'clauses' | 'deny'>;

export type Judge = (decision: RecordedDecision, added: Added) => Standing;

/** Levels are today's. */
export function standingOf(decision: RecordedDecision, added: Added, levels: readonly Level[]): Standing {
  return isRefresh(decision) ? atRefresh(decision, added, levels) : atRequest(decision, added, levels);
}

export function isRefresh({ facts }: RecordedDecision): boolean {
  return facts.request.event === 'refresh';
}

export function isBlocked(standing: Standing): boolean {
  return standing === 'denied' || standing === 'lockedOut';
}

/** Nothing can be asked: what the record's proofs do not give now is refused. None is of this moment's making. */
function atRefresh(decision: RecordedDecision, added: Added, levels: readonly Level[]): Standing {
  if (added.deny) return 'refused';
  if (added.clauses.length === 0) return 'passes';
  const { proofs } = decision;
  const input = inputOf(decision, { added, levels, proofs });
  return evaluate({ ...input, transaction: { ...input.transaction, id: '' } }).kind === 'satisfied'
    ? 'passes'
    : 'refused';
}

function atRequest(decision: RecordedDecision, added: Added, levels: readonly Level[]): Standing {
  if (added.deny) return 'denied';
  const proofs = proofsBefore(decision);
  const { kind } = evaluate(inputOf(decision, { added, levels, proofs }));
  if (kind === 'satisfied') return 'passes';
  if (kind === 'stepUp') return 'prompted';
  // What cannot be asked of any credential may have been proved all the same, by an emailed code for one.
  const all = decision.proofs;
  const proved =
    all.length > proofs.length &&
    evaluate(inputOf(decision, { added, levels, proofs: all })).kind === 'satisfied';
  return proved ? 'prompted' : 'lockedOut';
}

/** Those there were before the transaction; where there were none, its first: a sign-in is no prompt. */
export function proofsBefore({ proofs, transaction }: RecordedDecision): readonly Proof[] {
  if (proofs.length === 1) return proofs;
  const before = proofs.filter((proof) => proof.transaction !== transaction);
  if (before.length > 0) return before;
  const [first] = proofs.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return first ? [first] : [];
}

interface Asked {
  readonly added: Added;
  readonly levels: readonly Level[];
  readonly proofs: readonly Proof[];
}

function inputOf(decision: RecordedDecision, { added, levels, proofs }: Asked): EvaluationInput {
  const { facts, clauses, credentials, transaction, lastAcr, lastActive, now } = decision;
  return {
    proofs,
    requirement: { clauses: [...clauses, ...added.clauses] },
    levels,
    account: { credentials, enrollable: [] },
    transaction: {
      id: transaction,
      clientId: facts.client.id,
      ...(facts.request.silent ? { silent: true } : {}),
      ...(lastAcr === null ? {} : { lastAcr }),
      ...(lastActive ? { lastActive } : {}),
    },
    now,
  };
}
