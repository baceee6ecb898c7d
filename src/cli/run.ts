/** Finds the command, runs it, and says what went wrong: no stack traces. */
import { parseArgs } from 'node:util';
import { auditTable } from './audit-table.ts';
import { type Command, type Commands, options, type Parsed, type Values } from './command.ts';
import { commands as generalCommands } from './commands.ts';
import { explain, UsageError } from './failures.ts';
import { policyCommands } from './policy-commands.ts';
import type { Terminal } from './terminal.ts';

const usage = `Usage: stile <command> [options], where stile is node dist/src/cli.js

  start                         run the server; without a configuration, the demo
  check                         validate the configuration and the environment
  migrate                       bring the database up to date
  user add <username>           add an account; asks for the password
      --email <address>           its address, which you vouch for
      --name <name>               the name people see
      --group <name>              a group policies can name; may be repeated
      --password-stdin            read the password from standard input
  user disable|enable <user>    end an account's use, and all it has open; or allow it again
  user groups <user> [groups]   show a person's groups, or put them in these and no others
      --none                      in none
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
  policy check <file>           say everything that is wrong with a policy
  policy explain <file>         say which rules match, and why
      --facts <file>              the facts that matter, in YAML; the others are at rest
  policy test <file>            run the tests of a policy, x.test.yaml beside x.yaml
      --json                      the report as JSON
  policy backtest               replay recorded decisions under a draft
      --policy <file>             the draft
      --since, --until <time>     30d, 12h or 2026-01-31; default: the last 30 days
      --file <path>               of an export of the audit, not of the database
      --html <path>               write a report with charts
      --list                      print every decision that changes, as JSON Lines
      --json                      the report as JSON
  policy simulate               what a draft asks of whom, signal by signal
      --policy <file>             the draft
      --facts <file>              the facts that stay, in YAML; the others are at rest
      --json                      as JSON
  policy stats                  how often each rule matched, by day
      --since, --until <time>     default: the last 30 days
      --json                      as JSON
  policy apply <file>           put a policy in force, where none is in the configuration
      --note <text>               why; kept with it
  policy list                   list the policies there were; the one in force has a *
  policy show [id]              print one; without an id the one in force
  policy rollback <id>          put an earlier one in force again
  help, version

  --config <file>               configuration file; default: STILE_CONFIG, else the demo

docs/configuration.md lists every setting.`;

const commands: Commands = { ...generalCommands, ...policyCommands, ...auditTable };

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
  const { name, command } = named(positionals);
  const stray = Object.keys(values).find((option) => !command.takes.some((known) => known === option));
  if (stray) throw new UsageError(`stile ${name} takes no --${stray}`);
  const rest = positionals.slice(name.split(' ').length);
  const [missing] = command.arguments.slice(rest.length);
  if (missing) throw new UsageError(`stile ${name} needs a ${missing}`);
  if (!command.more && rest.length > command.arguments.length + (command.optional?.length ?? 0))
    throw new UsageError(`"${rest.at(-1)}" is one argument too many`);
  return { command, rest };
}

/** The command of two words, else of one. */
function named(positionals: readonly string[]): { name: string; command: Command } {
  const [first = ''] = positionals;
  const both = positionals.slice(0, 2).join(' ');
  for (const name of [both, first]) {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command) return { name, command };
  }
  const group = Object.keys(commands).some((name) => name.startsWith(`${first} `));
  throw new UsageError(`there is no command "${group ? both : first}"`);
}

async function printVersion(terminal: Terminal): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const { packageRoot } = await import('../infra/package-root.ts');
  const text = await readFile(`${packageRoot()}/package.json`, 'utf8');
  terminal.out((JSON.parse(text) as { version: string }).version);
  return 0;
}
