/** `stile user groups`: the groups that policies can name. */
import { z } from 'zod';
import type { Core } from '../app.ts';
import { StileError } from '../domain/errors.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

const groupsInput = z.strictObject({
  /** Username or address. */
  identifier: z.string().max(300),
  /** All the groups there are to be; absent: leave them. */
  groups: z.array(z.string().max(100)).max(100).exactOptional(),
});

const groupsOutput = z.strictObject({ username: z.string(), groups: z.array(z.string()) });

export type UserGroupsOptions = ConfigFile & z.input<typeof groupsInput>;

/** Errors: `account_invalid`; `CommandError` when there is no such account. */
export async function userGroups(
  terminal: Terminal,
  { identifier, groups, ...options }: UserGroupsOptions,
): Promise<number> {
  const input = { identifier, ...(groups === undefined ? {} : { groups }) };
  const answer = await perform(load(options), userGroupsCommand, input);
  if (answer === null) throw new CommandError(`there is no account "${identifier}"`);
  const { username, groups: now } = groupsOutput.parse(answer);
  terminal.out(now.length === 0 ? `${username} is in no group.` : `${username}: ${now.join(', ')}`);
  return 0;
}

/** Sets the groups where some are given; returns them, null when there is no such account. Error `bad_request`. */
async function changeGroups({ services }: Core, input: unknown): Promise<unknown> {
  const { findAccount, setAccountGroups } = await import('../services/accounts.ts');
  const parsed = groupsInput.safeParse(input);
  if (!parsed.success) throw new StileError('bad_request');
  const { identifier, groups } = parsed.data;
  const account = await findAccount(services, identifier);
  if (!account) return null;
  if (groups === undefined) return { username: account.username, groups: account.groups };
  return { username: account.username, groups: await setAccountGroups(services, account.id, groups) };
}

export const userGroupsCommand: DatabaseCommand = { name: 'user.groups', run: changeGroups };
