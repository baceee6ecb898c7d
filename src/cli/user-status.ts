/** `stile user disable`, `stile user enable`. */
import { z } from 'zod';
import type { Core } from '../app.ts';
import { StileError } from '../domain/errors.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

const statusInput = z.strictObject({
  /** Username or address. */
  identifier: z.string().max(300),
  status: z.enum(['active', 'disabled']),
});

export type UserStatusOptions = ConfigFile & z.input<typeof statusInput>;

/** Errors: `CommandError` when there is no such account. */
export async function userStatus(
  terminal: Terminal,
  { identifier, status, ...options }: UserStatusOptions,
): Promise<number> {
  const username = await perform(load(options), userStatusCommand, { identifier, status });
  if (username === null) throw new CommandError(`there is no account "${identifier}"`);
  terminal.out(
    status === 'disabled'
      ? `Disabled ${username}; every session and token of the account has ended.`
      : `Enabled ${username}.`,
  );
  return 0;
}

/** Sets the status; returns the username, null when there is no such account. Error `bad_request`. */
async function changeStatus({ services }: Core, input: unknown): Promise<string | null> {
  const { findAccount, setAccountStatus } = await import('../services/accounts.ts');
  const parsed = statusInput.safeParse(input);
  if (!parsed.success) throw new StileError('bad_request');
  const { identifier, status } = parsed.data;
  const account = await findAccount(services, identifier);
  if (!account) return null;
  await setAccountStatus(services, account.id, { status });
  return account.username;
}

export const userStatusCommand: DatabaseCommand = { name: 'user.status', run: changeStatus };
