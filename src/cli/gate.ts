/** `stile gate`: the decision service for gateways, and `stile gate explain`. */
import { readFileSync, watch } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { createResourceServer } from '@stile/sdk/server';
import { explainRequest } from '../gate/explain.ts';
import { GateFileError } from '../gate/parse-rules.ts';
import { createMetrics, type Metrics, together } from '../gate/records.ts';
import { createGate } from '../gate/service.ts';
import { type GateState, nextState, stateOf } from '../gate/state.ts';
import { createClock, elapsed } from '../infra/system.ts';
import { createReloadable } from '../services/reloadable.ts';
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
  const text = required(file);
  const first = readState(file, text);
  const metrics = createMetrics();
  const held = replaceable(terminal, metrics, { text, value: first });
  const state = () => held.current() ?? first;
  const clock = createClock();
  const server = createGate({
    server: resourceServer(first, clock.now),
    state,
    metrics,
    log: together(terminal.out),
    now: clock.milliseconds,
    elapsed,
  });
  const { host, port } = first.settings.listen;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const reload = () => held.offer(readText(file), file);
  const watcher = watch(dirname(file), reload);
  process.on('SIGHUP', reload);
  const bound = (server.address() as AddressInfo).port;
  terminal.note(`The gate answers on ${host}:${bound} with ${first.settings.rules.length} rules.`);
  options.onListening?.(bound);
  await stopped;
  process.off('SIGHUP', reload);
  watcher.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  return 0;
}

/** A new file is taken whole; with a fault the rules before it stay, said aloud. */
function replaceable(terminal: Terminal, metrics: Metrics, first: { text: string; value: GateState }) {
  return createReloadable<GateState>({
    first,
    make: (text, _, current) => nextState(current ?? first.value, text),
    taken: ({ settings }, file) => {
      metrics.reloaded(true);
      terminal.note(`Reloaded ${file}: ${settings.rules.length} rules.`);
    },
    kept: (error, file) => {
      if (!(error instanceof GateFileError)) throw error;
      metrics.reloaded(false);
      terminal.note(`${file} was not taken; the rules before it stay in force.`);
      for (const line of error.message.split('\n')) terminal.note(`  ${line}`);
    },
  });
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
    dpop: { nonces: true },
    ...(introspection && {
      introspection: {
        clientId: introspection.clientId,
        clientSecret: required(introspection.clientSecretFile).trim(),
      },
    }),
  });
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
