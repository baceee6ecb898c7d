/** `stile gate`: the decision service for gateways, and `stile gate explain`. */
import type { AddressInfo } from 'node:net';
import { createResourceServer, type NonceOptions } from '@stile/sdk/server';
import { bufferLines } from '../gate/access-log.ts';
import { limitPosts } from '../gate/crowd.ts';
import { explainRequest } from '../gate/explain.ts';
import type { GateSettings } from '../gate/parse-rules.ts';
import { createMetrics } from '../gate/records.ts';
import { createGate } from '../gate/service.ts';
import { nativeVerifiers } from '../gate/signatures.ts';
import { createClock, elapsed } from '../infra/system.ts';
import { CommandError } from './failures.ts';
import { followFile, readState, required } from './gate-file.ts';
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
  const followed = followFile(terminal, file);
  const { settings } = followed.state();
  const metrics = createMetrics(settings.rules);
  const log = bufferLines(terminal.out);
  process.once('exit', log.flush);
  const clock = createClock();
  const server = createGate({
    server: resourceServer(settings, clock.now),
    state: followed.state,
    metrics,
    log: log.add,
    now: clock.milliseconds,
    elapsed,
  });
  const { host, port } = settings.listen;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  followed.start(metrics);
  const bound = (server.address() as AddressInfo).port;
  terminal.note(`The gate answers on ${host}:${bound} with ${settings.rules.length} rules.`);
  options.onListening?.(bound);
  await stopped;
  followed.stop();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  process.off('exit', log.flush);
  log.flush();
  return 0;
}

/** `stile gate explain METHOD URL`. 0 where the request may pass, 1 where not. */
export async function gateExplain(
  terminal: Terminal,
  options: { file: string; method: string; url: string; token?: string },
): Promise<number> {
  const state = readState(options.file);
  const server = resourceServer(state.settings, createClock().now);
  const { lines: told, allowed } = await explainRequest({ server, state }, options);
  for (const line of told) terminal.out(line);
  return allowed ? 0 : 1;
}

/** Introspections that may wait for the issuer at once; it has five seconds for each. */
const MOST_INTROSPECTIONS = 64;

function resourceServer(settings: GateSettings, now: () => number) {
  const { issuer, audience, introspection } = settings;
  return createResourceServer({
    issuer,
    audience,
    now,
    fetch: limitPosts((url, init) => fetch(url, init), MOST_INTROSPECTIONS),
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

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
