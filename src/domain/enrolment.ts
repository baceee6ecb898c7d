/**
 * Rule 6: changing factors is a protected action. What must be proved before one is added or removed, and how
 * strongly the new one is then bound. Every question of assurance is put to `evaluate`.
 */
import {
  type Choice,
  type EnrolmentOffer,
  type EvaluationInput,
  evaluate,
  type TransactionFacts,
} from './evaluate.ts';
import { type Level, rank } from './ladder.ts';
import { type CredentialFacts, type Method, type Proof, proofShape } from './proofs.ts';
import { bestLevel, lacksSecondFactor, levelOfFactor, type NewFactor, strongestFirst } from './reach.ts';
import type { Clause, Requirement } from './requirement.ts';
import { bestSet } from './satisfy.ts';

/** Seconds for which a proof counts as fresh where factors are changed. */
export const FRESH_FOR = 300;

export interface ChangeFacts {
  readonly credentials: readonly CredentialFacts[];
  readonly proofs: readonly Proof[];
  readonly levels: readonly Level[];
  readonly transaction: TransactionFacts;
  /** Epoch seconds. */
  readonly now: number;
  /**
   * Credentials that a code to the verified address confirms independently: empty without such an address, and
   * without those that were themselves set or reset through it. An administrator confirms the others.
   */
  readonly confirmable: readonly string[];
  /** What the policy asks of this change, beside rule 6. */
  readonly policy?: Requirement;
}

/** The channels that confirm, by the method of the code that comes over them. */
export type Channel = 'email' | 'admin_code';

export type ChangeGate =
  | { readonly kind: 'allowed'; readonly boundAt: string | null; readonly boundBy: BoundBy }
  /** Any one choice must be proved first. */
  | { readonly kind: 'stepUp'; readonly choices: readonly Choice[]; readonly missing: readonly Clause[] }
  /** A code that came over the channel must be entered in this transaction. */
  | { readonly kind: 'confirm'; readonly channel: Channel }
  | { readonly kind: 'refused' };

export type BoundBy = 'email_code' | 'admin_code' | 'step_up';

/** Whether a factor may be added now. See rule 6. */
export function mayAdd(facts: ChangeFacts, factor: NewFactor): ChangeGate {
  const need = levelToAdd(facts, factor);
  return need ? gateAt(facts, need) : { kind: 'refused' };
}

function gateAt(facts: ChangeFacts, need: Level): ChangeGate {
  return lacksSecondFactor(facts.credentials) ? mayAddFirstSecond(facts, need) : freshAt(facts, need);
}

/** The lower of the account's best level and the new factor's. */
function levelToAdd({ levels, credentials }: ChangeFacts, factor: NewFactor): Level | undefined {
  const best = bestLevel(levels, credentials);
  const its = levelOfFactor(levels, credentials, factor);
  if (!best || !its) return best;
  return rank(levels, its.acr) < rank(levels, best.acr) ? its : best;
}

/**
 * The first factor proved in this transaction, and confirmed over a channel that neither proved nor reset it: the
 * verified address if it is one, else an administrator.
 */
function mayAddFirstSecond(facts: ChangeFacts, need: Level): ChangeGate {
  const clause: Clause = { source: 'account', acr: [need.acr], reauthenticate: true, reason: REASON };
  const provedBy = (enrolled: (id: string) => boolean) =>
    facts.proofs.filter(({ credentialId }) => credentialId !== undefined && enrolled(credentialId));
  const mailable = { ...facts, proofs: provedBy((id) => facts.confirmable.includes(id)) };
  const byMail = changeGate(mailable, clause);
  if (byMail.kind === 'allowed') return confirmed(facts, byMail, 'email');
  const gate = changeGate({ ...facts, proofs: provedBy(() => true) }, clause);
  return gate.kind === 'allowed' ? confirmed(facts, gate, 'admin_code') : gate;
}

type Allowed = Extract<ChangeGate, { kind: 'allowed' }>;

function confirmed({ proofs, transaction }: ChangeFacts, gate: Allowed, channel: Channel): ChangeGate {
  const given = proofs.some((proof) => proof.method === channel && proof.transaction === transaction.id);
  return given ? { ...gate, boundBy: boundByCode[channel] } : { kind: 'confirm', channel };
}

const boundByCode = { email: 'email_code', admin_code: 'admin_code' } as const;

