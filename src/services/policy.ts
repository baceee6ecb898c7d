/**
 * Asking the policy: its clauses join those of the request, and `evaluate` decides over all of them. Asked wherever
 * assurance is assessed, and only about somebody who has proved something: before that nothing about a person may show.
 */
import type { RecordedDecision } from '../domain/decision.ts';
import type { Outcome } from '../domain/outcome.ts';
import { decidePolicy, type PolicyDecision } from '../domain/policy/decide.ts';
import type { PolicyFacts } from '../domain/policy/facts.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { timeFacts } from '../domain/policy/time.ts';
import type { CredentialFacts, Proof } from '../domain/proofs.ts';
import type { Requirement } from '../domain/requirement.ts';
import { type Asked, noRisk, policyFacts } from './policy-facts.ts';
import type {
  Assessed,
  AssuranceFacts,
  AuthTransaction,
  AuthTransactionStore,
  Clock,
  Device,
  NetworkLookup,
  PolicySource,
  RiskAssessor,
  TokenOrigin,
} from './ports.ts';

export interface PolicyDeps {
  readonly clock: Clock;
  readonly policy: PolicySource;
  readonly network: NetworkLookup;
  readonly risk: RiskAssessor;
  readonly transactions: Pick<AuthTransactionStore, 'keep'>;
  readonly isRemembered: (accountId: string, device: Device) => Promise<boolean>;
}

/** What there is to ask about: the request, and the person as far as known. */
export interface Question {
  readonly asked: Asked;
  readonly device: Device;
  readonly facts: Pick<AssuranceFacts, 'account' | 'credentials' | 'proofs' | 'sessionSince'>;
  readonly sessionUid: string | null;
  /** The authentication transaction in hand: what was found out once in it is kept with it. Absent: there is none. */
  readonly transaction?: { readonly id: string; readonly kept: Assessed | undefined };
  /** Where a token was last used from, at a refresh. */
  readonly tokenFrom?: TokenOrigin | null;
}

export interface PolicyAnswer {
  readonly policy: Policy;
  readonly facts: PolicyFacts;
  readonly decision: PolicyDecision;
}

/** The facts, and what the policy in force makes of them. */
export async function askPolicy(deps: PolicyDeps, question: Question): Promise<PolicyAnswer> {
  const policy = deps.policy.current();
  const facts = await factsOf(deps, policy, question);
  return { policy, facts, decision: decidePolicy(policy, facts) };
}

async function factsOf(deps: PolicyDeps, policy: Policy, question: Question): Promise<PolicyFacts> {
  const now = deps.clock.now();
  const { asked, device, facts } = question;
  const { account, credentials, proofs, sessionSince } = facts;
  const { device: familiar, risk } = await assessed(deps, policy, question);
  return policyFacts(
    asked,
    { account, credentials, proofs, sessionSince, now },
    {
      network: deps.network.of(device.address),
      device: { ...deps.risk.describe(device.userAgent), ...familiar },
      time: timeFacts(now, policy.timeZone),
      risk,
    },
  );
}

/** What was found out in a transaction before. */
export function keptOf({ state }: Pick<AuthTransaction, 'state'>): Assessed | undefined {
  return state[KEPT] as Assessed | undefined;
}

/** Its member of a transaction's state. */
export const KEPT = 'assessed';

const notAssessed: Assessed = { device: { known: false, remembered: false }, risk: noRisk };

/**
 * History is read at a sign-in, once, and where a rule asks. Within a transaction the first answer stands: the browser
 * that was new when a sign-in began is new until it ends.
 */
async function assessed(deps: PolicyDeps, policy: Policy, question: Question): Promise<Assessed> {
  const { transaction } = question;
  if (transaction?.kept) return transaction.kept;
  if (!transaction && !asksForHistory(policy)) return notAssessed;
  const { device, facts, sessionUid, tokenFrom } = question;
  const read = await deps.risk.assess({
    accountId: facts.account.id,
    sessionUid,
    device,
    tokenFrom: tokenFrom ?? null,
    now: deps.clock.now(),
  });
  const found = (await deps.isRemembered(facts.account.id, device)) ? lifted(read) : read;
  return transaction ? ((await deps.transactions.keep(transaction.id, KEPT, found)) as Assessed) : found;
}

/** A remembered device silences what is said about the device, and nothing else. */
function lifted({ device, risk }: Assessed): Assessed {
  return {
    device: { ...device, remembered: true },
    risk: { ...risk, newDevice: false, userAgentChanged: false },
  };
}

/** Whether a rule names what has to be looked up: the person's history, and whether the device is known. */
export function asksForHistory({ rules }: Policy): boolean {
  return rules.some(({ needs }) => needs.facts.includes('risk') || needs.facts.includes('device'));
}

/** The requirement with what the policy adds; nothing is ever taken from it. */
export function withPolicy(
  requirement: Requirement,
  { decision }: Pick<PolicyAnswer, 'decision'>,
): Requirement {
  const deny = requirement.deny ?? decision.deny;
  return {
    clauses: [...requirement.clauses, ...decision.clauses],
    ...(deny ? { deny } : {}),
  };
}

export interface Decided {
  readonly requirement: Requirement;
  readonly proofs: readonly Proof[];
  readonly credentials: readonly CredentialFacts[];
  readonly transaction: string;
  readonly lastAcr: string | null;
  readonly outcome: Outcome;
  readonly now: number;
}

/** The decision as the audit keeps it. */
export function recordedDecision(
  { policy, facts, decision }: PolicyAnswer,
  decided: Decided,
): RecordedDecision {
  const { requirement, outcome, ...rest } = decided;
  return {
    v: 1,
    facts,
    clauses: requirement.clauses,
    ...rest,
    policy: { version: policy.version, matched: decision.matched },
    outcome: outcome.kind,
    acr: outcome.kind === 'satisfied' ? outcome.acr : null,
  };
}
