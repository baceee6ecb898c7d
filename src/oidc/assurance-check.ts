/**
 * The policy check: the one place where an authorization request is let through, asked for more, or refused.
 * It takes the place of the library's own login_prompt, max_age, essential_acrs and essential_acr checks.
 */
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { requirementOf } from '../domain/requirement.ts';
import {
  type AssessInput,
  type Assessment,
  type AssuranceDeps,
  assess,
  recordOf,
} from '../services/assurance.ts';
import { demandsFor } from '../services/demands.ts';
import { keptOf } from '../services/policy.ts';
import type { AuthTransaction, AuthTransactionStore, ProofStore } from '../services/ports/assurance.ts';
import type { Random } from '../services/ports/machine.ts';
import type { AccountStore } from '../services/ports/people.ts';
import type { DeviceDeps } from '../services/remembered-devices.ts';
import { wantsEnrolment } from './account-client.ts';
import { metadataOf } from './clients.ts';
import { questionsOf } from './policy-question.ts';
import { remember } from './remember.ts';
import { deviceOf, requestState } from './request-state.ts';
import { requestedAssurance } from './requested-assurance.ts';

export interface CheckDeps {
  readonly assurance: AssuranceDeps;
  readonly accounts: Pick<AccountStore, 'lock'>;
  readonly transactions: AuthTransactionStore;
  readonly proofs: ProofStore;
  readonly random: Random;
  readonly devices: DeviceDeps;
  /** Seconds the longest-lived token without a row of its own may live. */
  readonly keepFor: number;
}

/** Resumes that may end unsatisfied before the answer is final (rule 3). */
const MOST_ROUNDS = 3;
const { Check, base } = interactionPolicy;

/** The library's prompts with our check first and its own clock and acr checks gone. */
export function createPolicy(deps: CheckDeps) {
  const policy = base();
  const login = policy.get('login');
  const consent = policy.get('consent');
  if (!login || !consent) throw new Error('the library has no login or consent prompt');
  for (const reason of ['login_prompt', 'max_age', 'essential_acrs', 'essential_acr'])
    login.checks.remove(reason);
  login.checks.add(
    new Check('assurance', 'stronger or fresher authentication is required', (ctx) => check(deps, ctx)),
    0,
  );
  consent.checks.remove('rar_prompt');
  consent.checks.add(
    new Check('rar_prompt', 'authorization_details were requested', ({ oidc }) => {
      const asked = oidc.params?.['authorization_details'] !== undefined;
      return asked && !oidc.result?.consent && !metadataOf(oidc.client).firstParty;
    }),
  );
  return policy;
}

/** True: a prompt is needed. Throws what ends the request. Silent without a session: the library's check asks. */
async function check(deps: CheckDeps, ctx: KoaContextWithOIDC): Promise<boolean> {
  if (requestState(ctx).superseded)
    throw new errors.LoginRequired('the session was renewed in another request');
  const { oidc } = ctx;
  const accountId = oidc.session?.accountId;
  if (!accountId) return false;
  if (!oidc.account) throw new errors.AccessDenied('the account cannot be used');
  refuseAnotherSubject(ctx, accountId);
  const transaction = await openTransaction(deps, ctx, accountId);
  await promote(deps, ctx, transaction);
  const input = inputOf(deps, ctx, { accountId, transaction });
  const assessment = await assess(deps.assurance, input);
  requestState(ctx).decision = assessment.decision;
  return act(deps, ctx, input, assessment);
}

/** OpenID Connect Core 3.1.2.1 and 5.5.1: a request for somebody else than the session's person is answered with an error. */
function refuseAnotherSubject({ oidc }: KoaContextWithOIDC, accountId: string): void {
  const hinted = oidc.entities.IdTokenHint?.payload['sub'];
  const claimed = oidc.claims?.id_token?.['sub']?.value;
  for (const sub of [hinted, claimed]) {
    if (sub !== undefined && sub !== accountId) throw new errors.LoginRequired('somebody else is signed in');
  }
}

interface Whose {
  readonly accountId: string;
  readonly transaction: AuthTransaction | undefined;
}

function inputOf(deps: CheckDeps, ctx: KoaContextWithOIDC, { accountId, transaction }: Whose) {
  const { oidc } = ctx;
  const params = oidc.params ?? {};
  const demands = demandsFor(deps.assurance.demands, metadataOf(oidc.client));
  return {
    accountId,
    sessionUid: oidc.session?.uid ?? null,
    transactionId: transactionOf(ctx) ?? deps.random.id(),
    clientId: oidc.client?.clientId ?? '',
    requirement: requirementOf(requestedAssurance(params), demands),
    ...questionsOf(params, oidc.client),
    device: deviceOf(ctx),
    silent: oidc.prompts.has('none'),
    ...(transaction ? { kept: keptOf(transaction) } : {}),
    ...factsOf(ctx),
  } satisfies AssessInput;
}

