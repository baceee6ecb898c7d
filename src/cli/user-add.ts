/** `stile user add`: directly, or through the process that holds the embedded database. */
import { z } from 'zod';
import type { Core } from '../app.ts';
import type { Loaded } from '../config/load.ts';
import { callControl, controlPath } from '../control.ts';
import { StileError } from '../domain/errors.ts';
import { FolderLockedError } from '../infra/folder-lock.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load, quietly } from './load.ts';
import type { Terminal } from './terminal.ts';

export interface UserAddOptions extends ConfigFile {
  readonly username: string;
  /** The administrator vouches for it. */
  readonly email?: string;
  readonly name?: string;
  readonly passwordStdin: boolean;
}

const accountInput = z.strictObject({
  username: z.string().max(100),
  email: z.string().max(300).exactOptional(),
  name: z.string().max(300).exactOptional(),
  password: z.string().max(1000),
});

type AccountInput = z.output<typeof accountInput>;

/** Errors: `account_exists`, `account_invalid`, `password_too_weak`; `CommandError` when no password is given. */
export async function userAdd(terminal: Terminal, options: UserAddOptions): Promise<number> {
  const loaded = load(options);
  const { username, email, name } = options;
  const input = {
    username,
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    password: await readPassword(terminal, options),
  };
  const added = await addHereOrThere(loaded, input);
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

async function addHereOrThere(loaded: Loaded, input: AccountInput): Promise<string> {
  try {
    return await addHere(loaded, input);
  } catch (error) {
    if (!(error instanceof FolderLockedError)) throw error;
    return await addThere(loaded, input, error);
  }
}

async function addHere({ config, secrets, version }: Loaded, input: AccountInput): Promise<string> {
  const { createCore } = await quietly(() => import('../app.ts'));
  const silent = { ...config, log: { level: 'silent' as const } };
  const core = await createCore({ config: silent, secrets, version, purpose: 'stile user add' });
  try {
    return await addAccount(core, input);
  } finally {
    await core.close();
  }
}

/** The holder of the folder does it; where it does not listen, it is named. */
async function addThere({ config }: Loaded, input: AccountInput, locked: FolderLockedError): Promise<string> {
  try {
    return String(await callControl(controlPath(config.dataDirectory), addCommand, input));
  } catch (error) {
    throw error instanceof StileError && error.code === 'unavailable' ? locked : error;
  }
}

/** The name of the command that a running process serves. */
export const addCommand = 'user.add';

/** What a running process does for it. Error `bad_request` when the input has another shape. */
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
