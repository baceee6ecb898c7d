/**
 * The interaction: one dispatcher (`GET /interaction/:uid`), and steps that only return to it.
 */
import type { Context } from 'koa';
import { StileError } from '../../domain/errors.ts';
import { adminCodeFactor } from '../../services/admin-code.ts';
import { attempt, type Factor } from '../../services/attempt.ts';
import type { EnrolmentMethod } from '../../services/change-gate.ts';
import { emailCodeFactor, sendEmailCode } from '../../services/email-code.ts';
import { passwordFactor } from '../../services/factors/password.ts';
import { totpFactor } from '../../services/factors/totp.ts';
import { normaliseIdentifier } from '../../services/identifier.ts';
import { keepProofPlace } from '../../services/policy.ts';
import { REMEMBER } from '../../services/remembered-devices.ts';
import type { Step } from '../../services/step-up.ts';
import { codeForm, emptyForm, passkeyForm, passwordForm, signInForm } from '../forms.ts';
import { guardForm, PASSKEY_LIMIT } from '../guard.ts';
import { correlationId, deviceOf } from '../requests.ts';
import { type Route, seeOther } from '../routes.ts';
import { cancel } from './cancel.ts';
import { type ConsentDeps, decideConsent, showConsent } from './consent.ts';
import { awaitsAdminCode, showEnrolment, wantedEnrolment } from './enrol.ts';
import { register, shownOnPage } from './enrol-forms.ts';
import { finish, refuse, resume } from './finish.ts';
import { unlessAnother } from './meanwhile.ts';
import { problemOf, proofPage, show, showDenied } from './pages.ts';
import { answeredPasskey, ownerOf } from './passkeys.ts';
import { recordAsked } from './record-asked.ts';
import { attemptContext, checkForm, knownAccount, stepOf, type Visit, visit } from './visit.ts';

/** Every route of an interaction. */
export function interactionRoutes(deps: ConsentDeps): Route[] {
  type Run = (deps: ConsentDeps, visit: Visit) => Promise<void>;
  const step =
    (run: Run) =>
    async (ctx: Context, { uid = '' }: Readonly<Record<string, string>>) =>
      unlessAnother(deps, await visit(deps, ctx, uid), run);
  return [
    ['GET', '/interaction/:uid', step(dispatch)],
    ['POST', '/interaction/:uid/identifier', step(identify)],
    ['POST', '/interaction/:uid/identifier/change', step(changeIdentifier)],
    ['POST', '/interaction/:uid/password', step(password)],
    ['POST', '/interaction/:uid/totp', step(totp)],
    ['POST', '/interaction/:uid/passkey', step(passkey)],
    ['POST', '/interaction/:uid/email/send', step(sendEmail)],
    ['POST', '/interaction/:uid/email', step(email)],
    ['POST', '/interaction/:uid/admin-code', step(adminCode)],
    ['POST', '/interaction/:uid/enrol/password', step((deps, seen) => enrol(deps, seen, 'password'))],
    ['POST', '/interaction/:uid/enrol/totp', step((deps, seen) => enrol(deps, seen, 'totp'))],
    ['POST', '/interaction/:uid/enrol/passkey', step((deps, seen) => enrol(deps, seen, 'passkey'))],
    ['POST', '/interaction/:uid/consent', step(decideConsent)],
    [
      'POST',
      '/interaction/:uid/cancel',
      async (ctx, { uid = '' }) => cancel(deps, await visit(deps, ctx, uid)),
    ],
  ];
}