/** Whether a factor may be removed, or reset, now: the account's best level, fresh. */
export function mayRemove(facts: ChangeFacts): ChangeGate {
  const best = bestLevel(facts.levels, facts.credentials);
  return best ? freshAt(facts, best) : { kind: 'refused' };
}

const REASON = 'reason.account';

/** What an emailed code opens, as it does where the weakest level is enough, is set through the address, and says so. */
function freshAt(facts: ChangeFacts, need: Level): ChangeGate {
  const clause: Clause = { source: 'account', acr: [need.acr], maxAge: FRESH_FOR, reason: REASON };
  const factors = facts.proofs.filter(({ method }) => method !== 'email');
  const gate = changeGate({ ...facts, proofs: factors }, clause);
  if (gate.kind === 'allowed') return gate;
  const byCode = changeGate(facts, clause);
  return byCode.kind === 'allowed' ? { ...byCode, boundBy: 'email_code' } : gate;
}

function changeGate(facts: ChangeFacts, clause: Clause): ChangeGate {
  const outcome = evaluate(evaluation(facts, clause));
  if (outcome.kind === 'satisfied')
    return { kind: 'allowed', boundAt: bindingOf(facts, clause), boundBy: 'step_up' };
  if (outcome.kind === 'stepUp')
    return { kind: 'stepUp', choices: outcome.choices, missing: outcome.missing };
  return { kind: 'refused' };
}

function evaluation(facts: ChangeFacts, clause: Clause): EvaluationInput {
  const { credentials, proofs, levels, transaction, now, policy } = facts;
  return {
    proofs,
    requirement: { ...policy, clauses: [clause, ...(policy?.clauses ?? [])] },
    levels,
    account: { credentials, enrollable: [] },
    transaction,
    now,
  };
}

/** The lowest of the strongest level proved, as freshly as the clause asks, and what its anchors are bound at. */
function bindingOf(facts: ChangeFacts, clause: Clause): string | null {
  const { levels, proofs, credentials, transaction, now } = facts;
  const proved = strongestFirst(levels).find(
    ({ acr }) => evaluate(evaluation(facts, { ...clause, acr: [acr] })).kind === 'satisfied',
  );
  if (!proved) return null;
  const pool = {
    levels,
    proofs,
    credentials,
    transaction,
    now,
    reauthenticate: clause.reauthenticate === true,
  };
  const maxAge = clause.maxAge === undefined ? {} : { maxAge: clause.maxAge };
  const anchors = bestSet(proved, { ...pool, ...maxAge })?.anchors ?? [];
  const bound = anchors.map(
    ({ credentialId }) => credentials.find(({ id }) => id === credentialId)?.boundAt ?? null,
  );
  return lowest(levels, [proved.acr, ...bound]);
}

function lowest(levels: readonly Level[], values: readonly (string | null)[]): string | null {
  const found = Math.min(...values.map((value) => rank(levels, value)));
  return levels[found]?.acr ?? null;
}

/**
 * New factors as offers, bound as they would be once everything enrolled had just been proved; none where that would not
 * open the gate. For offering them before the gate is passed.
 */
export function offersOf(
  facts: Pick<ChangeFacts, 'credentials' | 'levels'>,
  factors: readonly NewFactor[],
): readonly EnrolmentOffer[] {
  const best = bestLevel(facts.levels, facts.credentials);
  if (!best) return [];
  const proofs = facts.credentials.map(({ method, id, userVerifying }) =>
    justProved(method, userVerifying === true, id),
  );
  const proved = {
    ...facts,
    transaction: HYPOTHETICAL,
    confirmable: [],
    proofs: [...proofs, justProved('admin_code', false)],
    now: 0,
  };
  const gate = gateAt(proved, best);
  return gate.kind === 'allowed' ? factors.map((factor) => ({ ...factor, boundAt: gate.boundAt })) : [];
}

const HYPOTHETICAL: TransactionFacts = { id: '~', clientId: '~' };

function justProved(method: Method, userVerified: boolean, credentialId?: string): Proof {
  return {
    ...proofShape(method, userVerified),
    id: `~${credentialId ?? method}`,
    at: 0,
    transaction: HYPOTHETICAL.id,
    ...(credentialId === undefined ? {} : { credentialId }),
  };
}
