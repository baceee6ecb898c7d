/**
 * One server of the gate's benchmark: `node gate-server.js bare|fields|gate ISSUER [RULES]`, measured by what it says
 * over the channel. `bare` answers 204 and nothing else; `fields` the 200 of the gate with its fields, as they are.
 */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer } from '@stile/sdk/server';
import { bufferLines } from '../src/gate/access-log.ts';
import { createMetrics } from '../src/gate/records.ts';
import { createGate } from '../src/gate/service.ts';
import { nativeVerifiers } from '../src/gate/signatures.ts';
import { stateOf } from '../src/gate/state.ts';
import { AUDIENCE } from './gate-issuer.ts';

const [, , kind, issuer = '', count = '10'] = process.argv;

type Order = 'memory' | 'cpu' | 'verify';
process.once('disconnect', () => process.exit());
process.on('message', (order: Order) => {
  if (order === 'memory') globalThis.gc?.();
  process.send?.(
    order === 'memory' ? process.memoryUsage() : order === 'cpu' ? process.cpuUsage() : rawVerifications(),
  );
});
const server = kind === 'bare' ? bare() : kind === 'fields' ? fields() : gate();
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

function bare(): Server {
  return createServer((_request, response) => response.writeHead(204).end());
}

function fields(): Server {
  const sent = {
    'cache-control': 'no-store',
    'X-Stile-Sub': '6b0f7d6e-6f6e-4f6e-9b0a-0a4b4b1c2d3e',
    'X-Stile-Client': 'bank-app',
    'X-Stile-Scope': 'accounts:read transfers:write',
    'X-Stile-Acr': 'urn:stile:acr:mfa',
    'X-Stile-Amr': 'pwd otp mfa',
    'X-Stile-Auth-Time': '1800000000',
    'content-length': '0',
  };
  return createServer((_request, response) => response.writeHead(200, sent).end());
}

/** As `stile gate` puts it together. */
function gate(): Server {
  const fillers = Array.from(
    { length: Number(count) - 2 },
    (_, index) => `  - { name: r${index}, methods: [GET], path: /service-${index}/:id/**, anyToken: true }`,
  );
  const state = stateOf(`issuer: ${issuer}
audience: ${AUDIENCE}
rules:
${fillers.join('\n')}
  - { name: data, path: /data/**, level: urn:stile:acr:1fa, maxAge: 3600 }
  - { name: pay, path: /pay/**, level: phr, maxAge: 300, scopes: pay }
`);
  const log = createWriteStream('/dev/null');
  const { audience } = state.settings;
  return createGate({
    server: createResourceServer({
      issuer,
      audience,
      dpop: { nonces: true, verifiers: nativeVerifiers },
    }),
    state: () => state,
    metrics: createMetrics(state.settings.rules),
    log: bufferLines((lines) => void log.write(`${lines}\n`)).add,
    now: () => Date.now(),
    elapsed: () => performance.now(),
  });
}

/** ES256 verifications in one second, of one signature: `crypto.verify` in this turn, in its cheapest form, all at hand. */
function rawVerifications(): number {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = Buffer.alloc(400, 1);
  const signature = sign('sha256', data, privateKey);
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }));
  const begin = performance.now();
  let done = 0;
  for (; performance.now() - begin < 1000; done += 1) verify('sha256', data, key, signature);
  return done;
}
