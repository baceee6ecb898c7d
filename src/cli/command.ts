/** What a command is: its options, its arguments, and what runs it. */
import type { parseArgs } from 'node:util';
import type { Terminal } from './terminal.ts';

export const options = {
  config: { type: 'string' },
  email: { type: 'string' },
  name: { type: 'string' },
  group: { type: 'string', multiple: true },
  none: { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  key: { type: 'boolean' },
  file: { type: 'string' },
  public: { type: 'boolean' },
  token: { type: 'string' },
  facts: { type: 'string' },
  note: { type: 'string' },
  json: { type: 'boolean' },
  policy: { type: 'string' },
  html: { type: 'string' },
  list: { type: 'boolean' },
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

export interface Command {
  /** Options it takes beside --help. */
  readonly takes: readonly (keyof typeof options)[];
  /** Names of its arguments. */
  readonly arguments: readonly string[];
  /** Names of arguments that may be left out; they follow the others. */
  readonly optional?: readonly string[];
  /** It takes any number more. */
  readonly more?: boolean;
  readonly run: (terminal: Terminal, values: Values, args: readonly string[]) => Promise<number>;
}

/** Name, of one word or two → command. */
export type Commands = Readonly<Record<string, Command>>;

/** `--config`, as the commands take it. */
export function configOf({ config }: Values): { file?: string } {
  return config === undefined ? {} : { file: config };
}
