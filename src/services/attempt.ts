/**
 * The one way to prove something: count, verify, then one transaction that uses up what was shown, records the
 * proof, and takes the count back. Nothing else records proofs of factors in use.
 *
 * The count is committed on its own before anything is verified, so that it survives whatever follows and parallel
 * guesses get no more tries than serial ones.
 */
import { type ErrorCode, StileError } from '../domain/errors.ts';
import { type Method, type Proof, proofShape } from '../domain/proofs.ts';
import { factorPrefix, familiarityFrom, reopenedBy } from '../domain/throttle.ts';
import {
  type Claim,
  type Count,
  claimOf,
  count,
  familiarities,
  familiarKey,
  ownersOf,
} from './attempt-count.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import type { Account } from './ports/people.ts';
import { rememberFailure } from './risk.ts';

export type AttemptDeps = Pick<
  Deps,
  | 'clock'
  | 'random'
  | 'vault'
  | 'unitOfWork'
  | 'accounts'
  | 'credentials'
  | 'browsers'
  | 'throttle'
  | 'transactions'
  | 'proofs'
  | 'audit'
  | 'settings'
  | 'risk'
>;

/** Where an attempt is made. */
export interface AttemptContext {
  /** The authentication transaction, on which the proof is staged. */
  readonly transactionId: string;
  readonly clientId: string;
  readonly sessionUid: string | null;
  /** The account the transaction belongs to; null before a first proof. */
  readonly accountId: string | null;
  /** What was typed as username or address. */
  readonly identifier: string | null;
  readonly browserHash: string | null;
  /** The network address the request came from. */
  readonly address: string;
  readonly correlationId: string | null;
  readonly forStepUp: boolean;
}

/** What a factor found when it verified. */
export interface Verified {
  readonly accountId: string;
  readonly credentialId?: string;
  readonly userVerified?: boolean;
  /**
   * Uses up what was shown, by conditional statements inside the attempt's transaction. An error code: it was used
   * before, and nothing is recorded.
   */
  readonly consume: () => Promise<ErrorCode | undefined>;
}

/** What a factor adds to the common course of an attempt: see services/factors. */
export interface Factor {
  readonly method: Method;
  /** The answer to whatever does not verify, and to a disabled account. */
  readonly wrong: ErrorCode;
  /** Verifies without changing anything. An error code: it did not verify. */
  readonly verify: () => Promise<Verified | ErrorCode>;
}

/**
 * Attempts a factor and returns the proof recorded. Throws StileError: `too_many_attempts` (with retryAfter unless
 * only reopening helps), the factor's own codes, or `subject_mismatch` when the proof is another account's.
 */
export async function attempt(deps: AttemptDeps, context: AttemptContext, factor: Factor): Promise<Proof> {
  await refuseOutOfOrder(deps, context, factor.method);
  const claim = await claimOf(deps, context, factor.method);
  const counted = await count(deps, context, claim);
  try {
    const verified = await factor.verify();
    if (typeof verified === 'string') throw new StileError(verified);
    if (counted.shut) throw new StileError(factor.wrong, { detail: 'closed to strangers' });
    return await deps.unitOfWork.run(() => accept(deps, context, { factor, verified, claim, counted }));
  } catch (error) {
    if (error instanceof StileError && error.status < 500)
      await auditFailure(deps, context, { factor, claim, error });
    throw error;
  }
}

/** A code of either kind is never a first factor. */
async function refuseOutOfOrder(deps: AttemptDeps, context: AttemptContext, method: Method): Promise<void> {
  if (method === 'password' || method === 'passkey') return;
  const now = deps.clock.now();
  const { transactionId, sessionUid } = context;
  if ((await deps.proofs.ofTransaction(transactionId, now)).length > 0) return;
  if (sessionUid !== null && (await deps.proofs.ofSession(sessionUid, now)).length > 0) return;
  throw new StileError('bad_request', { detail: `${method} before a first factor` });
}

interface Success {
  readonly factor: Factor;
  readonly verified: Verified;
  readonly claim: Claim;
  readonly counted: Count;
}

