/**
 * Whoever had the old password, the removed factor or a stolen session may have made a browser familiar. So a change forgets
 * all browsers but the one that it is made in; and signing out everywhere, that one too.
 */
import { familiarKeys } from './attempt-count.ts';
import type { Deps } from './deps.ts';
import { KEPT } from './policy.ts';

export type ForgetDeps = Pick<Deps, 'accounts' | 'browsers' | 'devices' | 'transactions'>;

/**
 * In the transaction of the change; null: every browser. The account's row is locked first, as by a sign-in that makes a
 * browser familiar, so that the two wait for one another there. What was found out in a sign-in under way is found out anew.
 */
export async function forgetBrowsers(
  deps: ForgetDeps,
  accountId: string,
  exceptHash: string | null,
): Promise<void> {
  const except = exceptHash === null ? [] : familiarKeys(exceptHash);
  await deps.accounts.lock(accountId);
  await deps.browsers.forgetAll(accountId, except);
  await deps.devices.removeAll(accountId, except);
  await deps.transactions.dropState(accountId, KEPT);
}
