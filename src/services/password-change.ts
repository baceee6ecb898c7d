/**
 * Setting a password on the account page: changing the one there is, or adding the first. A changed password is a new
 * credential (docs/decisions/changed-passwords.md).
 */
import type { ChangeGate } from '../domain/enrolment.ts';
import { StileError } from '../domain/errors.ts';
import { record } from './audit.ts';
import {
  type ChangeContext,
  type GateDeps,
  gateFor,
  mayChange,
  mayOfferPassword,
  type OpenGate,
  requireOpen,
} from './change-gate.ts';
import type { Deps } from './deps.ts';
import { normalisePassword, requireStrong } from './factors/password-strength.ts';
import { notify } from './notify.ts';
import type { PasswordCredential } from './ports.ts';

export type PasswordChangeDeps = GateDeps &
  Pick<
    Deps,
    | 'random'
    | 'hasher'
    | 'mailer'
    | 'letters'
    | 'log'
    | 'unitOfWork'
    | 'accounts'
    | 'credentials'
    | 'sessions'
    | 'audit'
  >;

/** Who sets a password, and the session that stays. */
export interface PasswordContext extends ChangeContext {
  readonly sessionUid: string;
}

/** The password that a new one would replace. */
export function passwordOf({ facts }: Pick<ChangeContext, 'facts'>): PasswordCredential | undefined {
  return facts.credentials.find((credential) => credential.method === 'password');
}

/**
 * Rule 6: replacing a password needs the account's best level fresh; adding one the lower of that and the password's, and
 * is refused where it would be the first second factor.
 */
export function maySetPassword(deps: GateDeps, context: ChangeContext): ChangeGate {
  if (passwordOf(context)) return mayChange(deps, context);
  return mayOfferPassword(deps, context.facts)
    ? gateFor(deps, context, { method: 'password' })
    : { kind: 'refused' };
}

/**
 * Sets the password. Every proof, record and stored token on the old one ends, and every other session; this session
 * keeps what was proved in it. Throws StileError `step_up_required`, `enrolment_not_allowed`, `password_too_weak` or
 * `password_unchanged`; `credential_not_found` when another tab was first.
 */
export async function setPassword(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  typed: string,
): Promise<void> {
  const old = passwordOf(context);
  const type = old ? 'credential_changed' : 'credential_added';
  const gate = await requireOpen(deps, context, {
    type,
    method: 'password',
    ...(old ? { credential: old.id } : {}),
    gate: maySetPassword(deps, context),
  });
  const { account } = context.facts;
  requireStrong(deps.settings, account, typed);
  const password = normalisePassword(typed);
  if (old && (await deps.hasher.verify(old.hash, password)).ok) throw new StileError('password_unchanged');
  const next = { ...newPassword(deps, context, gate), hash: await deps.hasher.hash(password) };
  await deps.unitOfWork.run(() => (old ? replace(deps, context, { old, next }) : add(deps, context, next)));
  const { letters } = deps;
  await notify(deps, account, old ? letters.passwordChanged(account) : letters.factorAdded(account, next));
}

/** A change never makes more of a password than it was: one that was set through the address stays so. */
function newPassword(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  gate: OpenGate,
): Omit<PasswordCredential, 'hash'> {
  const old = passwordOf(context);
  return {
    id: deps.random.id(),
    accountId: context.facts.account.id,
    method: 'password',
    label: old?.label ?? 'Password',
    boundAt: gate.boundAt,
    boundBy: old?.boundBy === 'email_code' ? old.boundBy : gate.boundBy,
    createdAt: deps.clock.now(),
    lastUsedAt: null,
  };
}

async function replace(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  { old, next }: { readonly old: PasswordCredential; readonly next: PasswordCredential },
): Promise<void> {
  if (!(await deps.credentials.replacePassword(old.id, next, context.sessionUid)))
    throw new StileError('credential_not_found');
  const ended = await deps.sessions.endAll(next.accountId, context.sessionUid);
  await audit(deps, context, { next, change: { replaced: old.id, sessionsEnded: ended } });
}

async function add(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  next: PasswordCredential,
): Promise<void> {
  // Two tabs at once: the second one sees what the first has added.
  await deps.accounts.lock(next.accountId);
  const credentials = await deps.credentials.byAccount(next.accountId);
  if (credentials.some(({ method }) => method === 'password')) throw new StileError('credential_not_found');
  await deps.credentials.add(next);
  await audit(deps, context, { next });
}

interface Done {
  readonly next: PasswordCredential;
  readonly change?: { readonly replaced: string; readonly sessionsEnded: number };
}

async function audit(
  deps: PasswordChangeDeps,
  context: PasswordContext,
  { next, change }: Done,
): Promise<void> {
  const { id, accountId, method, boundAt, boundBy } = next;
  await record(deps, {
    type: change ? 'credential_changed' : 'credential_added',
    outcome: 'success',
    accountId,
    clientId: context.transaction.clientId,
    sessionUid: context.sessionUid,
    correlationId: context.correlationId,
    data: { credential: id, method, boundAt, boundBy, ...change },
  });
}