interface Accepted extends Success {
  readonly account: Account;
}

/**
 * The subject is checked before anything is used up. Rows are locked in one order, the credential's, the account's, its
 * buckets', the network's bucket, so that parallel successes and removals wait for one another and never in a circle.
 */
async function accept(deps: AttemptDeps, context: AttemptContext, success: Success): Promise<Proof> {
  const { factor, verified } = success;
  const account = await deps.accounts.byId(verified.accountId);
  if (account?.status !== 'active')
    throw new StileError(factor.wrong, { detail: 'the account is not active' });
  if (!(await deps.transactions.bindAccount(context.transactionId, account.id))) {
    throw new StileError('subject_mismatch');
  }
  const refusal = await verified.consume();
  if (refusal) throw new StileError(refusal);
  const now = deps.clock.now();
  // Verified, and then removed or replaced before this: it proves nothing, and makes no browser known.
  if (verified.credentialId !== undefined && !(await deps.credentials.touch(verified.credentialId, now)))
    throw new StileError(factor.wrong, { detail: 'the factor is gone' });
  const proof = await addProof(deps, context, success);
  await deps.accounts.setLastMethod(account.id, remembered(factor.method, account), now);
  await rememberBrowser(deps, context, success);
  await record(deps, {
    ...auditContext(context, account.id),
    outcome: 'success',
    data: { method: factor.method, stepUp: context.forStepUp, credential: verified.credentialId ?? null },
  });
  await takeBack(deps, context, { ...success, account });
  return proof;
}

/** What a step-up asks for first. A password is how most sign-ins begin: it says nothing of what is at hand beside it. */
function remembered(method: Method, { lastMethod }: Pick<Account, 'lastMethod'>): Method {
  return method === 'password' ? (lastMethod ?? method) : method;
}

async function addProof(deps: AttemptDeps, context: AttemptContext, success: Success): Promise<Proof> {
  const { factor, verified } = success;
  const now = deps.clock.now();
  const proof: Proof = {
    ...proofShape(factor.method, verified.userVerified === true),
    id: deps.random.sortableId(),
    at: now,
    transaction: context.transactionId,
    ...(verified.credentialId === undefined ? {} : { credentialId: verified.credentialId }),
  };
  const expiresAt = now + deps.settings.session.absolute;
  await deps.proofs.add({ ...proof, accountId: verified.accountId, createdAt: now, expiresAt });
  return proof;
}

async function rememberBrowser(deps: AttemptDeps, context: AttemptContext, success: Success): Promise<void> {
  if (context.browserHash === null) return;
  for (const familiarity of familiarityFrom(success.factor.method)) {
    const key = familiarKey(context.browserHash, familiarity);
    await deps.browsers.remember(key, success.verified.accountId, deps.clock.now());
  }
}

/** A success is not counted; and it may reopen what a flood has closed. */
async function takeBack(deps: AttemptDeps, context: AttemptContext, success: Accepted): Promise<void> {
  const { claim, counted, factor, account } = success;
  const known = claim.known ? await familiarities(deps, context, account.id) : [];
  for (const method of reopenedBy(factor.method, known)) {
    for (const owner of ownersOf(deps, account, method)) {
      await deps.throttle.reopen(factorPrefix(owner, method));
    }
  }
  for (const bucket of counted.buckets) await deps.throttle.succeed(bucket, deps.clock.now());
}

interface Failure {
  readonly factor: Factor;
  readonly claim: Claim;
  readonly error: StileError;
}

async function auditFailure(deps: AttemptDeps, context: AttemptContext, failure: Failure): Promise<void> {
  const { factor, claim, error } = failure;
  const accountId = claim.account?.id ?? null;
  await rememberFailure(deps.risk, { accountId, address: context.address });
  await record(deps, {
    ...auditContext(context, accountId),
    outcome: 'failure',
    data: { method: factor.method, stepUp: context.forStepUp, error: error.code },
  });
}

function auditContext(context: AttemptContext, accountId: string | null) {
  const { clientId, sessionUid, correlationId } = context;
  return { type: 'attempt' as const, accountId, clientId, sessionUid, correlationId };
}
