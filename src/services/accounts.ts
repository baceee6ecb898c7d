/** Accounts: made by an administrator, disabled and enabled again. */
import { StileError } from '../domain/errors.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import { normalisePassword, requireStrong } from './factors/password-strength.ts';
import { normaliseIdentifier } from './identifier.ts';
import type { Account, NewAccount, PasswordCredential } from './ports/people.ts';

export type AccountDeps = Pick<
  Deps,
  'clock' | 'random' | 'hasher' | 'unitOfWork' | 'accounts' | 'credentials' | 'audit' | 'levels' | 'settings'
>;

export interface AccountInput {
  readonly username: string;
  readonly email?: string;
  /** The administrator vouches for the address. */
  readonly emailVerified?: boolean;
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly password?: string;
  /** For the demo's well-known passwords only. */
  readonly allowWeakPassword?: boolean;
}

/** No `@`: a username never equals somebody else's address. */
const username = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
/** Enough to be mailed to; whether it exists is shown by a code. */
const address = /^[^\s@<>"(),:;\\]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Enough for a policy to name, and nothing that would have to be escaped in one. */
const group = /^[a-zA-Z0-9](?:[a-zA-Z0-9._:/-]{0,62}[a-zA-Z0-9])?$/;
const mostGroups = 50;

/**
 * Makes an account, with a password when one is given. Throws StileError `account_invalid`, `account_exists` or
 * `password_too_weak`.
 */
export async function createAccount(deps: AccountDeps, input: AccountInput): Promise<NewAccount> {
  const account = newAccount(deps, input);
  const password = await newPassword(deps, account, input);
  await deps.unitOfWork.run(async () => {
    await deps.accounts.create(account);
    if (password) await deps.credentials.add(password);
    await record(deps, { type: 'account_created', outcome: 'success', accountId: account.id });
  });
  return account;
}

function newAccount(deps: AccountDeps, input: AccountInput): NewAccount {
  const name = normaliseIdentifier(input.username);
  const email = input.email === undefined ? null : normaliseIdentifier(input.email);
  if (!username.test(name)) throw new StileError('account_invalid', { detail: 'username' });
  if (email !== null && (email.length > 254 || !address.test(email))) {
    throw new StileError('account_invalid', { detail: 'email' });
  }
  const now = deps.clock.now();
  return {
    id: deps.random.id(),
    username: name,
    email,
    emailVerifiedAt: email !== null && input.emailVerified === true ? now : null,
    name: input.name === undefined ? null : input.name.normalize('NFC').trim().slice(0, 100) || null,
    groups: checkedGroups(input.groups ?? []),
    createdAt: now,
  };
}

/** Each once, in order. Throws `account_invalid`. */
function checkedGroups(groups: readonly string[]): readonly string[] {
  const each = [...new Set(groups)].sort();
  if (each.length > mostGroups || !each.every((name) => group.test(name))) {
    throw new StileError('account_invalid', { detail: 'groups' });
  }
  return each;
}

async function newPassword(
  deps: AccountDeps,
  account: NewAccount,
  { password, allowWeakPassword }: AccountInput,
): Promise<PasswordCredential | undefined> {
  if (password === undefined) return undefined;
  if (!allowWeakPassword) requireStrong(deps.settings, account, password);
  return {
    id: deps.random.id(),
    accountId: account.id,
    method: 'password',
    label: '',
    boundAt: deps.levels[0]?.acr ?? null,
    boundBy: 'admin',
    createdAt: account.createdAt,
    lastUsedAt: null,
    hash: await deps.hasher.hash(normalisePassword(password)),
  };
}

/** By username or address, however they are written. */
export async function findAccount(
  deps: Pick<AccountDeps, 'accounts'>,
  identifier: string,
): Promise<Account | undefined> {
  return deps.accounts.byIdentifier(normaliseIdentifier(identifier));
}

/** Disables an account: its sessions, grants and stored tokens end with it, in one transaction. Or enables it. */
export async function setAccountStatus(
  deps: AccountDeps,
  accountId: string,
  {
    status,
    correlationId = null,
  }: { readonly status: Account['status']; readonly correlationId?: string | null },
): Promise<void> {
  await deps.unitOfWork.run(async () => {
    await deps.accounts.setStatus(accountId, status, deps.clock.now());
    await record(deps, {
      type: 'account_status',
      outcome: 'success',
      accountId,
      correlationId,
      data: { status },
    });
  });
}

/** Puts an account in these groups and no others; returns them. Throws StileError `account_invalid`. */
export async function setAccountGroups(
  deps: AccountDeps,
  accountId: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const groups = checkedGroups(names);
  await deps.unitOfWork.run(async () => {
    await deps.accounts.setGroups(accountId, groups, deps.clock.now());
    await record(deps, { type: 'account_groups', outcome: 'success', accountId, data: { groups } });
  });
  return groups;
}
