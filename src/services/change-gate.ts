/** Rule 6 for an account as it is now: what may be added or removed, and what must be proved first. */

import type { RecordedDecision } from '../domain/decision.ts';
import { type ChangeFacts, type ChangeGate, mayAdd, mayRemove, offersOf } from '../domain/enrolment.ts';
import { StileError } from '../domain/errors.ts';
import { type EnrolmentOffer, evaluate, type TransactionFacts } from '../domain/evaluate.ts';
import type { AuditType } from '../domain/events.ts';
import type { Method } from '../domain/proofs.ts';
import type { NewFactor } from '../domain/reach.ts';
import type { Clause } from '../domain/requirement.ts';
import { type AuditDeps, record } from './audit.ts';
import type { Deps, Settings } from './deps.ts';
import { type Notice, type NoticeDeps, tell } from './notices.ts';
import {
  askPolicy,
  type PolicyAnswer,
  type PolicyDeps,
  reasonsToTell,
  recordedDecision,
  withPolicy,
} from './policy.ts';
import type { Asked as PolicyQuestion } from './policy-facts.ts';
import type { AssuranceFacts } from './ports/assurance.ts';
import type { Credential } from './ports/people.ts';
import type { Assessed, Device } from './ports/policy.ts';

/** What a person can add. */
export type EnrolmentMethod = 'password' | 'totp' | 'passkey';

/** Audit types of the changes to a person's factors. */
export type AccountChange = Extract<
  AuditType,
  'credential_added' | 'credential_changed' | 'credential_removed'
>;

/** Who wants to change factors, and where. Shared by the account page and by a step-up. */
export interface ChangeContext {
  readonly facts: Pick<AssuranceFacts, 'account' | 'credentials' | 'proofs' | 'lastActive' | 'sessionSince'>;
  readonly transaction: Pick<TransactionFacts, 'id' | 'clientId'>;
  /** Of ceremonies: `tx:<transaction id>` or `session:<uid>`. */
  readonly owner: string;
  /** Whether a proof may be staged on the transaction: not on the account page, where nothing would promote it. */
  readonly staging: boolean;
  readonly sessionUid: string | null;
  readonly correlationId: string | null;
  /** What the policy is asked with: the request in which the change is made. */
  readonly asked: Omit<PolicyQuestion, 'event' | 'change'>;
  readonly device: Device;
  /** Of a transaction that has a row: what was found out in it before. Absent: it has none. */
  readonly kept?: Assessed | undefined;
}

/** The gate, and what the policy was told and said where it was asked. */
export type DecidedGate = ChangeGate & { readonly said?: PolicySaid };

export interface PolicySaid {
  /** For the audit. */
  readonly decision: RecordedDecision;
  /** Whom the policy wants told, and what. */
  readonly notice: Notice;
  /** The words of the rule that denies the change, if one does. */
  readonly denied: string | undefined;
}

export type GateDeps = PolicyDeps & Pick<Deps, 'judge' | 'levels' | 'settings'>;

/**
 * What the account may enrol, for `evaluate`: each factor that is switched on and that the account's own factors could
 * open the gate for. What must be proved first is `mayEnrol`'s to say.
 */
export function enrolmentOffers(
  deps: Pick<GateDeps, 'judge' | 'levels' | 'settings'>,
  facts: Pick<AssuranceFacts, 'account' | 'credentials'>,
): readonly EnrolmentOffer[] {
  if (facts.account.status !== 'active') return [];
  const { levels } = deps;
  const credentials = facts.credentials.map(deps.judge);
  return offersOf({ levels, credentials }, newFactors(deps.settings, facts.credentials));
}

/**
 * The factors that are switched on; a key in attested hardware beside the plain one where attestation is asked for; a
 * password where there is none yet.
 */
function newFactors(
  { factors: { totp, passkey } }: Settings,
  credentials: readonly Pick<Credential, 'method'>[],
): readonly NewFactor[] {
  const plain: NewFactor = { method: 'passkey', userVerifying: true };
  const attests = passkey.attestation === 'direct' && passkey.trustedRoots.length > 0;
  return [
    ...(passkey.enrolment ? [plain] : []),
    ...(passkey.enrolment && attests ? [{ ...plain, hardwareProtected: true }] : []),
    ...(totp.enrolment ? [{ method: 'totp' } as const] : []),
    ...(credentials.some(({ method }) => method === 'password') ? [] : [{ method: 'password' } as const]),
  ];
}

/** Whether a factor of this sort may be added now. */
export async function mayEnrol(
  deps: GateDeps,
  context: ChangeContext,
  method: EnrolmentMethod,
): Promise<DecidedGate> {
  const factor = newFactors(deps.settings, context.facts.credentials).find((each) => each.method === method);
  return factor ? gateFor(deps, context, factor) : { kind: 'refused' };
}

/** As `mayEnrol`, for a factor whose facts are known. */
export async function gateFor(
  deps: GateDeps,
  context: ChangeContext,
  factor: NewFactor,
): Promise<DecidedGate> {
  if (context.facts.account.status !== 'active') return { kind: 'refused' };
  return decide(deps, context, 'credential_added', (facts) => mayAdd(facts, factor));
}

