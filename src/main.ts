/** Runs the server: listen, look after what expires, and drain. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type App, type AppInput, createApp } from './app.ts';
import { every } from './every.ts';

/** Seconds between two purges. */
const PURGE_EVERY = 60;
/** Seconds between two looks for a newer policy. */
const POLL_EVERY = 3;
/** Seconds between two rounds of the sealer. */
const AUDIT_EVERY = 1;
/** Seconds a request under way has when the server is told to stop. */
const DRAIN = 10;

export interface Running {
  readonly app: App;
  readonly port: number;
  /** Stops taking connections, lets requests under way end, closes the database. */
  stop(): Promise<void>;
}

/**
 * Starts listening, once `check` has found nothing wrong. Rejects when the port is taken, the database is away or the
 * configuration cannot be served.
 */
export async function serve(
  input: AppInput,
  check: (app: App) => Promise<void> = async () => {},
): Promise<Running> {
  const app = await createApp({ purpose: 'stile start', ...input });
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 15_000 }, app.handler);
  const { host, port } = input.config.listen;
  try {
    await check(app);
    await listen(server, host, port);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { log } = app.core;
  const ends = [
    every({ seconds: PURGE_EVERY, what: 'the purge', log }, app.purge),
    every({ seconds: POLL_EVERY, what: 'the look for a newer policy', log }, app.core.policy.poll),
    every({ seconds: AUDIT_EVERY, what: 'sealing the audit', last: true, log }, app.audit.seal),
    every({ seconds: AUDIT_EVERY, what: 'sending the audit to its sinks', log }, app.audit.deliver),
  ];
  return {
    app,
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      app.drain();
      await closeServer(server);
      for (const end of ends) await end();
      await app.close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN * 1000);
  await closed;
  clearTimeout(timer);
}
