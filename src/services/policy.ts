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
import { riskFacts, unassessed } from '../domain/risk/assess.ts';
import type { Visit } from '../domain/risk/risk.ts';
import { strictest } from '../domain/risk/strictest.ts';
import type { Told } from './notices.ts';
import { type Asked, policyFacts } from './policy-facts.ts';
import type { AssuranceFacts, AuthTransaction, AuthTransactionStore } from './ports/assurance.ts';
import type { Clock } from './ports/machine.ts';
import type { Assessed, Device, PolicySource, TokenOrigin } from './ports/policy.ts';
import { assessSignIn, type RiskDeps, visitOf } from './risk.ts';

export interface PolicyDeps {
  readonly clock: Clock;
  readonly policy: PolicySource;
  readonly risk: RiskDeps;
  readonly transactions: Pick<AuthTransactionStore, 'keep' | 'setState'>;
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
  readonly evidence: Assessed['evidence'];
  readonly decision: PolicyDecision;
}

/** The facts, and what the policy in force makes of them. */
export async function askPolicy(deps: PolicyDeps, question: Question): Promise<PolicyAnswer> {
  const policy = deps.policy.current();
  const { facts, evidence } = await factsOf(deps, policy, question);
  return { policy, facts, evidence, decision: decidePolicy(policy, facts) };
}

async function factsOf(
  deps: PolicyDeps,
  policy: Policy,
  question: Question,
): Promise<Pick<PolicyAnswer, 'facts' | 'evidence'>> {
  const now = deps.clock.now();
  const { asked, device } = question;
  const { account, credentials, proofs, sessionSince } = question.facts;
  const { network, visit } = visitOf(deps.risk, visitRequest(device, question.sessionUid));
  const { device: familiar, risk, evidence } = await assessed(deps, question, { policy, visit });
  const { browser, os, kind } = visit.agent;
  const facts = policyFacts(
    asked,
    { account, credentials, proofs, sessionSince, now },
    { network, device: { browser, os, kind, ...familiar }, time: timeFacts(now, policy.timeZone), risk },
  );
  return { facts, evidence };
}

/** Where a request comes from, as risk is judged by. */
export function visitRequest({ address, userAgent, hints, browserHash }: Device, sessionUid: string | null) {
  return { sessionUid, address: address ?? '', headers: { userAgent, ...hints }, browserHash };
}

/** Where a token is issued to. */
export function originOf(deps: RiskDeps, device: Device): TokenOrigin {
  const { address, network, asn, country, agent } = visitOf(deps, visitRequest(device, null)).visit;
  return { address, network, asn, country, agent };
}

/** What was found out in a transaction before. */
export function keptOf({ state }: Pick<AuthTransaction, 'state'>): Assessed | undefined {
  return state[KEPT] as Assessed | undefined;
}

/** Its member of a transaction's state. */
export const KEPT = 'assessed';

const notAssessed: Assessed = { device: { known: false, remembered: false }, risk: unassessed, evidence: [] };

/**
 * History is read at a sign-in, once, and where a rule asks. Within a transaction the first answer stands: the browser
 * that was new when a sign-in began is new until it ends. Where it goes on from another network or browser that is judged
 * too, and nothing that spoke before is taken back.
 */
async function assessed(
  deps: PolicyDeps,
  question: Question,
  { policy, visit }: { readonly policy: Policy; readonly visit: Visit },
): Promise<Assessed> {
  const { transaction } = question;
  const place = { network: visit.network, device: visit.device };
  if (transaction?.kept && isFrom(place, transaction.kept)) return transaction.kept;
  if (!transaction && !asksForHistory(policy)) return notAssessed;
  const found: Assessed = { ...(await assess(deps, question)), place };
  if (!transaction) return found;
  const { id, kept } = transaction;
  const before = kept ?? ((await deps.transactions.keep(id, KEPT, found)) as Assessed);
  if (isFrom(place, before)) return before;
  const both = together(before, found);
  await deps.transactions.setState(id, { [KEPT]: both });
  return both;
}

