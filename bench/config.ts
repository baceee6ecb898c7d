/** Stile's configuration for benchmarks. */
import { createHash } from 'node:crypto';
import { parseConfig } from '../src/config/parse.ts';
import type { Config } from '../src/config/schema.ts';
import { BENCH_API, BENCH_CALLBACK, BENCH_SECRET } from './shared.ts';

export function benchConfig(port: number): Config {
  const secretHash = createHash('sha256').update(BENCH_SECRET).digest('base64url');
  const { config, faults } = parseConfig({
    demo: true,
    issuer: `http://localhost:${port}`,
    listen: { host: '127.0.0.1', port },
    log: { level: 'warn' },
    // Guessing is not what is measured.
    throttle: { address: { attempts: 1_000_000, window: 900 } },
    clients: [
      {
        clientId: 'bench',
        secretHash,
        redirectUris: [BENCH_CALLBACK],
        grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
        idTokenAlg: 'ES256',
        firstParty: true,
      },
    ],
    resources: [{ identifier: BENCH_API, scopes: { look: {} }, accessToken: { format: 'opaque', ttl: 600 } }],
  });
  if (!config) throw new Error(JSON.stringify(faults));
  return config;
}

/** What seals the benchmark's keys. */
export const benchKeys = [{ id: 'bench', key: new Uint8Array(32).fill(1) }];
