/** Commands that work on the database: directly, or through the process that holds the embedded one. */
import type { Core } from '../app.ts';
import type { Loaded } from '../config/load.ts';
import { type ControlHandlers, callControl, controlPath } from '../control.ts';
import { StileError } from '../domain/errors.ts';
import { FolderLockedError } from '../infra/folder-lock.ts';
import { quietly } from './load.ts';

export interface DatabaseCommand {
  /** Such as `user.add`: its name at a running process. */
  readonly name: string;
  /** What it does; the input is unchecked. Throws StileError; returns what JSON can carry. */
  readonly run: (core: Core, input: unknown) => Promise<unknown>;
}

/** Runs the command here, or there. Errors: its own; `FolderLockedError` when the holder of the folder does not listen. */
export async function perform(loaded: Loaded, command: DatabaseCommand, input: unknown): Promise<unknown> {
  try {
    return await performHere(loaded, command, input);
  } catch (error) {
    if (!(error instanceof FolderLockedError)) throw error;
    return await performThere(loaded, command, { input, locked: error });
  }
}

/** Runs the command here alone. Error `FolderLockedError` names who holds the embedded database. */
export async function performHere(
  { config, ...loaded }: Loaded,
  { name, run }: DatabaseCommand,
  input: unknown,
): Promise<unknown> {
  const { createCore } = await quietly(() => import('../app.ts'));
  const silent = { ...config, log: { level: 'silent' as const } };
  const purpose = `stile ${name.replace('.', ' ')}`;
  const core = await createCore({ ...loaded, config: silent, purpose });
  try {
    return await run(core, input);
  } finally {
    await core.close();
  }
}

/** The holder of the folder does it; where it does not listen, it is named. */
async function performThere(
  { config }: Loaded,
  { name }: DatabaseCommand,
  { input, locked }: { readonly input: unknown; readonly locked: FolderLockedError },
): Promise<unknown> {
  try {
    return await callControl(controlPath(config.dataDirectory), name, input);
  } catch (error) {
    throw error instanceof StileError && error.code === 'unavailable' ? locked : error;
  }
}

/** What a running process serves. */
export function controlHandlers(core: Core, commands: readonly DatabaseCommand[]): ControlHandlers {
  return Object.fromEntries(commands.map(({ name, run }) => [name, (input: unknown) => run(core, input)]));
}
