/** `stile gate`: the decision service for gateways, and `stile gate explain`. */
import { readFileSync, watch } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { createResourceServer, type NonceOptions } from '@stile/sdk/server';
import { bufferLines } from '../gate/access-log.ts';
import { explainRequest } from '../gate/explain.ts';
import { GateFileError } from '../gate/parse-rules.ts';
import { createMetrics, type Metrics } from '../gate/records.ts';
import { createGate } from '../gate/service.ts';
import { nativeVerifiers } from '../gate/signatures.ts';
import { type GateState, nextState, stateOf } from '../gate/state.ts';
import { createClock, elapsed } from '../infra/system.ts';
import { CommandError } from './failures.ts';
import type { Terminal } from './terminal.ts';

export interface GateOptions {
  readonly file: string;
  /** Ends the service; default: SIGINT and SIGTERM. */
  readonly stopped?: Promise<void>;
  /** Told the port once it listens. */
  readonly onListening?: (port: number) => void;
}

/** Resolves with 0 once it was told to stop and has. */
export async function gate(terminal: Terminal, options: GateOptions): Promise<number> {
  const { file, stopped = untilSignal() } = options;
  let text = required(file);
  let state = readState(file, text);
  const metrics = createMetrics(state.settings.rules);
  const log = bufferLines(terminal.out);
  process.once('exit', log.flush);
  const clock = createClock();
  const server = createGate({
    server: resourceServer(state, clock.now),
    state: () => state,
    metrics,
    log: log.add,
    now: clock.milliseconds,
    elapsed,
  });
  const { host, port } = state.settings.listen;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  // Who sends the signal is answered, also where the file is as it was.
  const reload = (asked: boolean) => {
    const found = readText(file);
    if (found === text && !asked) return;
    text = found;
    state = replaced(terminal, { metrics, state, file, text });
  };
  const watcher = watch(dirname(file), () => reload(false));
  const onSignal = () => reload(true);
  process.on('SIGHUP', onSignal);
  const bound = (server.address() as AddressInfo).port;
  terminal.note(`The gate answers on ${host}:${bound} with ${state.settings.rules.length} rules.`);
  options.onListening?.(bound);
  await stopped;
  process.off('SIGHUP', onSignal);
  watcher.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  process.off('exit', log.flush);
  log.flush();
  return 0;
}

interface Replacement {
  readonly metrics: Metrics;
  readonly state: GateState;
  readonly file: string;
  readonly text: string;
}

/** The new state; with a fault the old one, said aloud. */
function replaced(terminal: Terminal, { metrics, state, file, text }: Replacement): GateState {
  try {
    const next = nextState(state, text);
    metrics.reloaded(next.settings.rules);
    terminal.note(`Reloaded ${file}: ${next.settings.rules.length} rules.`);
    return next;
  } catch (error) {
    if (!(error instanceof GateFileError)) throw error;
    metrics.reloaded(undefined);
    terminal.note(`${file} was not taken; the rules before it stay in force.`);
    for (const line of error.message.split('\n')) terminal.note(`  ${line}`);
    return state;
  }
}

/** `stile gate explain METHOD URL`. 0 where the request may pass, 1 where not. */
export async function gateExplain(
  terminal: Terminal,
  options: { file: string; method: string; url: string; token?: string },
): Promise<number> {
  const state = readState(options.file, required(options.file));
  const server = resourceServer(state, createClock().now);
  const { lines: told, allowed } = await explainRequest({ server, state }, options);
  for (const line of told) terminal.out(line);
  return allowed ? 0 : 1;
}

function resourceServer({ settings }: GateState, now: () => number) {
  const { issuer, audience, introspection } = settings;
  return createResourceServer({
    issuer,
    audience,
    now,
    dpop: {
      nonces: settings.nonceSecretFile === undefined ? true : nonceSecrets(settings.nonceSecretFile),
      verifiers: nativeVerifiers,
    },
    ...(introspection && {
      introspection: {
        clientId: introspection.clientId,
        clientSecret: required(introspection.clientSecretFile).trim(),
      },
    }),
  });
}

/** Characters of a secret: 32 of base64url are 192 bits. */
const SHORTEST_SECRET = 32;

/** The first line makes nonces; those of the other lines are accepted while it is replaced. */
function nonceSecrets(file: string): NonceOptions {
  const [secret = '', ...previous] = required(file)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if ([secret, ...previous].some(({ length }) => length < SHORTEST_SECRET))
    throw new CommandError(`${file}: a secret of ${SHORTEST_SECRET} characters or more on each line`);
  return { secret, previous };
}

function readState(file: string, text: string): GateState {
  try {
    return stateOf(text);
  } catch (error) {
    if (error instanceof GateFileError) throw new CommandError(`${file} cannot be used:\n${error.message}`);
    throw error;
  }
}

function required(file: string): string {
  const text = readText(file);
  if (text === '') throw new CommandError(`${file} cannot be read, or is empty`);
  return text;
}

/** Empty where it cannot be read: while it is replaced it may be away. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