function isFrom(
  { network, device }: NonNullable<Assessed['place']>,
  { place }: { readonly place?: Assessed['place'] },
): boolean {
  return place?.network === network && place.device === device;
}

/** Member of a transaction's state: the place of its first proof, of when nobody was known yet and nothing was judged. */
const PROVED = 'provedFrom';

/** After a proof of the transaction was made by this device. */
export async function keepProofPlace(
  { risk, transactions }: Pick<PolicyDeps, 'risk' | 'transactions'>,
  id: string,
  from: Device,
): Promise<void> {
  const { network, device } = visitOf(risk, visitRequest(from, null)).visit;
  await transactions.keep(id, PROVED, { network, device });
}

/** Whether all of a transaction was judged from the place of this visit, and its first proof made there. */
export function isAllFrom(visit: Visit, transaction: Pick<AuthTransaction, 'state'>): boolean {
  const kept = keptOf(transaction);
  const place = transaction.state[PROVED] as Assessed['place'];
  return kept !== undefined && !kept.moved && isFrom(visit, kept) && isFrom(visit, { place });
}

function together(before: Assessed, found: Assessed): Assessed {
  const spoke = new Set(before.evidence.map(({ signal }) => signal));
  return {
    ...found,
    device: {
      known: before.device.known && found.device.known,
      remembered: before.device.remembered && found.device.remembered,
    },
    risk: strictest(before.risk, found.risk),
    evidence: [...before.evidence, ...found.evidence.filter(({ signal }) => !spoke.has(signal))],
    moved: true,
  };
}

async function assess(
  deps: PolicyDeps,
  { asked, device, facts, sessionUid, tokenFrom }: Question,
): Promise<Assessed> {
  const { id: accountId } = facts.account;
  const remembered = await deps.isRemembered(accountId, device);
  // A refresh comes from a program: there is no browser that could be new.
  const program = asked.event === 'refresh';
  const found = await assessSignIn(deps.risk, {
    ...visitRequest(device, sessionUid),
    accountId,
    remembered: remembered || program,
    token: tokenFrom ? { ...tokenFrom, at: 0, place: null, device: '', session: '' } : null,
  });
  if (!found) return notAssessed;
  const { known } = found.device;
  const assessed: Assessed = {
    device: { known, remembered },
    risk: riskFacts(found.risk),
    evidence: found.risk.evidence.filter(({ present }) => present),
  };
  return remembered ? lifted(assessed) : assessed;
}

/** A remembered device silences what is said about the device, and nothing else. */
function lifted({ risk, ...rest }: Assessed): Assessed {
  return {
    ...rest,
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

/** The rules that want the person told, each with its words. */
export function reasonsToTell({
  policy,
  decision,
}: Pick<PolicyAnswer, 'policy' | 'decision'>): readonly Told[] {
  return decision.notify.flatMap(({ rule }) => {
    const reason = policy.rules.find(({ name }) => name === rule)?.reason;
    return reason === undefined ? [] : [{ rule, reason }];
  });
}

export interface Decided {
  readonly requirement: Requirement;
  readonly proofs: readonly Proof[];
  readonly credentials: readonly CredentialFacts[];
  readonly transaction: string;
  readonly lastAcr: string | null;
  readonly lastActive?: Readonly<Record<string, number>>;
  readonly outcome: Outcome;
  readonly now: number;
}

/** The decision as the audit keeps it. */
export function recordedDecision(
  { policy, facts, evidence, decision }: PolicyAnswer,
  decided: Decided,
): RecordedDecision {
  const { requirement, outcome, ...rest } = decided;
  return {
    v: 1,
    facts,
    evidence,
    clauses: requirement.clauses,
    ...rest,
    policy: {
      version: policy.version,
      matched: decision.matched,
      clauses: decision.clauses,
      deny: decision.deny !== undefined,
    },
    outcome: outcome.kind,
    acr: outcome.kind === 'satisfied' ? outcome.acr : null,
  };
}
