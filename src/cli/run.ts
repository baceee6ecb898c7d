/** Finds the command, runs it, and says what went wrong: no stack traces. */
import { parseArgs } from 'node:util';
import { auditTable } from './audit-table.ts';
import { type Command, configFile as file, options, type Parsed, type Values } from './command.ts';
import { explain, UsageError } from './failures.ts';
import type { Terminal } from './terminal.ts';

const usage = `Usage: stile <command> [options], where stile is node dist/src/cli.js

  start                         run the server; without a configuration, the demo
  check                         validate the configuration and the environment
  migrate                       bring the database up to date
  user add <username>           add an account; asks for the password
      --email <address>           its address, which you vouch for
      --name <name>               the name people see
      --password-stdin            read the password from standard input
  user disable|enable <user>    end an account's use, and all it has open; or allow it again
  user code <user>              make a code that confirms their first second factor
  client add                    register a client in the database; prints its secret once
      --file <path>               its settings as in the configuration, YAML or JSON; - reads standard input
      --public                    without a secret
  client remove <id>            remove one from the database
  client list                   list those in the database
  audit verify                  has anything in the audit trail been changed?
      --file <path>               of an export, without a database
      --keys <path>               with these public keys
      --anchor <checkpoint>       and with a checkpoint kept elsewhere, or a file of them
  audit checkpoint              print the newest signed checkpoint, to keep elsewhere
  audit keys                    print the public keys that checkpoints are signed with
  audit export                  print sealed events
      --since, --until <time>     30d, 12h or 2026-01-31
      --person <user>             of one person
      --format jsonl|ocsf         default: jsonl
  secret                        make a client secret and its hash
      --key                       make a key for STILE_KEYS instead
  gate --config <file>          answer gateways: may this request pass?
  gate explain <method> <url>   say which rule decides, and why
      --token <token>             the access token it comes with
  help, version

  --config <file>               configuration file; default: STILE_CONFIG, else the demo

docs/configuration.md lists every setting.`;

/** Each command loads only what it needs. */
const commands: Readonly<Record<string, Command>> = {
  start: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./start.ts')).start(terminal, file(values)),
  },
  check: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./check.ts')).check(terminal, file(values)),
  },
  migrate: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./migrate.ts')).migrateCommand(terminal, file(values)),
  },
  'user add': {
    takes: ['config', 'email', 'name', 'password-stdin'],
    arguments: ['username'],
    run: async (
      terminal,
      { email, name, 'password-stdin': passwordStdin = false, ...values },
      [username = ''],
    ) =>
      (await import('./user-add.ts')).userAdd(terminal, {
        ...file(values),
        username,
        passwordStdin,
        ...(email === undefined ? {} : { email }),
        ...(name === undefined ? {} : { name }),
      }),
  },
  'user disable': status('disabled'),
  'user enable': status('active'),
  'user code': {
    takes: ['config'],
    arguments: ['username'],
    run: async (terminal, values, [identifier = '']) =>
      (await import('./user-code.ts')).userCode(terminal, { ...file(values), identifier }),
  },
  'client add': {
    takes: ['config', 'file', 'public'],
    arguments: [],
    run: async (terminal, { file: client, public: open = false, ...values }) => {
      if (client === undefined) throw new UsageError('stile client add needs --file');
      return (await clientCommands()).clientAdd(terminal, { ...file(values), client, public: open });
    },
  },
  'client remove': {
    takes: ['config'],
    arguments: ['client id'],
    run: async (terminal, values, [clientId = '']) =>
      (await clientCommands()).clientRemove(terminal, { ...file(values), clientId }),
  },
  'client list': {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await clientCommands()).clientList(terminal, file(values)),
  },
  gate: {
    takes: ['config'],
    arguments: [],
    run: async (terminal, values) => (await import('./gate.ts')).gate(terminal, { file: gateFile(values) }),
  },
  'gate explain': {
    takes: ['config', 'token'],
    arguments: ['method', 'url'],
    run: async (terminal, values, [method = '', url = '']) =>
      (await import('./gate.ts')).gateExplain(terminal, {
        file: gateFile(values),
        method,
        url,
        ...(values.token === undefined ? {} : { token: values.token }),
      }),
  },
  ...auditTable,
  secret: {
    takes: ['key'],
    arguments: [],
    run: async (terminal, { key = false }) => (await import('./secret.ts')).secret(terminal, { key }),
  },
};

function gateFile({ config }: Values): string {
  if (config === undefined) throw new UsageError('stile gate needs --config');
  return config;
}

function clientCommands() {
  return import('./client.ts');
}

function status(status: 'active' | 'disabled'): Command {
  return {
    takes: ['config'],
    arguments: ['username'],
    run: async (terminal, values, [identifier = '']) =>
      (await import('./user-status.ts')).userStatus(terminal, { ...file(values), identifier, status }),
  };
}

/** Runs one command line; returns its exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.version || positionals[0] === 'version') return await printVersion(terminal);
    if (values.help || positionals.length === 0 || positionals[0] === 'help') {
      terminal.out(usage);
      return 0;
    }
    const { command, rest } = find(positionals, values);
    return await command.run(terminal, values, rest);
  } catch (error) {
    for (const line of explain(error)) terminal.note(line);
    return error instanceof UsageError ? 2 : 1;
  }
}

function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : '');
  }
}

function find(positionals: readonly string[], values: Values): { command: Command; rest: readonly string[] } {
  const [first = '', second] = positionals;
  const length =
    ['user', 'client', 'audit'].includes(first) || (first === 'gate' && second === 'explain') ? 2 : 1;
  const name = positionals.slice(0, length).join(' ');
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new UsageError(`there is no command "${name}"`);
  const stray = Object.keys(values).find((option) => !command.takes.some((known) => known === option));
  if (stray) throw new UsageError(`stile ${name} takes no --${stray}`);
  const rest = positionals.slice(length);
  const [missing] = command.arguments.slice(rest.length);
  if (missing) throw new UsageError(`stile ${name} needs a ${missing}`);
  if (rest.length > command.arguments.length)
    throw new UsageError(`"${rest.at(-1)}" is one argument too many`);
  return { command, rest };
}

async function printVersion(terminal: Terminal): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const { packageRoot } = await import('../infra/package-root.ts');
  const text = await readFile(`${packageRoot()}/package.json`, 'utf8');
  terminal.out((JSON.parse(text) as { version: string }).version);
  return 0;
}
