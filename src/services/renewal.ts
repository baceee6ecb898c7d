/** Rule 4: what a code or refresh token is still good for, and what the policy says to renewing it. */
import type { RecordedDecision } from '../domain/decision.ts';
import { evaluate } from '../domain/evaluate.ts';
import { findLevel, type Level, lifetimeOf } from '../domain/level.ts';
import type { CredentialFacts } from '../domain/proofs.ts';
import { type Demand, type Requirement, requirementOf } from '../domain/requirement.ts';
import type { AssuranceDeps } from './assurance.ts';
import type { Told } from './notices.ts';
import { askPolicy, reasonsToTell, recordedDecision, withPolicy } from './policy.ts';
import type { Asked } from './policy-facts.ts';
import type { Account, Credential } from './ports/people.ts';
import type { Device, TokenOrigin } from './ports/policy.ts';
import type { StoredAssurance } from './protocol-context.ts';

/** What a code or refresh token is asked before anything is issued on it. */
export interface RenewalInput {
  readonly accountId: string;
  readonly clientId: string;
  readonly record: StoredAssurance;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  readonly detailTypes: readonly string[];
  readonly minimum?: Demand;
  /** What the policy is asked with, at a refresh; a code was asked about when it was issued. */
  readonly policy?: RenewalQuestion;
  /** A refresh token, which ends with `tokensEnd`; a code ends with its level. */
  readonly refresh: boolean;
  /** The account's, where they are at hand. */
  readonly credentials?: readonly Credential[];
}

export interface RenewalQuestion {
  readonly asked: Asked;
  readonly account: Account;
  readonly device: Device;
  readonly tokenFrom: TokenOrigin | null;
}

/** What may be renewed, and what the policy was told and said. */
export interface Renewal {
  /** Undefined: nothing, so `invalid_grant`. */
  readonly scopes: readonly string[] | undefined;
  readonly decision?: RecordedDecision;
  /** What the person is to be told, renewed or not. */
  readonly notify?: readonly Told[];
}

/**
 * Rule 4, and then the policy, which is asked with the facts of now: what it denies, or wants and the record does not
 * give, is not renewed.
 */
export async function renew(deps: AssuranceDeps, input: RenewalInput): Promise<Renewal> {
  const scopes = await renewableScopes(deps, input);
  const { policy, record, clientId } = input;
  if (!policy || !scopes) return { scopes };
  const stored = input.credentials ?? (await deps.credentials.byAccount(input.accountId));
  const { account } = policy;
  const facts = { account, credentials: stored, proofs: record.proofs, sessionSince: null };
  const answer = await askPolicy(deps, { ...policy, sessionUid: null, facts });
  const now = deps.clock.now();
  const credentials = stored.map(deps.judge);
  const requirement = withPolicy({ clauses: [] }, answer);
  // No proof was made in this refresh: the age of those there are is that of now.
  const transaction = { id: record.id, clientId, lastAcr: record.acr };
  const outcome = evaluate({
    proofs: record.proofs,
    requirement,
    levels: deps.levels,
    account: { credentials, enrollable: [] },
    transaction,
    now,
  });
  const asks = requirement.deny !== undefined || requirement.clauses.length > 0;
  const holds = !asks || outcome.kind === 'satisfied';
  const decision = recordedDecision(answer, {
    requirement: { clauses: [] },
    proofs: record.proofs,
    credentials,
    transaction: transaction.id,
    lastAcr: record.acr,
    outcome,
    now,
  });
  return { scopes: holds ? scopes : undefined, decision, notify: reasonsToTell(answer) };
}

/**
 * Rule 4: which of the scopes the record still covers under today's configuration. Undefined: none, or the tokens'
 * time is over, so `invalid_grant`. acr and auth_time never change here.
 */
export async function renewableScopes(
  deps: AssuranceDeps,
  input: RenewalInput,
): Promise<readonly string[] | undefined> {
  const end = input.refresh ? tokensEnd : levelEnd;
  if (deps.clock.now() >= end(deps.levels, input.record)) return undefined;
  const whole = wholeRequirement(deps, input);
  const perScope = input.scopes.map((scope) => ({
    scope,
    requirement: requirementFor(deps, { ...input, resources: [], detailTypes: [] }, [scope]),
  }));
  const demanding =
    whole.clauses.length > 0 || perScope.some(({ requirement }) => requirement.clauses.length > 0);
  if (!demanding) return input.scopes;
  const stored = input.credentials ?? (await deps.credentials.byAccount(input.accountId));
  const credentials = stored.map(deps.judge);
  if (!covers(deps, input, credentials, whole)) return undefined;
  const kept = perScope
    .filter(({ requirement }) => covers(deps, input, credentials, requirement))
    .map(({ scope }) => scope);
  return kept.length > 0 || input.scopes.length === 0 ? kept : undefined;
}

/** Epoch seconds until which tokens on this record may be renewed; −∞ for a level that is no longer configured. */
export function tokensEnd(
  levels: readonly Level[],
  record: Pick<StoredAssurance, 'acr' | 'authTime'>,
): number {
  return endOf(levels, record, ({ tokensFor, maxAge }) => tokensFor ?? maxAge);
}

/** Epoch seconds at which no token on this record holds any more: `tokensFor: 0` leaves the level its age. */
export function levelEnd(
  levels: readonly Level[],
  record: Pick<StoredAssurance, 'acr' | 'authTime'>,
): number {
  return endOf(levels, record, lifetimeOf);
}

function endOf(
  levels: readonly Level[],
  { acr, authTime }: Pick<StoredAssurance, 'acr' | 'authTime'>,
  secondsOf: (level: Level) => number | undefined,
): number {
  const level = findLevel(levels, acr);
  if (!level) return Number.NEGATIVE_INFINITY;
  const seconds = secondsOf(level);
  return seconds === undefined ? Number.POSITIVE_INFINITY : authTime + seconds;
}

/** What every token of the grant must be covered for; a renewed one also for its own acr, as that is understood today. */
function wholeRequirement(deps: AssuranceDeps, input: RenewalInput): Requirement {
  const { clauses } = requirementFor(deps, input, []);
  const own = { source: 'acr_values', acr: [input.record.acr], reason: 'reason.request' } as const;
  return { clauses: input.refresh ? [own, ...clauses] : clauses };
}

function requirementFor(deps: AssuranceDeps, input: RenewalInput, scopes: readonly string[]): Requirement {
  const { minimum } = input;
  return requirementOf(
    { acrValues: [], promptLogin: false, scopes, resources: input.resources, detailTypes: input.detailTypes },
    { ...deps.demands, ...(minimum && scopes.length === 0 ? { client: { minimum } } : {}) },
  );
}

/** Evaluated at the instant of the record, on its own evidence, with today's levels and credentials. */
function covers(
  deps: AssuranceDeps,
  { record, clientId }: RenewalInput,
  credentials: readonly CredentialFacts[],
  requirement: Requirement,
): boolean {
  if (requirement.clauses.length === 0) return true;
  const outcome = evaluate({
    proofs: record.proofs,
    requirement: { clauses: requirement.clauses.map(({ narrow: _, ...clause }) => clause) },
    levels: deps.levels,
    account: { credentials, enrollable: [] },
    transaction: { id: record.transactionId ?? record.id, clientId },
    now: record.createdAt,
  });
  return outcome.kind === 'satisfied';
}
