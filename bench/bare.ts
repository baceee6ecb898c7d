/** oidc-provider alone, on its in-memory adapter: what the benchmark compares with. `node bare.js <port>`. */

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { BENCH_API, BENCH_CALLBACK, BENCH_SECRET } from './shared.ts';

const port = Number(process.argv[2]);
const issuer = `http://localhost:${port}`;
const jwk = (type: 'rsa' | 'ec') =>
  type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'bench',
      client_secret: BENCH_SECRET,
      redirect_uris: [BENCH_CALLBACK],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: {
    keys: [
      { ...jwk('rsa'), use: 'sig', alg: 'RS256' },
      { ...jwk('ec'), use: 'sig', alg: 'ES256' },
    ],
  } as never,
  cookies: { keys: ['bench'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'] } as never,
  findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () =>
        ({ scope: 'look', audience: BENCH_API, accessTokenFormat: 'opaque', accessTokenTTL: 600 }) as never,
    },
  },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  loadExistingGrant: async ({ oidc }) => {
    const clientId = oidc.client?.clientId ?? '';
    const id = oidc.session?.grantIdFor(clientId);
    if (id) return provider.Grant.find(id);
    const grant = new provider.Grant({ accountId: oidc.account?.accountId ?? '', clientId });
    grant.addOIDCScope('openid');
    grant.addResourceScope(BENCH_API, 'look');
    await grant.save();
    return grant;
  },
});
const handle = provider.callback();
createServer((request, response) => {
  if (request.url?.startsWith('/interaction/')) {
    // Signs anybody in at once: only the protocol is measured.
    const login = { accountId: `bench-${Math.floor(Math.random() * 1e9)}` };
    void provider.interactionFinished(request, response, { login });
    return;
  }
  handle(request, response);
}).listen(port, '127.0.0.1', () => process.send?.('ready'));
process.on('message', (message) => {
  if (message === 'usage') process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
});
