/** Stile for the benchmark. `node stile.js <port> <database url>`; reports its memory when asked. */
import { createHash } from 'node:crypto';
import { parseConfig } from '../src/config/parse.ts';
import { serve } from '../src/main.ts';
import { BENCH_API, BENCH_CALLBACK, BENCH_SECRET } from './shared.ts';

const [, , port, databaseUrl = ''] = process.argv;
const secretHash = createHash('sha256').update(BENCH_SECRET).digest('base64url');
const { config, faults } = parseConfig({
  demo: true,
  issuer: `http://localhost:${port}`,
  listen: { host: '127.0.0.1', port: Number(port) },
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
const running = await serve({
  config,
  secrets: { keys: [{ id: 'bench', key: Buffer.alloc(32, 1) }], databaseUrl },
  version: 'bench',
});
process.on('message', (message) => {
  if (message === 'usage') process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
  if (message === 'stop') void running.stop().then(() => process.exit(0));
});
process.send?.('ready');
