/**
 * One request of a sign-in: the interaction it belongs to, the transaction behind it, and what is still missing.
 */
import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import { StileError } from '../../domain/errors.ts';
import { type Requirement, requirementOf } from '../../domain/requirement.ts';
import { metadataOf } from '../../oidc/clients.ts';
import { type Questions, questionsOf } from '../../oidc/policy-question.ts';
import { requestedAssurance } from '../../oidc/requested-assurance.ts';
import { type Assessment, type AssuranceDeps, assess } from '../../services/assurance.ts';
import type { AttemptContext } from '../../services/attempt.ts';
import { demandsFor } from '../../services/demands.ts';
import type { Deps } from '../../services/deps.ts';
import { keptOf } from '../../services/policy.ts';
import type { Asked } from '../../services/policy-facts.ts';
import type { AuthTransaction } from '../../services/ports/assurance.ts';
import type { Device } from '../../services/ports/policy.ts';
import { nextStep, type Step } from '../../services/step-up.ts';
import { browserOf, correlationId, deviceOf } from '../requests.ts';
import { allowFormsTo, checkCsrf, csrfToken, neverStore } from '../security.ts';
import type { ViewModel } from '../view-models.ts';

export interface InteractionDeps {
  readonly provider: Provider;
  readonly services: Deps;
  readonly assurance: AssuranceDeps;
  readonly render: (page: ViewModel, languages?: readonly string[]) => string;
  readonly origin: string;
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

export interface Visit {
  readonly ctx: Context;
  readonly uid: string;
  readonly interaction: Interaction;
  readonly transaction: AuthTransaction;
  readonly client: Client;
  readonly asked: Asked;
  readonly assessment: Assessment;
  readonly csrf: string;
}

/** Error `interaction_elsewhere` without this browser's cookie, `interaction_not_found` when it has ended. */
export async function visit(deps: InteractionDeps, ctx: Context, uid: string): Promise<Visit> {
  neverStore(ctx);
  const interaction = await findInteraction(deps, ctx, uid);
  const client = await deps.provider.Client.find(String(interaction.params['client_id']));
  if (!client) throw new StileError('interaction_not_found', { detail: 'the client is gone' });
  const transaction = await openTransaction(deps, interaction, client);
  const requirement = requirementOf(
    requestedAssurance(interaction.params),
    demandsFor(deps.assurance.demands, metadataOf(client)),
  );
  allowFormsTo(ctx, [String(interaction.params['redirect_uri'])]);
  const csrf = csrfToken(deps.services.vault.mac, bindingOf(ctx, uid));
  const questions = questionsOf(interaction.params, client);
  const assessment = await assessTransaction(deps, {
    transaction,
    requirement,
    ...questions,
    device: deviceOf(ctx),
  });
  return { ctx, uid, interaction, transaction, client, asked: questions.asked, assessment, csrf };
}

async function findInteraction(deps: InteractionDeps, ctx: Context, uid: string): Promise<Interaction> {
  if (ctx.cookies.get(deps.provider.cookieName('interaction')) === undefined) {
    throw new StileError('interaction_elsewhere');
  }
  const interaction = await deps.provider.interactionDetails(ctx.req, ctx.res);
  if (interaction.uid !== uid) throw new StileError('interaction_elsewhere');
  return interaction;
}

async function openTransaction(
  deps: InteractionDeps,
  interaction: Interaction,
  client: Client,
): Promise<AuthTransaction> {
  const { services } = deps;
  const named = await pinnedAccount(deps, interaction, client);
  // A subject that is nobody here is pinned like any other, so that no page tells the two apart.
  const account = named === undefined ? undefined : await services.accounts.byId(named);
  const transaction = await services.transactions.open({
    id: interaction.cid,
    clientId: client.clientId,
    sessionUid: interaction.session?.uid ?? null,
    accountId: account?.id ?? null,
    pinned: named !== undefined,
    createdAt: services.clock.now(),
    expiresAt: interaction.exp,
  });
  const joined = await withSession(deps, interaction, transaction);
  return joined.sessionUid !== null && joined.identifier === null ? withName(deps, joined) : joined;
}

/** A sign-in that goes on in a session begun meanwhile is a step-up of it, if it is nobody else's. */
async function withSession(
  { services }: InteractionDeps,
  { session }: Interaction,
  transaction: AuthTransaction,
): Promise<AuthTransaction> {
  if (!session || transaction.sessionUid !== null) return transaction;
  const { uid: sessionUid, accountId } = session;
  const joined = await services.transactions.joinSession(transaction.id, { sessionUid, accountId });
  return joined ? { ...transaction, sessionUid, accountId, pinned: true } : transaction;
}

/** Whose session it is need not be typed again. */
async function withName(
  { services }: InteractionDeps,
  transaction: AuthTransaction,
): Promise<AuthTransaction> {
  const account = await services.accounts.byId(transaction.accountId ?? '');
  const identifier = account?.username ?? null;
  await services.transactions.setIdentifier(transaction.id, identifier);
  return { ...transaction, identifier };
}

/** Rule 7: a session, an `id_token_hint` or a `sub` claim names the only person who may finish this. */
async function pinnedAccount(
  deps: InteractionDeps,
  interaction: Interaction,
  client: Client,
): Promise<string | undefined> {
  const { params, session } = interaction;
  if (session?.accountId) return session.accountId;
  const hint = params['id_token_hint'];
  if (typeof hint === 'string') {
    const { payload } = await deps.provider.IdToken.validate(hint, client);
    if (typeof payload['sub'] === 'string') return payload['sub'];
  }
  const claims = typeof params['claims'] === 'string' ? JSON.parse(params['claims']) : undefined;
  const sub: unknown = claims?.id_token?.sub?.value;
  return typeof sub === 'string' ? sub : undefined;
}

interface Assessing extends Questions {
  readonly transaction: AuthTransaction;
  readonly requirement: Requirement;
  readonly device: Device;
}

/** What is missing now; asked again after each proof. */
async function assessTransaction(
  deps: InteractionDeps,
  { transaction, ...rest }: Assessing,
): Promise<Assessment> {
  return assess(deps.assurance, {
    accountId: transaction.accountId,
    sessionUid: transaction.sessionUid,
    transactionId: transaction.id,
    clientId: transaction.clientId,
    kept: keptOf(transaction),
    ...rest,
  });
}

/** The step to show; `chosen` is the way the person asked for. */
export function stepOf(
  { transaction, assessment }: Pick<Visit, 'transaction' | 'assessment'>,
  chosen?: string,
): Step {
  return nextStep({
    transaction,
    assessment,
    chosen,
    lastMethod: assessment.facts?.account.lastMethod ?? null,
  });
}

function bindingOf(ctx: Context, uid: string): string[] {
  return ['interaction', uid, browserOf(ctx)];
}

/** Error `csrf_failed` unless the form came from this interaction's page in this browser. */
export function checkForm(deps: InteractionDeps, { ctx, uid }: Visit, token: string): void {
  checkCsrf({ mac: deps.services.vault.mac, origin: deps.origin }, ctx, {
    token,
    binding: bindingOf(ctx, uid),
  });
}

/** Who tries what, from where: the context every factor shares. */
export function attemptContext({ ctx, transaction, assessment }: Visit): AttemptContext {
  const device = deviceOf(ctx);
  return {
    transactionId: transaction.id,
    clientId: transaction.clientId,
    sessionUid: transaction.sessionUid,
    accountId: knownAccount({ transaction, assessment }),
    identifier: transaction.identifier,
    browserHash: device.browserHash,
    address: device.address ?? '',
    correlationId: correlationId(ctx),
    forStepUp: transaction.sessionUid !== null,
  };
}

/** The account, once a proof or the session has made it known: a hint alone does not. */
export function knownAccount({
  transaction,
  assessment,
}: Pick<Visit, 'transaction' | 'assessment'>): string | null {
  return assessment.facts || transaction.sessionUid !== null ? transaction.accountId : null;
}