function factsOf(ctx: KoaContextWithOIDC): Pick<AssessInput, 'facts'> {
  const { facts, factsFor } = requestState(ctx);
  return facts && factsFor === ctx.oidc.client?.clientId ? { facts } : {};
}

/** The transaction being resumed: an interaction's `cid`, stable across its prompts. */
function transactionOf(ctx: KoaContextWithOIDC): string | undefined {
  return ctx.oidc.route === 'resume' ? ctx.oidc.entities.Interaction?.cid : undefined;
}

/** The transaction being resumed, if it is this person's. */
async function openTransaction(
  deps: CheckDeps,
  ctx: KoaContextWithOIDC,
  accountId: string,
): Promise<AuthTransaction | undefined> {
  const id = transactionOf(ctx);
  if (id === undefined) return undefined;
  const transaction = await deps.transactions.byId(id, deps.assurance.clock.now());
  return transaction?.accountId === accountId ? transaction : undefined;
}

/** Staged proofs become the session's, in the database transaction that also rotates the session's id. */
async function promote(
  deps: CheckDeps,
  ctx: KoaContextWithOIDC,
  transaction: AuthTransaction | undefined,
): Promise<void> {
  const uid = ctx.oidc.session?.uid;
  if (!transaction || uid === undefined) return;
  const { id } = transaction;
  const now = deps.assurance.clock.now();
  const existing = await deps.proofs.ofSession(uid, now);
  const own = existing.some((proof) => proof.transaction === id && proof.forClient === undefined);
  // What is proved in a session that others already rest on is a step-up, wherever the sign-in began.
  const stepUp =
    !own && (transaction.sessionUid !== null || existing.some((proof) => proof.transaction !== id));
  await deps.proofs.promote(id, uid, stepUp ? transaction.clientId : null);
}

async function act(
  deps: CheckDeps,
  ctx: KoaContextWithOIDC,
  input: AssessInput & { accountId: string },
  assessment: Assessment,
): Promise<boolean> {
  const { outcome } = assessment;
  switch (outcome.kind) {
    case 'satisfied':
      if (await awaitsEnrolment(deps, ctx)) return true;
      await remember(deps, ctx, { input, assessment });
      if (assessment.facts)
        requestState(ctx).notice = { account: assessment.facts.account, rules: assessment.notify };
      narrow(ctx, outcome.dropped);
      requestState(ctx).pending = recordOf(deps.assurance, { ...input, keepFor: deps.keepFor }, assessment);
      requestState(ctx).active = assessment.active;
      return false;
    case 'denied':
      // Why is told to the person, not to the client: the interaction does.
      if (input.silent) throw new errors.AccessDenied('refused by policy');
      return askAgain(deps, ctx, input);
    case 'unmet':
      throw new errors.UnmetAuthenticationRequirements();
    case 'stepUp':
      if (input.silent) throw new errors.LoginRequired();
      return askAgain(deps, ctx, input);
    case 'enrol':
      if (input.silent) throw new errors.InteractionRequired();
      return askAgain(deps, ctx, input);
  }
}

/** Our account page asked for a factor to be enrolled: that is what the interaction is for. */
async function awaitsEnrolment(deps: CheckDeps, ctx: KoaContextWithOIDC): Promise<boolean> {
  if (wantsEnrolment(ctx.oidc.params ?? {}) === undefined) return false;
  const id = transactionOf(ctx);
  const transaction =
    id === undefined ? undefined : await deps.transactions.byId(id, deps.assurance.clock.now());
  return transaction?.state['enrolled'] === undefined;
}

function narrow(ctx: KoaContextWithOIDC, dropped: readonly string[]): void {
  const { params } = ctx.oidc;
  if (dropped.length === 0 || typeof params?.['scope'] !== 'string') return;
  params['scope'] = params['scope']
    .split(' ')
    .filter((scope) => !dropped.includes(scope))
    .join(' ');
}

/** What was asked for, and why, is a decision of its own: whether the person goes on is another matter. */
async function askAgain(
  deps: CheckDeps,
  ctx: KoaContextWithOIDC,
  { accountId, clientId, sessionUid }: AssessInput & { accountId: string },
): Promise<boolean> {
  const id = transactionOf(ctx);
  if (id !== undefined && (await deps.transactions.countRound(id)) >= MOST_ROUNDS) {
    throw new errors.UnmetAuthenticationRequirements();
  }
  const { decision } = requestState(ctx);
  if (decision)
    requestState(ctx).audit = {
      type: 'decision',
      outcome: 'success',
      accountId,
      clientId,
      sessionUid,
      data: { decision },
    };
  return true;
}

/** Just before the code is built: this authorization's values, not the session's, are stamped on it. */
export function stampSession(ctx: KoaContextWithOIDC): void {
  const { pending } = requestState(ctx);
  if (!pending || !ctx.oidc.session)
    throw new Error('an authorization was accepted without an assurance record');
  Object.assign(ctx.oidc.session, { acr: pending.acr, amr: [...pending.amr], loginTs: pending.authTime });
}
