/** `stile user add`: directly, or through the process that holds the embedded database. */
import { z } from 'zod';
import type { Core } from '../app.ts';
import { StileError } from '../domain/errors.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

export interface UserAddOptions extends ConfigFile {
  readonly username: string;
  /** The administrator vouches for it. */
  readonly email?: string;
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly passwordStdin: boolean;
}

const accountInput = z.strictObject({
  username: z.string().max(100),
  email: z.string().max(300).exactOptional(),
  name: z.string().max(300).exactOptional(),
  groups: z.array(z.string().max(100)).max(100).exactOptional(),
  password: z.string().max(1000),
});

/** Errors: `account_exists`, `account_invalid`, `password_too_weak`; `CommandError` when no password is given. */
export async function userAdd(terminal: Terminal, options: UserAddOptions): Promise<number> {
  const loaded = load(options);
  const { username, email, name, groups } = options;
  const input: z.input<typeof accountInput> = {
    username,
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    ...(groups === undefined ? {} : { groups: [...groups] }),
    password: await readPassword(terminal, options),
  };
  const added = String(await perform(loaded, userAddCommand, input));
  terminal.out(`Added ${added}.`);
  return 0;
}

async function readPassword(terminal: Terminal, { passwordStdin }: UserAddOptions): Promise<string> {
  if (passwordStdin) return terminal.firstLine();
  const first = await terminal.askSecret('Password: ');
  if (first === undefined)
    throw new CommandError('there is nobody to ask for the password; use --password-stdin');
  if (first !== (await terminal.askSecret('Again: ')))
    throw new CommandError('the two differ; nothing was added');
  return first;
}

/** Adds an account; its input is as `user add` reads it. Error `bad_request` when the input has another shape. */
export async function addAccount(core: Pick<Core, 'services'>, input: unknown): Promise<string> {
  const { createAccount } = await import('../services/accounts.ts');
  const parsed = accountInput.safeParse(input);
  if (!parsed.success) throw new StileError('bad_request');
  const account = await createAccount(core.services, {
    ...parsed.data,
    emailVerified: parsed.data.email !== undefined,
  });
  return account.username;
}

export const userAddCommand: DatabaseCommand = { name: 'user.add', run: addAccount };
