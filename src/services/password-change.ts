/**
 * Changing the password on the account page; the first one is added by `enrol-password`. A changed password is a new
 * credential (docs/decisions/changed-passwords.md).
 */
import { StileError } from '../domain/errors.ts';
import { record } from './audit.ts';
import {
  type ChangeContext,
  type DecidedGate,
  decisionIn,
  type GateDeps,
  mayChange,
  type OpenGate,
  requireOpen,
} from './change-gate.ts';
import type { Deps } from './deps.ts';
import { normalisePassword, requireStrong } from './factors/password-strength.ts';
import { type ForgetDeps, forgetBrowsers } from './forget-browsers.ts';
import { notify } from './notify.ts';
import type { PasswordCredential } from './ports/people.ts';

export type PasswordChangeDeps = GateDeps &
  Pick<
    Deps,
    | 'random'
    | 'hasher'
    | 'mailer'
    | 'letters'
    | 'log'
    | 'background'
    | 'throttle'
    | 'unitOfWork'
    | 'credentials'
    | 'sessions'
    | 'audit'
  > &
  ForgetDeps;

/** Who changes a password, and the session that stays. */
export interface PasswordContext extends ChangeContext {
  readonly sessionUid: string;
}

/** The password that a new one would replace. */
export function passwordOf({ facts }: Pick<ChangeContext, 'facts'>): PasswordCredential | undefined {
  return facts.credentials.find((credential) => credential.method === 'password');
}

/** Rule 6: replacing a password needs the account's best level, fresh. */
export async function maySetPassword(deps: GateDeps, context: ChangeContext): Promise<DecidedGate> {
  return passwordOf(context) ? mayChange(deps, context, 'credential_changed') : { kind: 'refused' };
}

/**
 * Sets the password. Every proof, record and stored token on the old one ends, and every other session; this session
 * keeps what was proved in it. Every other browser is forgotten. Throws StileError `step_up_required`,
 * `enrolment_not_allowed`, `password_too_weak` or `password_unchanged`; `credential_not_found` when there is none, or another
 * tab was first.
 */
export async function setPassword(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  typed: string,
): Promise<void> {
  const old = passwordOf(context);
  if (!old) throw new StileError('credential_not_found');
  const gate = await requireOpen(deps, context, {
    type: 'credential_changed',
    method: 'password',
    credential: old.id,
    gate: await maySetPassword(deps, context),
  });
  const { account } = context.facts;
  requireStrong(deps.settings, account, typed);
  const password = normalisePassword(typed);
  if ((await deps.hasher.verify(old.hash, password)).ok) throw new StileError('password_unchanged');
  const next = { ...newPassword(deps, old, gate), hash: await deps.hasher.hash(password) };
  await deps.unitOfWork.run(() => replace(deps, context, { old, next, gate }));
  await notify(deps, account, deps.letters.passwordChanged(account));
}

/** A change never makes more of a password than it was: one that was set through the address stays so. */
function newPassword(
  deps: PasswordChangeDeps,
  old: PasswordCredential,
  gate: OpenGate,
): Omit<PasswordCredential, 'hash'> {
  return {
    id: deps.random.id(),
    accountId: old.accountId,
    method: 'password',
    label: old.label,
    boundAt: gate.boundAt,
    boundBy: old.boundBy === 'email_code' ? old.boundBy : gate.boundBy,
    createdAt: deps.clock.now(),
    lastUsedAt: null,
  };
}

interface Replacement {
  readonly old: PasswordCredential;
  readonly next: PasswordCredential;
  readonly gate: OpenGate;
}

async function replace(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  { old, next, gate }: Replacement,
): Promise<void> {
  if (!(await deps.credentials.replacePassword(old.id, next, context.sessionUid)))
    throw new StileError('credential_not_found');
  const sessionsEnded = await deps.sessions.endAll(next.accountId, context.sessionUid);
  await forgetBrowsers(deps, next.accountId, context.device.browserHash);
  const { id, accountId, method, boundAt, boundBy } = next;
  await record(deps, {
    type: 'credential_changed',
    outcome: 'success',
    accountId,
    clientId: context.transaction.clientId,
    sessionUid: context.sessionUid,
    correlationId: context.correlationId,
    data: { credential: id, method, boundAt, boundBy, replaced: old.id, sessionsEnded, ...decisionIn(gate) },
  });
}
