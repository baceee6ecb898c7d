/**
 * The configuration used when there is no file: everything a newcomer needs on one machine. Its secrets are
 * public; `check` refuses them outside the demo.
 */
import { createHash } from 'node:crypto';
import type { ConfigInput } from './schema.ts';

export interface DemoPorts {
  readonly stile: number;
  readonly client: number;
  readonly api: number;
}

export const demoPorts: DemoPorts = { stile: 3000, client: 3001, api: 3002 };

const clientSecret = 'harbour-bank-demo-secret';

/** The Harbour Bank's web application. */
export const demoClient = {
  clientId: 'harbour-bank-web',
  clientSecret,
  secretHash: createHash('sha256').update(clientSecret).digest('base64url'),
} as const;

/** The account a newcomer signs in with. Its address is in a domain nobody has, so that production can refuse it. */
export const demoAccount = {
  username: 'alex',
  password: 'over-the-stile',
  email: 'alex@example.test',
  name: 'Alex Demo',
} as const;

/** The ids of demo keys begin with this, so that production can refuse them. */
export const demoKeyPrefix = 'demo';

/** The demo's configuration, unparsed. Cookies ignore ports: the bank is on 127.0.0.1 and Stile on localhost. */
export function demoConfig(ports: DemoPorts = demoPorts): ConfigInput {
  const bank = `http://127.0.0.1:${ports.client}`;
  return {
    demo: true,
    issuer: `http://localhost:${ports.stile}`,
    listen: { host: '127.0.0.1', port: ports.stile },
    resources: [
      {
        identifier: `http://127.0.0.1:${ports.api}`,
        name: 'Harbour Bank accounts',
        scopes: {
          'accounts:read': { description: 'See your balance' },
          'transfers:write': { description: 'Make transfers' },
        },
        accessToken: { format: 'jwt', ttl: 300, alg: 'ES256' },
      },
    ],
    clients: [
      {
        clientId: demoClient.clientId,
        name: 'Harbour Bank',
        secretHash: demoClient.secretHash,
        authMethod: 'client_secret_basic',
        redirectUris: [`${bank}/callback`],
        postLogoutRedirectUris: [`${bank}/`],
        grantTypes: ['authorization_code', 'refresh_token'],
        firstParty: true,
        uri: bank,
      },
    ],
  };
}