/** Whether a factor may be removed, or a password replaced, now. */
export async function mayChange(
  deps: GateDeps,
  context: ChangeContext,
  change: Exclude<AccountChange, 'credential_added'>,
): Promise<DecidedGate> {
  return decide(deps, context, change, mayRemove);
}

async function decide(
  deps: GateDeps,
  context: ChangeContext,
  change: AccountChange,
  gateOf: (facts: ChangeFacts) => ChangeGate,
): Promise<DecidedGate> {
  const answer = await askAbout(deps, context, change);
  const facts = changeFacts(deps, context, answer);
  const notice = { account: context.facts.account, rules: reasonsToTell(answer) };
  const denied = answer.decision.deny?.reason;
  return { ...gateOf(facts), said: { decision: decisionOf(facts, answer), notice, denied } };
}

function askAbout(deps: GateDeps, context: ChangeContext, change: AccountChange): Promise<PolicyAnswer> {
  const { facts, transaction, asked } = context;
  return askPolicy(deps, {
    asked: { ...asked, event: 'account_change', change },
    device: context.device,
    facts,
    sessionUid: context.sessionUid,
    ...('kept' in context ? { transaction: { id: transaction.id, kept: context.kept } } : {}),
  });
}

type AskedFacts = ChangeFacts & Required<Pick<ChangeFacts, 'policy'>>;

function changeFacts(
  deps: GateDeps,
  { facts, transaction, staging }: ChangeContext,
  answer: PolicyAnswer,
): AskedFacts {
  const asks = withPolicy({ clauses: [] }, answer);
  return {
    credentials: facts.credentials.map(deps.judge),
    proofs: facts.proofs,
    levels: deps.levels,
    transaction: { ...transaction, lastActive: facts.lastActive },
    now: deps.clock.now(),
    confirmable: confirmable(facts),
    policy: staging ? asks : { ...asks, clauses: asks.clauses.map(onPage) },
  };
}

/** Whether what the policy asks for is there; rule 6 is the event's own matter. */
function decisionOf(facts: AskedFacts, answer: PolicyAnswer): RecordedDecision {
  const { credentials, proofs, levels, transaction, now, policy } = facts;
  const account = { credentials, enrollable: [] };
  return recordedDecision(answer, {
    requirement: { clauses: [] },
    proofs,
    credentials,
    transaction: transaction.id,
    lastAcr: null,
    outcome: evaluate({ proofs, requirement: policy, levels, account, transaction, now }),
    now,
  });
}

/** Seconds for which a proof made on purpose holds on the account page, which is a request after the one it was made in. */
const JUST_NOW = 60;

function onPage({ reauthenticate, ...clause }: Clause): Clause {
  return reauthenticate ? { ...clause, maxAge: JUST_NOW } : clause;
}

/** A code to the verified address confirms a factor that was not itself set through that address. */
function confirmable({
  account,
  credentials,
}: Pick<AssuranceFacts, 'account' | 'credentials'>): readonly string[] {
  if (account.email === null || account.emailVerifiedAt === null) return [];
  return credentials.filter(({ boundBy }) => boundBy !== 'email_code').map(({ id }) => id);
}

export type OpenGate = Extract<DecidedGate, { kind: 'allowed' }>;

/** What was asked for: the event it would have been, and the factor concerned. */
export interface Asked {
  readonly type: AccountChange;
  readonly method: Method;
  /** The credential that exists already, if the change is to one. */
  readonly credential?: string;
}

/**
 * The open gate. What the policy wants told is told, whichever it is. A closed one is audited as `denied`. Throws StileError: `step_up_required` when something must be
 * proved or confirmed first, else `enrolment_not_allowed`.
 */
export async function requireOpen(
  deps: AuditDeps & NoticeDeps,
  context: ChangeContext,
  { gate, ...asked }: Asked & { readonly gate: DecidedGate },
): Promise<OpenGate> {
  if (gate.said) tell(deps, gate.said.notice);
  if (gate.kind === 'allowed') return gate;
  return refuseChange(deps, context, { ...asked, ...decisionIn(gate), error: closed(gate) });
}

/** Why a gate that is not open is not: `step_up_required`, or `enrolment_not_allowed` in the words of the rule that denies it. */
export function closed({ kind, said }: DecidedGate): StileError {
  if (kind !== 'refused') return new StileError('step_up_required', { detail: kind });
  const reason = said?.denied;
  return new StileError('enrolment_not_allowed', {
    detail: kind,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** What the policy was told and said, for the event of the change. */
export function decisionIn({ said }: DecidedGate): { readonly decision?: RecordedDecision } {
  return said ? { decision: said.decision } : {};
}

/** Audits a change that is refused, and throws why. */
export async function refuseChange(
  deps: AuditDeps,
  context: ChangeContext,
  { type, error, ...data }: Asked & { readonly error: StileError; readonly decision?: RecordedDecision },
): Promise<never> {
  await record(deps, {
    type,
    outcome: 'denied',
    accountId: context.facts.account.id,
    clientId: context.transaction.clientId,
    sessionUid: context.sessionUid,
    correlationId: context.correlationId,
    data: { ...data, error: error.code },
  });
  throw error;
}
