/**
 * Assessing an authorization: load what is known of the person, ask `domain/evaluate`, and describe the record a
 * code will rest on. Login, step-up, refresh and the account pages all come through here.
 */
import type { RecordedDecision } from '../domain/decision.ts';
import { type AccountFacts, type EnrolmentOffer, evaluate, type Outcome } from '../domain/evaluate.ts';
import type { Level } from '../domain/level.ts';
import type { Requirement } from '../domain/requirement.ts';
import { activity } from '../domain/satisfy.ts';
import type { DemandTable } from './demands.ts';
import type { Told } from './notices.ts';
import {
  askPolicy,
  type PolicyAnswer,
  type PolicyDeps,
  reasonsToTell,
  recordedDecision,
  withPolicy,
} from './policy.ts';
import type { Asked } from './policy-facts.ts';
import type { AssuranceFacts, AssuranceFactsStore, AssuranceRecord } from './ports/assurance.ts';
import type { Clock, Random } from './ports/machine.ts';
import type { CredentialJudge, CredentialStore } from './ports/people.ts';
import type { Assessed, Device } from './ports/policy.ts';

export interface AssuranceDeps extends PolicyDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly facts: AssuranceFactsStore;
  readonly credentials: Pick<CredentialStore, 'byAccount'>;
  readonly judge: CredentialJudge;
  /** Which factors the account may enrol now (services/enrolment). */
  readonly offers: (facts: AssuranceFacts) => readonly EnrolmentOffer[];
  readonly levels: readonly Level[];
  readonly demands: DemandTable;
  readonly configVersion: string;
}

export interface AssessInput {
  /** Null before anybody is known. */
  readonly accountId: string | null;
  readonly sessionUid: string | null;
  readonly transactionId: string;
  readonly clientId: string;
  /** All but the policy's. */
  readonly requirement: Requirement;
  /** What the policy is asked with. */
  readonly asked: Asked;
  /** A change of factors that the request is for: asked beside it. */
  readonly change?: Asked;
  readonly device: Device;
  /** The transaction has a row, and this was found out in it before: undefined, nothing yet. Absent: no row. */
  readonly kept?: Assessed | undefined;
  /** `prompt=none`. */
  readonly silent?: boolean;
  /** What is known of the person, where it was read in this request already. */
  readonly facts?: AssuranceFacts;
}

export interface Assessment {
  readonly outcome: Outcome;
  /** Undefined before a first proof. */
  readonly facts?: AssuranceFacts;
  /** Levels' last activity, to be remembered when the session is saved. */
  readonly active: Readonly<Record<string, number>>;
  /** With the policy's clauses, once the person is known. */
  readonly requirement: Requirement;
  /** For the audit; undefined before a first proof. */
  readonly decision?: RecordedDecision;
  /** What the person is to be told about this. */
  readonly notify: readonly Told[];
}

/** What the requirement comes to for this person, session, transaction and client, now. */
export async function assess(deps: AssuranceDeps, input: AssessInput): Promise<Assessment> {
  const now = deps.clock.now();
  const facts = input.facts ?? (await loadFacts(deps, input));
  const transaction = {
    id: input.transactionId,
    clientId: input.clientId,
    ...(input.silent ? { silent: true } : {}),
    ...(facts?.lastAcr ? { lastAcr: facts.lastAcr } : {}),
    ...(facts ? { lastActive: facts.lastActive } : {}),
  };
  const proofs = facts?.proofs ?? [];
  // Only a proof makes the account known: a name, a hint or an abandoned session do not.
  const account = facts && proofs.length > 0 ? accountFacts(deps, facts) : undefined;
  const known = account && facts;
  const ask = (asked: Asked) => (known ? askPolicy(deps, questionOf(input, known, asked)) : undefined);
  const change = input.change && (await ask(input.change));
  const demanded = change ? withPolicy(input.requirement, change) : input.requirement;
  const answer = await ask(input.asked);
  const requirement = answer ? withPolicy(demanded, answer) : demanded;
  const outcome = evaluate({
    proofs,
    requirement,
    levels: deps.levels,
    transaction,
    now,
    ...(account ? { account } : {}),
  });
  return {
    outcome,
    requirement,
    active: activity(deps.levels, {
      proofs,
      transaction,
      now,
      ...(account ? { credentials: account.credentials } : {}),
    }),
    notify: [change, answer].flatMap((each) => (each ? reasonsToTell(each) : [])),
    ...(facts && account && answer
      ? { facts, decision: decisionOf(answer, { input, demanded, facts, account, outcome, now }) }
      : {}),
  };
}

