/** `stile start`: the server, its control socket, the demo when asked for, and an orderly end. */
import type { Loaded } from '../config/load.ts';
import { controlPath, serveControl } from '../control.ts';
import type { Running } from '../main.ts';
import { checkpointCommand, keysCommand, verifyCommand } from './audit.ts';
import { clientAddCommand, clientListCommand, clientRemoveCommand } from './client.ts';
import { controlHandlers } from './database-command.ts';
import { startDemo } from './demo.ts';
import { type ConfigFile, load, quietly } from './load.ts';
import { policyVersionCommands } from './policy-versions.ts';
import { refuseDemoAccount } from './production.ts';
import type { Terminal } from './terminal.ts';
import { userAddCommand } from './user-add.ts';
import { userCodeCommand } from './user-code.ts';
import { userGroupsCommand } from './user-groups.ts';
import { userStatusCommand } from './user-status.ts';

/** Resolves when the server was told to stop and has; 0 when in good order. */
export async function start(terminal: Terminal, options: ConfigFile): Promise<number> {
  adviseRuntime(terminal);
  const loaded = load(options);
  const { serve } = await quietly(() => import('../main.ts'));
  terminal.note('Starting …');
  const running = await serve(loaded, async ({ core }) => {
    if (!loaded.config.demo) await refuseDemoAccount(core);
  });
  const ends: (() => Promise<void>)[] = [() => running.stop(), reloadsPolicy(terminal, running)];
  try {
    if (!loaded.secrets.databaseUrl) ends.unshift(await takeCommands(loaded, running));
    if (loaded.config.demo) ends.unshift(await startDemo(terminal, loaded.config, running));
    else
      terminal.note(`Stile serves ${loaded.config.issuer} on ${loaded.config.listen.host}:${running.port}.`);
    return await untilStopped(terminal);
  } finally {
    for (const end of ends) await end();
  }
}

/** SIGHUP: the policy is read again; where it is faulty the one before it stays. */
function reloadsPolicy(terminal: Terminal, { app }: Running): () => Promise<void> {
  const reload = (): void => {
    app.core.policy.reload().catch((error: unknown) => {
      terminal.note(`The policy was not read: ${error instanceof Error ? error.message : 'unknown failure'}`);
    });
  };
  process.on('SIGHUP', reload);
  return async () => void process.off('SIGHUP', reload);
}

function adviseRuntime(terminal: Terminal): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 22)
    terminal.note(`Node ${process.versions.node} will do to try Stile; use Node 22 or later in production.`);
}

/** What a second command asks of this process while it holds the embedded database. */
const commands = [
  userAddCommand,
  userStatusCommand,
  userGroupsCommand,
  userCodeCommand,
  clientAddCommand,
  clientRemoveCommand,
  clientListCommand,
  ...policyVersionCommands,
  verifyCommand(),
  checkpointCommand,
  keysCommand,
];

async function takeCommands({ config }: Loaded, { app }: Running): Promise<() => Promise<void>> {
  const path = controlPath(config.dataDirectory);
  const control = await serveControl(path, controlHandlers(app.core, commands));
  return () => control.close();
}

/** The first signal ends in good order, a second one at once. */
function untilStopped(terminal: Terminal): Promise<number> {
  return new Promise((resolve) => {
    let told = false;
    const stop = (): void => {
      if (told) process.exit(1);
      told = true;
      terminal.note('Stopping …');
      resolve(0);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
    process.once('uncaughtException', (error) => {
      terminal.note(`stile: ${error.message}`);
      told = true;
      resolve(1);
    });
  });
}