/** Shows what is next, or finishes. The only thing that routes. */
async function dispatch(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { ctx, interaction } = seen;
  if (interaction.result) return resume(seen);
  if (interaction.prompt.name === 'consent') return showConsent(deps, seen);
  await showStep(deps, seen, { chosen: one(ctx.query['with']), enrol: one(ctx.query['enrol']) });
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

interface Showing {
  readonly chosen?: string | undefined;
  readonly enrol?: string | undefined;
  readonly failure?: StileError;
  readonly field?: string;
}

/** What is next here: our account page may want a factor enrolled before it is finished. */
function currentStep(seen: Visit, chosen?: string): Step {
  const step = stepOf(seen, chosen);
  const method = step.name === 'finish' ? wantedEnrolment(seen) : undefined;
  return method ? { name: 'enrol', offers: [{ method, boundAt: null }], missing: [] } : step;
}

async function showStep(deps: ConsentDeps, seen: Visit, showing: Showing): Promise<void> {
  const { chosen, failure, field } = showing;
  const step = currentStep(seen, chosen);
  await recordAsked(deps, seen);
  switch (step.name) {
    case 'finish':
      return finish(deps, seen);
    case 'fail':
      return step.reason === undefined
        ? refuse(deps, seen, { error: step.error })
        : showDenied(deps, seen, step.reason);
    case 'enrol':
      return showEnrolment(deps, seen, step, showing);
    default: {
      const problem = failure && problemOf(failure, field);
      return show(deps, seen, await proofPage(deps, seen, step, problem), failure);
    }
  }
}

async function identify(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { identifier, _csrf } = await guardForm(seen.ctx, signInForm);
  checkForm(deps, seen, _csrf);
  const typed = normaliseIdentifier(identifier);
  if (typed === '') {
    return showStep(deps, seen, { failure: new StileError('account_invalid'), field: 'identifier' });
  }
  if (!seen.assessment.facts) await deps.services.transactions.setIdentifier(seen.transaction.id, typed);
  back(seen);
}

async function changeIdentifier(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { _csrf } = await guardForm(seen.ctx, emptyForm);
  checkForm(deps, seen, _csrf);
  if (!seen.assessment.facts) {
    await deps.services.transactions.setIdentifier(seen.transaction.id, null);
    await deps.services.transactions.release(seen.transaction.id);
  }
  back(seen);
}

async function password(deps: ConsentDeps, seen: Visit): Promise<void> {
  const form = await guardForm(seen.ctx, passwordForm);
  checkForm(deps, seen, form._csrf);
  const { identifier } = seen.transaction;
  const factor = passwordFactor(deps.services, {
    accountId: knownAccount(seen),
    identifier,
    password: form.password,
  });
  await prove(deps, seen, factor, { field: 'password', remember: form.remember });
}

async function totp(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { code, remember, _csrf } = await guardForm(seen.ctx, codeForm);
  checkForm(deps, seen, _csrf);
  const factor = totpFactor(deps.services, { accountId: knownAccount(seen), code });
  await prove(deps, seen, factor, { field: 'code', remember });
}

async function passkey(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { response, remember, _csrf } = await guardForm(seen.ctx, passkeyForm, PASSKEY_LIMIT);
  checkForm(deps, seen, _csrf);
  await prove(deps, seen, answeredPasskey(deps, seen, response), { remember });
}

async function email(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { code, remember, _csrf } = await guardForm(seen.ctx, codeForm);
  checkForm(deps, seen, _csrf);
  const factor = emailCodeFactor(deps.services, {
    owner: ownerOf(seen),
    accountId: knownAccount(seen),
    code,
  });
  await prove(deps, seen, factor, { field: 'code', remember });
}

/** Taken only where it is asked for, so that it is not used up for nothing. */
async function adminCode(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { code, _csrf } = await guardForm(seen.ctx, codeForm);
  checkForm(deps, seen, _csrf);
  if (!(await awaitsAdminCode(deps, seen, currentStep(seen)))) return back(seen);
  const factor = adminCodeFactor(deps.services, { accountId: knownAccount(seen), code });
  await prove(deps, seen, factor, { field: 'code' });
}

async function sendEmail(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { _csrf } = await guardForm(seen.ctx, emptyForm);
  checkForm(deps, seen, _csrf);
  const { transaction, assessment } = seen;
  if (!assessment.facts) return back(seen);
  try {
    await sendEmailCode(deps.services, {
      owner: ownerOf(seen),
      accountId: assessment.facts.account.id,
      correlationId: correlationId(seen.ctx),
    });
  } catch (error) {
    if (!(error instanceof StileError) || error.code !== 'too_many_attempts') throw error;
    return showStep(deps, seen, { chosen: 'email', failure: error });
  }
  await deps.services.transactions.setState(transaction.id, { codeSent: true });
  back(seen);
}

/** One attempt; on failure the same page says why, unless a parallel submission has succeeded by then. */
async function prove(
  deps: ConsentDeps,
  seen: Visit,
  factor: Factor,
  { field, remember = false }: { readonly field?: string; readonly remember?: boolean },
): Promise<void> {
  if (currentStep(seen).name === 'finish') return back(seen);
  try {
    await attempt(deps.services, attemptContext(seen), factor);
    await keepProofPlace(deps.services, seen.transaction.id, deviceOf(seen.ctx));
    if (remember) await deps.services.transactions.setState(seen.transaction.id, { [REMEMBER]: true });
  } catch (error) {
    if (!(error instanceof StileError) || error.status >= 500) throw error;
    const now = await visit(deps, seen.ctx, seen.uid);
    if (currentStep(now).name === 'finish') return back(seen);
    return showStep(deps, now, { chosen: factor.method, failure: error, ...(field ? { field } : {}) });
  }
  back(seen);
}

/**
 * A factor was registered, or the page says why not, unless a parallel submission has succeeded by then; what must be
 * proved anew leads back to the dispatcher.
 */
async function enrol(deps: ConsentDeps, seen: Visit, method: EnrolmentMethod): Promise<void> {
  if (!seen.assessment.facts || currentStep(seen).name !== 'enrol') return back(seen);
  try {
    await register(deps, seen, method);
    await keepProofPlace(deps.services, seen.transaction.id, deviceOf(seen.ctx));
  } catch (error) {
    if (!(error instanceof StileError) || error.status >= 500) throw error;
    const now = await visit(deps, seen.ctx, seen.uid);
    if (currentStep(now).name !== 'enrol') return back(seen);
    const shown = shownOnPage(error);
    if (!shown) throw error;
    return showStep(deps, now, { enrol: method, ...shown });
  }
  back(seen);
}

function back({ ctx, uid }: Visit): void {
  seeOther(ctx, `/interaction/${uid}`);
}
