/** Adding the first password of an account. Replacing one is `password-change`'s. */
import type { ErrorCode } from '../domain/errors.ts';
import { type ChangeContext, mayEnrol, requireOpen } from './change-gate.ts';
import type { Deps } from './deps.ts';
import { addCredential, type EnrolmentDeps, newCredential } from './enrolment.ts';
import { normalisePassword, requireStrong } from './factors/password-strength.ts';
import type { Credential } from './ports/people.ts';

export type PasswordEnrolmentDeps = EnrolmentDeps & Pick<Deps, 'hasher' | 'accounts'>;

/**
 * Adds a password to an account without one. Throws StileError `step_up_required`, `enrolment_not_allowed` (also when
 * another tab was first) or `password_too_weak`.
 */
export async function enrolPassword(
  deps: PasswordEnrolmentDeps,
  context: ChangeContext,
  typed: string,
): Promise<Credential> {
  const gate = await requireOpen(deps, context, {
    type: 'credential_added',
    method: 'password',
    gate: await mayEnrol(deps, context, 'password'),
  });
  const { account } = context.facts;
  requireStrong(deps.settings, account, typed);
  const hash = await deps.hasher.hash(normalisePassword(typed));
  return addCredential(deps, context, {
    credential: { ...newCredential(deps, context, { ...gate, label: '' }), method: 'password', hash },
    gate,
    userVerified: false,
    consume: () => claimFirst(deps, account.id),
  });
}

/** Two tabs at once: the second one waits for the account's row, and sees what the first has added. */
async function claimFirst(deps: PasswordEnrolmentDeps, accountId: string): Promise<ErrorCode | undefined> {
  await deps.accounts.lock(accountId);
  const credentials = await deps.credentials.byAccount(accountId);
  return credentials.some(({ method }) => method === 'password') ? 'enrolment_not_allowed' : undefined;
}
