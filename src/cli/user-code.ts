/** `stile user code`: a code that confirms somebody's first second factor where no address can. */
import { z } from 'zod';
import type { Core } from '../app.ts';
import { StileError } from '../domain/errors.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

/** Username or address. */
const identifierInput = z.string().max(300);
const issued = z.object({
  username: z.string(),
  code: z.string(),
  validFor: z.number(),
  /** It can be mailed to. */
  reachable: z.boolean(),
});

/** Prints the code. Errors: `too_many_attempts`; `CommandError` when the account is unknown or disabled. */
export async function userCode(
  terminal: Terminal,
  { identifier, ...options }: ConfigFile & { readonly identifier: string },
): Promise<number> {
  const answer = issued.nullable().parse(await issue(options, identifier));
  if (!answer) throw new CommandError(`there is no account "${identifier}"`);
  terminal.out(`code  ${answer.code}`);
  terminal.note(
    `For ${answer.username}: works once, for ${Math.ceil(answer.validFor / 60)} minutes. Make sure whom you give it to.`,
  );
  if (answer.reachable)
    terminal.note(
      'The account has a verified address: where that can confirm, an emailed code is asked for.',
    );
  return 0;
}

async function issue(options: ConfigFile, identifier: string): Promise<unknown> {
  try {
    return await perform(load(options), userCodeCommand, identifier);
  } catch (error) {
    if (error instanceof StileError && error.code === 'account_disabled')
      throw new CommandError(`the account "${identifier}" is disabled`);
    throw error;
  }
}

/** Issues it; null when there is no such account. Errors `account_disabled`, `too_many_attempts`, `bad_request`. */
async function issueCode({ services }: Core, input: unknown): Promise<z.output<typeof issued> | null> {
  const { findAccount } = await import('../services/accounts.ts');
  const { issueAdminCode } = await import('../services/admin-code.ts');
  const parsed = identifierInput.safeParse(input);
  if (!parsed.success) throw new StileError('bad_request');
  const account = await findAccount(services, parsed.data);
  if (!account) return null;
  const { username, email, emailVerifiedAt } = account;
  const { code, validFor } = await issueAdminCode(services, account);
  return { username, code, validFor, reachable: email !== null && emailVerifiedAt !== null };
}

export const userCodeCommand: DatabaseCommand = { name: 'user.code', run: issueCode };
