/** A whole Stile for a test: its own database, a real port, and people to sign in. */

import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { parseConfig } from '../../src/config/parse.ts';
import { requirePolicy } from '../../src/config/policy/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Level } from '../../src/domain/level.ts';
import { createLog, type Logger } from '../../src/infra/log.ts';
import { type Running, serve } from '../../src/main.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

export const WEB_SECRET = 'web-secret-web-secret-web-secret';
export const API = 'http://127.0.0.1:9999';
export const OPAQUE_API = 'http://127.0.0.1:9998';
export const CALLBACK = 'http://127.0.0.1:9/callback';

export interface TestStile {
  readonly issuer: string;
  readonly running: Running;
  readonly database: TestDatabase;
  readonly core: Running['app']['core'];
  stop(): Promise<void>;
}

export interface StileOptions {
  readonly config?: Partial<ConfigInput>;
  /** Joins another Stile's database instead of making its own: a second process in effect. */
  readonly database?: TestDatabase;
  /** As another instance of the same issuer. */
  readonly issuer?: string;
  /** The text of a policy file. */
  readonly policy?: string;
  /** Default: silent, unless STILE_TEST_LOG=1. */
  readonly log?: Logger;
}

/** Clients and resources most journeys need: a first-party web client, a third party, and two APIs. */
export function testConfig(): Partial<ConfigInput> {
  const secretHash = createHash('sha256').update(WEB_SECRET).digest('base64url');
  const web = { secretHash, redirectUris: [CALLBACK], postLogoutRedirectUris: ['http://127.0.0.1:9/bye'] };
  return {
    clients: [
      { clientId: 'web', name: 'Test Web', firstParty: true, ...web },
      { clientId: 'web2', name: 'Other Web', firstParty: true, ...web },
      { clientId: 'third', name: 'Third Party', ...web },
      { clientId: 'spa', name: 'Public', firstParty: true, redirectUris: [CALLBACK] },
      {
        clientId: 'api',
        name: 'API',
        secretHash,
        grantTypes: ['client_credentials'],
        introspect: [OPAQUE_API],
      },
    ],
    resources: [
      { identifier: API, name: 'Test API', scopes: { read: {}, write: {} }, accessToken: { format: 'jwt' } },
      { identifier: OPAQUE_API, name: 'Opaque API', scopes: { look: {} }, accessToken: { format: 'opaque' } },
    ],
  };
}

export async function startStile(options: StileOptions = {}): Promise<TestStile> {
  const port = await freePort();
  const issuer = options.issuer ?? `http://localhost:${port}`;
  const database = options.database ?? (await freshDatabase());
  const parsed = parseConfig({
    demo: true,
    issuer,
    listen: { host: '127.0.0.1', port },
    log: { level: 'silent' },
    ...testConfig(),
    ...(options.policy === undefined ? {} : { policy: { file: 'policy.yaml' } }),
    ...options.config,
  });
  if (!parsed.config) throw new Error(`test configuration: ${JSON.stringify(parsed.faults)}`);
  const running = await serve({
    config: parsed.config,
    secrets: { keys: [{ id: 'test', key: Buffer.alloc(32, 7) }], databaseUrl: database.url },
    version: 'test',
    ...policyOf(options.policy, parsed.config.levels as never),
    log: options.log ?? createLog({ level: process.env['STILE_TEST_LOG'] === '1' ? 'info' : 'silent' }),
  });
  return {
    issuer,
    running,
    database,
    core: running.app.core,
    stop: async () => {
      await running.stop();
      if (!options.database) await database.drop();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function policyOf(text: string | undefined, levels: readonly Level[]) {
  if (text === undefined) return {};
  const file = 'policy.yaml';
  return { policy: { file, text, policy: requirePolicy(text, { levels, file }) } };
}
