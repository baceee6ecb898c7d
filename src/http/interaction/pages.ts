/** From a step to the page that shows it. */
import type { StileError } from '../../domain/errors.ts';
import type { ProofRequest } from '../../domain/evaluate.ts';
import { ACCOUNT_CLIENT } from '../../oidc/account-client.ts';
import { record } from '../../services/audit.ts';
import { asksForHistory } from '../../services/policy.ts';
import type { Step } from '../../services/step-up.ts';
import { clientView } from '../client-view.ts';
import { csrfForm, type Form } from '../forms.ts';
import { deviceLanguages } from '../languages.ts';
import { correlationId } from '../requests.ts';
import { maskAddress, type PersonView, type Problem, type Prompt, type ViewModel } from '../view-models.ts';
import { beginPasskey, type PasskeyPrompt } from './passkeys.ts';
import type { InteractionDeps, Visit } from './visit.ts';

/** Shows a page; with a problem it is the answer to a form, with that error's status. */
export function show(
  deps: InteractionDeps,
  { ctx, interaction }: Visit,
  page: ViewModel,
  failure?: StileError,
): void {
  ctx.status = failure?.status ?? 200;
  if (failure?.retryAfter !== undefined) ctx.set('Retry-After', String(failure.retryAfter));
  ctx.type = 'html';
  ctx.body = deps.render(withWayOut(page, failure), deviceLanguages(ctx, interaction.params['ui_locales']));
}

/** Whoever leaves a page that turned them away has not just cancelled: the client is told. */
function withWayOut(page: ViewModel, failure: StileError | undefined): ViewModel {
  if (failure?.code !== 'too_many_attempts' || !('cancel' in page) || !page.cancel) return page;
  const { action, hidden } = page.cancel;
  return { ...page, cancel: { action, hidden: { ...hidden, after: failure.code } } };
}

/** A form of this interaction. */
export function formOf({ uid, csrf }: Visit, path: string): Form {
  return csrfForm(`/interaction/${uid}/${path}`, csrf);
}

/** What every page of an interaction says: who asks, and the way out. */
export function asking(visit: Visit) {
  const { client } = visit;
  return {
    // The account page is our own: nobody else asks.
    client: client.clientId === ACCOUNT_CLIENT ? null : clientView(client),
    cancel: formOf(visit, 'cancel'),
  };
}

export function problemOf(failure: StileError, field?: string): Problem {
  return {
    code: failure.code,
    ...(field === undefined ? {} : { field }),
    ...(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }),
  };
}

export function personOf({ assessment }: Pick<Visit, 'assessment'>): PersonView {
  const { account } = assessment.facts ?? {};
  return { username: account?.username ?? '', name: account?.name ?? null };
}

/** The policy's no, which is a decision of its own: whether the person goes on is another matter. */
export async function showDenied(
  deps: InteractionDeps,
  visit: Visit,
  reason: string,
  decision = visit.assessment.decision,
): Promise<void> {
  const { transaction, ctx } = visit;
  const { client, cancel } = asking(visit);
  if (decision)
    await record(deps.services, {
      type: 'decision',
      outcome: 'denied',
      accountId: transaction.accountId,
      clientId: transaction.clientId,
      sessionUid: transaction.sessionUid,
      correlationId: correlationId(ctx),
      data: { decision },
    });
  const leave = { ...cancel, hidden: { ...cancel.hidden, after: 'denied' } };
  show(deps, visit, { page: 'denied', client, person: personOf(visit), reasons: [{ reason }], leave });
  ctx.status = 403;
}

type Shown = Extract<Step, { name: 'sign-in' | 'password' | 'step-up' }>;

/** The page of a step that asks for a proof. */
export async function proofPage(
  deps: InteractionDeps,
  visit: Visit,
  step: Shown,
  problem?: Problem,
): Promise<ViewModel> {
  const common = { ...asking(visit), ...(problem ? { problem } : {}) };
  switch (step.name) {
    case 'sign-in': {
      const { identifier } = visit.transaction;
      const hint = visit.interaction.params['login_hint'];
      const known = identifier ?? (typeof hint === 'string' ? hint : undefined);
      return {
        ...common,
        page: 'sign-in',
        form: formOf(visit, 'identifier'),
        passkey: await discoverable(deps, visit),
        ...(known === undefined ? {} : { identifier: known }),
        ...(step.missing.length > 0 ? { reasons: step.missing } : {}),
      };
    }
    case 'password':
      return {
        ...common,
        page: 'password',
        form: formOf(visit, 'password'),
        identifier: step.identifier,
        passkey: await discoverable(deps, visit),
        ...(visit.transaction.pinned ? {} : { change: formOf(visit, 'identifier/change') }),
        ...(step.missing.length > 0 ? { reasons: step.missing } : {}),
      };
    case 'step-up':
      return {
        ...common,
        page: 'step-up',
        person: personOf(visit),
        reasons: step.missing,
        needs: step.path.prove,
        prompt: await promptFor(deps, visit, step.path.prove[0]),
        remember: asksForHistory(deps.services.policy.current()),
        others: step.others.map(({ method }) => ({
          method,
          href: `/interaction/${visit.uid}?with=${method}`,
        })),
      };
  }
}

/** Usernameless: the same for everybody, whatever was typed. */
async function discoverable(deps: InteractionDeps, visit: Visit): Promise<PasskeyPrompt> {
  return beginPasskey(deps, visit, { credentialIds: [], userVerified: false });
}

async function promptFor(
  deps: InteractionDeps,
  visit: Visit,
  request: ProofRequest | undefined,
): Promise<Prompt> {
  switch (request?.method) {
    case 'password':
      return { method: 'password', form: formOf(visit, 'password') };
    case 'totp':
      return { method: 'totp', form: formOf(visit, 'totp') };
    case 'passkey':
      return { method: 'passkey', ...(await beginPasskey(deps, visit, request)) };
    case 'email':
      return { method: 'email', ...emailCode(visit) };
    default:
      throw new Error(`no page asks for ${request?.method}`);
  }
}

/** The offer to send a code, and the form that takes it once one was sent. */
export function emailCode(visit: Visit) {
  const address = visit.assessment.facts?.account.email;
  return {
    send: formOf(visit, 'email/send'),
    ...(visit.transaction.state['codeSent'] ? { enter: formOf(visit, 'email') } : {}),
    ...(address ? { address: maskAddress(address) } : {}),
  };
}
