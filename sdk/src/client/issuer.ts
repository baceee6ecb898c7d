/** The issuer, by discovery, and requests to it by oauth4webapi. */
import * as oauth from 'oauth4webapi';
import { StepUpError } from './errors.ts';
import type { ClientOptions } from './types.ts';

export interface Issuer {
  readonly identifier: string;
  /** Asked for once, and again after a failure. Throws StepUpError `issuer_unavailable`. */
  readonly metadata: () => Promise<oauth.AuthorizationServer>;
}

export function openIssuer(identifier: string, fetcher?: typeof fetch): Issuer {
  let found: Promise<oauth.AuthorizationServer> | undefined;
  return {
    identifier,
    metadata: () => {
      found ??= discover(identifier, fetcher).catch((cause: unknown) => {
        found = undefined;
        throw new StepUpError('issuer_unavailable', 'The issuer cannot be asked for its metadata', { cause });
      });
      return found;
    },
  };
}

async function discover(identifier: string, fetcher?: typeof fetch): Promise<oauth.AuthorizationServer> {
  const url = new URL(identifier);
  const response = await oauth.discoveryRequest(url, httpOptions(identifier, fetcher));
  return oauth.processDiscoveryResponse(url, response);
}

/** Plain HTTP is for this machine only. */
export function httpOptions(url: string, fetcher?: typeof fetch) {
  const { protocol, hostname } = new URL(url);
  const local = protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return {
    [oauth.allowInsecureRequests]: local,
    ...(fetcher ? { [oauth.customFetch]: fetcher as never } : {}),
    signal: () => AbortSignal.timeout(10_000),
  };
}

/** What every request to the issuer needs. */
export interface Connection {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;
  readonly http: ReturnType<typeof httpOptions>;
  readonly dpop: oauth.DPoPHandle | undefined;
}

/** Connects on demand, with one DPoP handle for all, which keeps the nonces. */
export function createConnector(options: ClientOptions, issuer: Issuer): () => Promise<Connection> {
  const { clientId, clientSecret, clientAuth, clockTolerance = 10, now } = options;
  const auth =
    clientAuth ?? (clientSecret === undefined ? oauth.None() : oauth.ClientSecretBasic(clientSecret));
  let handle: Promise<oauth.DPoPHandle> | undefined;
  const skew = () => (now ? now() - Math.floor(Date.now() / 1000) : 0);
  return async () => {
    const client: oauth.Client = {
      client_id: clientId,
      [oauth.clockTolerance]: clockTolerance,
      [oauth.clockSkew]: skew(),
    };
    const { dpop } = options;
    if (dpop) handle ??= keysOf(dpop).then((keys) => oauth.DPoP(client, keys));
    const http = httpOptions(issuer.identifier, options.fetch);
    return { server: await issuer.metadata(), client, auth, http, dpop: await handle };
  };
}

async function keysOf(dpop: NonNullable<ClientOptions['dpop']>): Promise<CryptoKeyPair> {
  return typeof dpop === 'function' ? dpop() : dpop;
}

/** Once more where the server gives a nonce (RFC 9449 8). */
export async function withNonce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return work();
  }
}
