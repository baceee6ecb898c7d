/** The benchmark's server: `node gate-server.js bare|gate [rules]`. Mints tokens for whoever asks over the channel. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createResourceServer } from '@stile/sdk/server';
import { createTestIssuer } from '@stile/sdk/testing';
import { createMetrics, together } from '../src/gate/records.ts';
import { createGate } from '../src/gate/service.ts';
import { stateOf } from '../src/gate/state.ts';

const [, , kind, count = '10'] = process.argv;
const issuer = await createTestIssuer();
const server = kind === 'bare' ? createServer((_request, response) => response.writeHead(204).end()) : gate();
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', (message) => void answer(message as Order));

type Order =
  | { readonly ask: 'tokens'; readonly many: number; readonly jkt?: string }
  | { readonly ask: 'memory' }
  | { readonly ask: 'verify' };

async function answer(order: Order): Promise<void> {
  if (order.ask === 'memory') {
    globalThis.gc?.();
    process.send?.(process.memoryUsage());
  } else if (order.ask === 'verify') process.send?.(rawVerifications());
  else {
    const mint = { expiresIn: 3600, ...(order.jkt === undefined ? {} : { jkt: order.jkt }) };
    const tokens: string[] = [];
    for (let index = 0; index < order.many; index += 1) tokens.push(await issuer.mint(mint));
    process.send?.(tokens);
  }
}

function gate() {
  const fillers = Array.from(
    { length: Number(count) - 2 },
    (_, index) => `  - { name: r${index}, methods: [GET], path: /service-${index}/:id/**, anyToken: true }`,
  );
  const state = stateOf(`issuer: ${issuer.issuer}
audience: ${issuer.audience}
rules:
${fillers.join('\n')}
  - { name: data, path: /data/**, level: urn:stile:acr:1fa, maxAge: 3600 }
  - { name: pay, path: /pay/**, level: phr, maxAge: 300, scopes: pay }
`);
  const log = createWriteStream('/dev/null');
  return createGate({
    server: createResourceServer({
      issuer: issuer.issuer,
      audience: issuer.audience,
      fetch: issuer.fetch,
      dpop: {},
    }),
    state: () => state,
    metrics: createMetrics(),
    log: together((lines) => void log.write(`${lines}\n`)),
    now: () => Date.now(),
    elapsed: () => performance.now(),
  });
}

/** ES256 verifications in one second, of one signature, by OpenSSL. */
function rawVerifications(): number {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = Buffer.alloc(300, 1);
  const key = {
    key: createPublicKey(pair.publicKey.export({ format: 'pem', type: 'spki' })),
    dsaEncoding: 'ieee-p1363' as const,
  };
  const pem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' });
  const signature = sign('sha256', data, { key: createPrivateKey(pem), dsaEncoding: 'ieee-p1363' });
  const begin = performance.now();
  let done = 0;
  for (; performance.now() - begin < 1000; done += 1) verify('sha256', data, key, signature);
  return done;
}