function questionOf(input: AssessInput, facts: AssuranceFacts, asked: Asked) {
  const { device, sessionUid, transactionId } = input;
  return {
    asked,
    device,
    sessionUid,
    facts,
    ...('kept' in input ? { transaction: { id: transactionId, kept: input.kept } } : {}),
  };
}

interface Made {
  readonly input: AssessInput;
  /** All but what the policy says to the request as an authorization. */
  readonly demanded: Requirement;
  readonly facts: AssuranceFacts;
  readonly account: AccountFacts;
  readonly outcome: Outcome;
  readonly now: number;
}

function decisionOf(
  answer: PolicyAnswer,
  { input, demanded, facts, account, outcome, now }: Made,
): RecordedDecision {
  return recordedDecision(answer, {
    requirement: demanded,
    proofs: facts.proofs,
    credentials: account.credentials,
    transaction: input.transactionId,
    lastAcr: facts.lastAcr,
    ...(Object.keys(facts.lastActive).length > 0 ? { lastActive: facts.lastActive } : {}),
    outcome,
    now,
  });
}

/** One read of everything evaluation needs; undefined when nobody is known. */
export async function loadFacts(
  deps: Pick<AssuranceDeps, 'facts' | 'clock'>,
  input: Pick<AssessInput, 'accountId' | 'sessionUid' | 'clientId'> & {
    readonly transactionId: string | null;
  },
): Promise<AssuranceFacts | undefined> {
  const { accountId } = input;
  return accountId === null ? undefined : deps.facts.load({ ...input, accountId, now: deps.clock.now() });
}

/** What may be enrolled is worked out only when it is asked for: most requests are satisfied without. */
function accountFacts(deps: AssuranceDeps, facts: AssuranceFacts): AccountFacts {
  return {
    credentials: facts.credentials.map(deps.judge),
    get enrollable() {
      return deps.offers(facts);
    },
  };
}

export interface RecordInput extends AssessInput {
  readonly accountId: string;
  /** Seconds the longest-lived token without a row of its own may live. */
  readonly keepFor: number;
}

/** The immutable row that a satisfied authorization's code and tokens will refer to. */
export function recordOf(deps: AssuranceDeps, input: RecordInput, assessment: Assessment): AssuranceRecord {
  const { outcome, facts } = assessment;
  if (outcome.kind !== 'satisfied') throw new Error(`no record for an authorization that is ${outcome.kind}`);
  const now = deps.clock.now();
  const proofs = (facts?.proofs ?? []).filter(({ id }) => outcome.proofIds.includes(id));
  return {
    id: deps.random.sortableId(),
    accountId: input.accountId,
    sessionUid: input.sessionUid,
    clientId: input.clientId,
    transactionId: input.transactionId,
    acr: outcome.acr,
    amr: outcome.amr,
    authTime: outcome.authTime,
    elevated: proofs.some(({ forClient }) => forClient !== undefined),
    proofIds: outcome.proofIds,
    credentialIds: [...new Set(proofs.flatMap(({ credentialId }) => credentialId ?? []))],
    proofs,
    requirement: assessment.requirement,
    configVersion: deps.configVersion,
    createdAt: now,
    expiresAt: now + input.keepFor,
  };
}
