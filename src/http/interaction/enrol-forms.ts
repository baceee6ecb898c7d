/** What the forms of an enrolment bring, and which mistakes are answered on their own page. */
import { type ErrorCode, StileError } from '../../domain/errors.ts';
import type { EnrolmentMethod } from '../../services/change-gate.ts';
import { finishPasskeyEnrolment } from '../../services/enrol-passkey.ts';
import { enrolPassword } from '../../services/enrol-password.ts';
import { finishTotp } from '../../services/enrol-totp.ts';
import { enrolPasskeyForm, enrolTotpForm, newPasswordForm } from '../forms.ts';
import { guardForm, PASSKEY_LIMIT } from '../guard.ts';
import { contextOf } from './enrol.ts';
import { checkForm, type InteractionDeps, type Visit } from './visit.ts';

/** Registers what the form brought. Throws StileError; the dispatcher shows it on the page it belongs to. */
export async function register(deps: InteractionDeps, visit: Visit, method: EnrolmentMethod): Promise<void> {
  await registrations[method](deps, visit);
  await deps.services.transactions.setState(visit.transaction.id, { enrolled: method });
}

type Registration = (deps: InteractionDeps, visit: Visit) => Promise<unknown>;

const registrations: Readonly<Record<EnrolmentMethod, Registration>> = {
  password: registerPassword,
  totp: registerTotp,
  passkey: registerPasskey,
};

async function registerPassword(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { password, repeat, _csrf } = await guardForm(visit.ctx, newPasswordForm);
  checkForm(deps, visit, _csrf);
  if (password !== repeat) throw new StileError('passwords_differ');
  await enrolPassword(deps.services, contextOf(visit), password);
}

async function registerTotp(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { code, label, _csrf } = await guardForm(visit.ctx, enrolTotpForm);
  checkForm(deps, visit, _csrf);
  await finishTotp(deps.services, contextOf(visit), { code, label });
}

async function registerPasskey(deps: InteractionDeps, visit: Visit): Promise<void> {
  const { response, label, _csrf } = await guardForm(visit.ctx, enrolPasskeyForm, PASSKEY_LIMIT);
  checkForm(deps, visit, _csrf);
  await finishPasskeyEnrolment(deps.services, contextOf(visit), { response, label });
}

/** Shown on the page itself, with the field they are about; `''`: none. */
const correctable: Partial<Record<ErrorCode, string>> = {
  wrong_code: 'code',
  code_expired: '',
  invalid_label: '',
  passkey_failed: '',
  passkey_registered: '',
  step_up_required: '',
  too_many_attempts: '',
  password_too_weak: 'password',
  passwords_differ: 'repeat',
};

/** How the enrolment page shows the error; undefined: it does not. */
export function shownOnPage(
  error: StileError,
): { readonly failure: StileError; readonly field?: string } | undefined {
  const field = correctable[error.code];
  if (field === undefined) return undefined;
  return { failure: error, ...(field === '' ? {} : { field }) };
}
