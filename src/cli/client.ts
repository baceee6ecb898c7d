/** `stile client add`, `remove` and `list`: clients in the database, in the words of the configuration. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Core } from '../app.ts';
import { type Fault, showPath } from '../config/faults.ts';
import { parseClient, parseText } from '../config/parse.ts';
import type { ClientConfig, Config } from '../config/schema.ts';
import { StileError } from '../domain/errors.ts';
import { listClients, type Registered, registerClient, removeClient } from '../services/clients.ts';
import { type DatabaseCommand, perform } from './database-command.ts';
import { CommandError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

export interface ClientAddOptions extends ConfigFile {
  /** YAML or JSON; `-`: standard input. */
  readonly client: string;
  readonly public: boolean;
}

/** Checks and registers a client; prints its secret, which is shown only now. Errors: `CommandError` with every fault. */
export async function clientAdd(terminal: Terminal, options: ClientAddOptions): Promise<number> {
  const loaded = load(options);
  const input = { raw: await readClient(terminal, options.client), public: options.public };
  checked(loaded.config, input);
  const { clientId, secret } = registered.parse(await perform(loaded, clientAddCommand, input));
  terminal.out(`client id      ${clientId}`);
  if (secret !== undefined) {
    terminal.out(`client secret  ${secret}`);
    terminal.note('The secret is shown only now; only its hash is kept.');
  }
  return 0;
}

const registered = z.object({ clientId: z.string(), secret: z.string().exactOptional() });
const addInput = z.strictObject({ raw: z.record(z.string(), z.unknown()), public: z.boolean() });

type AddInput = z.output<typeof addInput>;

async function readClient(terminal: Terminal, path: string): Promise<AddInput['raw']> {
  const parsed = parseText(path === '-' ? await terminal.input() : await readText(path));
  if ('faults' in parsed) throw faulty(parsed.faults);
  const client = addInput.shape.raw.safeParse(parsed.raw);
  if (!client.success) throw new CommandError('a client is a set of settings, such as `clientId: web`');
  return client.data;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new CommandError(`${path} cannot be read`);
  }
}

/** Stands for the secret that a confidential client is given once it is sound. */
const SECRET_TO_COME = '-'.repeat(43);

/** The client, and whether it is to have a new secret. Errors: `CommandError` with every fault. */
function checked(config: Config, { raw, public: open }: AddInput): { client: ClientConfig; fresh: boolean } {
  if (open && 'secretHash' in raw) throw new CommandError('a public client has no secretHash');
  const fresh = !open && !('secretHash' in raw);
  const parsed = parseClient(config, fresh ? { ...raw, secretHash: SECRET_TO_COME } : raw);
  if ('faults' in parsed) throw faulty(parsed.faults);
  const { secretHash, ...client } = parsed.client;
  return { client: fresh || secretHash === undefined ? client : { ...client, secretHash }, fresh };
}

function faulty(faults: readonly Fault[]): CommandError {
  const lines = faults.map(({ path, message }) => `  ${showPath(path)}: ${message}`);
  return new CommandError(['the client cannot be registered:', ...lines].join('\n'));
}

/** Checked again where it is done: a running process has a configuration of its own. Error `bad_request`. */
async function add({ config, services, stores }: Core, input: unknown): Promise<Registered> {
  const { client, fresh } = checkedThere(config, input);
  return registerClient({ ...services, clients: stores.clients }, client, { confidential: fresh });
}

function checkedThere(config: Config, input: unknown): ReturnType<typeof checked> {
  try {
    return checked(config, addInput.parse(input));
  } catch (error) {
    const detail = error instanceof CommandError ? error.message : 'input';
    throw new StileError('bad_request', { detail });
  }
}

/** Errors: `CommandError` when the database holds no such client. */
export async function clientRemove(
  terminal: Terminal,
  { clientId, ...options }: ConfigFile & { readonly clientId: string },
): Promise<number> {
  const removed = await perform(load(options), clientRemoveCommand, clientId);
  if (removed !== true) throw new CommandError(`the database holds no client "${clientId}"`);
  terminal.out(`Removed ${clientId}; every token it had has ended.`);
  return 0;
}

const listed = z.array(z.object({ clientId: z.string(), name: z.string().nullable(), public: z.boolean() }));

/** One line for each client of the database: id, kind, name. */
export async function clientList(terminal: Terminal, options: ConfigFile): Promise<number> {
  const clients = listed.parse(await perform(load(options), clientListCommand, null));
  for (const { clientId, name, public: open } of clients)
    terminal.out(`${clientId}  ${open ? 'public' : 'confidential'}${name === null ? '' : `  ${name}`}`);
  if (clients.length === 0)
    terminal.note('The database holds no client; `stile check` lists the configured.');
  return 0;
}

export const clientAddCommand: DatabaseCommand = { name: 'client.add', run: add };
export const clientRemoveCommand: DatabaseCommand = {
  name: 'client.remove',
  run: ({ services, stores }, id) => removeClient({ ...services, clients: stores.clients }, String(id)),
};
export const clientListCommand: DatabaseCommand = {
  name: 'client.list',
  run: ({ stores }) => listClients(stores),
};
