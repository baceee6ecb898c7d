/** Changing the password on the account page. Adding the first one happens inside an interaction, as for any factor. */
import type { Context } from 'koa';
import { type ErrorCode, StileError } from '../../domain/errors.ts';
import { maySetPassword, passwordOf, setPassword } from '../../services/password-change.ts';
import { csrfForm, newPasswordForm } from '../forms.ts';
import { guardForm } from '../guard.ts';
import { type Route, seeOther } from '../routes.ts';
import {
  type AccountDeps,
  authorize,
  changeContext,
  checkForm,
  findOwner,
  type Owner,
  passGate,
  requireOwner,
  show,
} from './session.ts';

export const PASSWORD_PAGE = '/account/password';
const ADD_PASSWORD = '/account/add/password';

export function passwordRoutes(deps: AccountDeps): Route[] {
  return [
    ['GET', PASSWORD_PAGE, (ctx) => ask(deps, ctx)],
    ['POST', PASSWORD_PAGE, (ctx) => set(deps, ctx)],
  ];
}

/** Asks for the new password; and before that, for what rule 6 wants proved. Without an old one it is added instead. */
async function ask(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await findOwner(deps, ctx);
  if (!owner) return authorize(deps, ctx, { returnTo: PASSWORD_PAGE });
  if (!passwordOf(owner)) return seeOther(ctx, ADD_PASSWORD);
  const gate = await maySetPassword(deps.services, changeContext(owner));
  if (passGate(deps, ctx, { gate, here: PASSWORD_PAGE, change: 'credential_changed' })) showForm(deps, owner);
}

function showForm(deps: AccountDeps, { ctx, facts, csrf }: Owner, failure?: StileError): void {
  ctx.status = failure?.status ?? 200;
  const field = failure?.code === 'passwords_differ' ? 'repeat' : 'password';
  show(deps, ctx, {
    page: 'password-change',
    person: facts.account,
    minLength: deps.services.settings.factors.password.minLength,
    form: csrfForm(PASSWORD_PAGE, csrf),
    back: '/account',
    ...(failure ? { problem: { code: failure.code, field } } : {}),
  });
}

/** Answered on the page itself. */
const correctable: readonly ErrorCode[] = ['password_too_weak', 'password_unchanged', 'passwords_differ'];

async function set(deps: AccountDeps, ctx: Context): Promise<void> {
  const owner = await requireOwner(deps, ctx);
  const { password, repeat, _csrf } = await guardForm(ctx, newPasswordForm);
  checkForm(deps, owner, _csrf);
  try {
    if (password !== repeat) throw new StileError('passwords_differ');
    const context = { ...changeContext(owner), sessionUid: owner.sessionUid };
    await setPassword(deps.services, context, password);
  } catch (error) {
    if (!(error instanceof StileError)) throw error;
    // The proof grew old while the page was open: ask again, then come back to it.
    if (error.code === 'step_up_required') return seeOther(ctx, PASSWORD_PAGE);
    if (correctable.includes(error.code)) return showForm(deps, owner, error);
    throw error;
  }
  seeOther(ctx, '/account?notice=password_changed');
}
