/** What a command of the command line is made of. */
import type { parseArgs } from 'node:util';
import type { Terminal } from './terminal.ts';

/** Every option there is. */
export const options = {
  config: { type: 'string' },
  email: { type: 'string' },
  name: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  key: { type: 'boolean' },
  file: { type: 'string' },
  public: { type: 'boolean' },
  token: { type: 'string' },
  keys: { type: 'string' },
  anchor: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  person: { type: 'string' },
  format: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

export type Parsed = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
export type Values = Parsed['values'];
export type Name = keyof typeof options;

export interface Command {
  /** Options it takes beside --help. */
  readonly takes: readonly Name[];
  /** Names of its arguments. */
  readonly arguments: readonly string[];
  readonly run: (terminal: Terminal, values: Values, args: readonly string[]) => Promise<number>;
}

export function configFile({ config }: Values): { file?: string } {
  return config === undefined ? {} : { file: config };
}
