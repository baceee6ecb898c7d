/** Enrolling a factor inside an interaction: choose, prove what the gate asks, confirm, register, go on. */
import type { Channel } from '../../domain/enrolment.ts';
import { StileError } from '../../domain/errors.ts';
import { wantsEnrolment } from '../../oidc/account-client.ts';
import { type ChangeContext, type EnrolmentMethod, mayEnrol } from '../../services/change-gate.ts';
import { beginPasskeyEnrolment } from '../../services/enrol-passkey.ts';
import { beginTotp } from '../../services/enrol-totp.ts';
import { keptOf } from '../../services/policy.ts';
import { proveStep, type Step } from '../../services/step-up.ts';
import { correlationId, deviceOf } from '../requests.ts';
import type { ViewModel, Way } from '../view-models.ts';
import { refuse } from './finish.ts';
import { asking, emailCode, formOf, personOf, problemOf, proofPage, show, showDenied } from './pages.ts';
import { ownerOf } from './passkeys.ts';
import type { InteractionDeps, Visit } from './visit.ts';

type EnrolStep = Extract<Step, { name: 'enrol' }>;

interface Showing {
  /** From the page's links. */
  readonly enrol?: string | undefined;
  readonly chosen?: string | undefined;
  readonly failure?: StileError | undefined;
  readonly field?: string | undefined;
}

/** The page of an enrolment as far as it has come. */
export async function showEnrolment(
  deps: InteractionDeps,
  visit: Visit,
  step: EnrolStep,
  showing: Showing,
): Promise<void> {
  const method = await chosenMethod(deps, visit, step, showing.enrol);
  if (!method) return show(deps, visit, choosePage(visit, step), showing.failure);
  const gate = await mayEnrol(deps.services, contextOf(visit), method);
  const problem = showing.failure && problemOf(showing.failure, showing.field);
  switch (gate.kind) {
    case 'refused':
      if (gate.said?.denied !== undefined)
        return showDenied(deps, visit, gate.said.denied, gate.said.decision);
      return refuse(deps, visit, { error: 'unmet_authentication_requirements' });
    case 'stepUp': {
      // Why a factor is wanted comes first, then why something must be proved before.
      const missing = [...step.missing, ...gate.missing];
      const proofStep = proveStep(gate.choices, missing, { chosen: showing.chosen });
      if (proofStep.name !== 'step-up')
        return refuse(deps, visit, { error: 'unmet_authentication_requirements' });
      return show(deps, visit, await proofPage(deps, visit, proofStep, problem), showing.failure);
    }
    case 'confirm':
      return show(
        deps,
        visit,
        {
          ...common(visit, step, method),
          ...confirmPage(visit, gate.channel),
          ...(problem ? { problem } : {}),
        },
        showing.failure,
      );
    case 'allowed':
      return show(
        deps,
        visit,
        { ...(await registerPage(deps, visit, step, method)), ...(problem ? { problem } : {}) },
        showing.failure,
      );
  }
}

function confirmPage(visit: Visit, channel: Channel) {
  if (channel === 'email') return { page: 'enrol-email', code: emailCode(visit) } as const;
  return { page: 'enrol-admin-code', form: formOf(visit, 'admin-code') } as const;
}

/** Whether an administrator's code is what the enrolment waits for: nowhere else is one taken. */
export async function awaitsAdminCode(deps: InteractionDeps, visit: Visit, step: Step): Promise<boolean> {
  if (step.name !== 'enrol') return false;
  const method = await chosenMethod(deps, visit, step, undefined);
  const gate = method && (await mayEnrol(deps.services, contextOf(visit), method));
  return gate?.kind === 'confirm' && gate.channel === 'admin_code';
}

/** The factor being enrolled: the only one on offer, the one just chosen, or the one chosen before. */
async function chosenMethod(
  deps: InteractionDeps,
  { transaction }: Visit,
  { offers }: EnrolStep,
  asked: string | undefined,
): Promise<EnrolmentMethod | undefined> {
  const offered = (name: unknown) =>
    offers.map(({ method }) => method).find((method) => method === name) as EnrolmentMethod | undefined;
  const chosen = offered(asked);
  if (chosen && transaction.state['enrol'] !== chosen) {
    await deps.services.transactions.setState(transaction.id, { enrol: chosen });
  }
  return (
    chosen ??
    offered(transaction.state['enrol']) ??
    (offers.length === 1 ? offered(offers[0]?.method) : undefined)
  );
}

function waysOf({ uid }: Visit, { offers }: EnrolStep): Way[] {
  return offers.map(({ method }) => ({ method, href: `/interaction/${uid}?enrol=${method}` }));
}

function choosePage(visit: Visit, step: EnrolStep): ViewModel {
  return { ...common(visit, step, undefined), page: 'enrol-choose', ways: waysOf(visit, step) };
}

function common(visit: Visit, step: EnrolStep, method: EnrolmentMethod | undefined) {
  return {
    ...asking(visit),
    person: personOf(visit),
    reasons: step.missing,
    others: method ? waysOf(visit, step).filter((way) => way.method !== method) : [],
  };
}

async function registerPage(
  deps: InteractionDeps,
  visit: Visit,
  step: EnrolStep,
  method: EnrolmentMethod,
): Promise<ViewModel> {
  const context = contextOf(visit);
  if (method === 'totp') {
    const { uri, secret } = await beginTotp(deps.services, context);
    return {
      ...common(visit, step, method),
      page: 'enrol-totp',
      form: formOf(visit, 'enrol/totp'),
      uri,
      secret,
    };
  }
  if (method === 'password') {
    const { minLength } = deps.services.settings.factors.password;
    const form = formOf(visit, 'enrol/password');
    return { ...common(visit, step, method), page: 'enrol-password', form, minLength };
  }
  const options = await beginPasskeyEnrolment(deps.services, context);
  return {
    ...common(visit, step, method),
    page: 'enrol-passkey',
    form: formOf(visit, 'enrol/passkey'),
    options,
  };
}

/** Who changes factors in this interaction. Error `step_up_required` before a first proof. */
export function contextOf(visit: Visit): ChangeContext {
  const { transaction, assessment } = visit;
  if (!assessment.facts)
    throw new StileError('step_up_required', { detail: 'enrolment before a first proof' });
  return {
    facts: assessment.facts,
    transaction: { id: transaction.id, clientId: transaction.clientId },
    owner: ownerOf(visit),
    staging: true,
    sessionUid: transaction.sessionUid,
    correlationId: correlationId(visit.ctx),
    asked: visit.asked,
    device: deviceOf(visit.ctx),
    kept: keptOf(transaction),
  };
}

/** Our account page's wish for a factor, until it is granted. */
export function wantedEnrolment({ interaction, transaction }: Visit): EnrolmentMethod | undefined {
  return transaction.state['enrolled'] === undefined ? wantsEnrolment(interaction.params) : undefined;
}
