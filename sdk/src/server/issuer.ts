/** What is known of the issuer: its metadata (RFC 8414, OpenID Connect Discovery) and its keys. */
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import {
  type AuthorizationServer,
  allowInsecureRequests,
  customFetch,
  discoveryRequest,
  processDiscoveryResponse,
} from 'oauth4webapi';
import { InvalidTokenError, IssuerUnavailableError } from './errors.ts';
import { createKept } from './kept.ts';
import type { Fetch } from './options.ts';
import { andThen, type Soon } from './soon.ts';

/** Seconds. */
const METADATA_FRESH = 300;
const KEYS_FRESH = 600;
const COOL_DOWN = 30;
const TIMEOUT = 5;

/** acr → the weaker values that hold whenever it does. */
export type Implied = ReadonlyMap<string, readonly string[]>;

export interface Issuer {
  /** @throws IssuerUnavailableError before the first success. */
  readonly metadata: () => Promise<AuthorizationServer>;
  readonly implied: () => Soon<Implied>;
  /** For jose. @throws IssuerUnavailableError, InvalidTokenError. */
  readonly key: JWTVerifyGetKey;
  /** Changes whenever the issuer's keys do: what was verified before counts no longer. */
  readonly keysVersion: () => string;
  /** Whether the copy of the keys is there, and no refresh of it is due. */
  readonly hasKeys: () => boolean;
  /** A copy of the keys in use is due for a refresh: begins it. @throws IssuerUnavailableError. */
  readonly touchKeys: () => Soon<unknown>;
}

export interface IssuerInput {
  readonly issuer: string;
  readonly fetch: Fetch;
  /** Epoch seconds. */
  readonly now: () => number;
}

export function createIssuer({ issuer, fetch, now }: IssuerInput): Issuer {
  const known = createKept({
    now,
    freshFor: METADATA_FRESH,
    coolDown: COOL_DOWN,
    load: async () => {
      const metadata = await discover(issuer, fetch);
      return { metadata, implied: readImplied(metadata['acr_values_implied']) };
    },
  });
  let version = '';
  const keys = createKept({
    now,
    freshFor: KEYS_FRESH,
    coolDown: COOL_DOWN,
    load: async () => {
      const { metadata } = await known.get();
      const text = await readText(fetch, jwksAddress(metadata));
      const find = createLocalJWKSet(JSON.parse(text));
      version = text;
      return find;
    },
  });
  return {
    metadata: async () => (await known.get()).metadata,
    implied: () => andThen(known.get(), ({ implied }) => implied),
    keysVersion: () => version,
    hasKeys: () => keys.peek() !== undefined,
    touchKeys: () => keys.get(),
    key: async (header, token) => {
      try {
        return await (await keys.get())(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
      // An unknown key: the issuer may have a new one.
      const asked = await keys.renew();
      return (await keys.get())(header, token).catch((error) => {
        if (asked)
          throw new InvalidTokenError(`no key for kid ${JSON.stringify(header.kid)}: ${error.message}`);
        throw new IssuerUnavailableError('an unknown key, and the issuer cannot be asked', COOL_DOWN, error);
      });
    },
  };
}

async function discover(issuer: string, fetch: Fetch): Promise<AuthorizationServer> {
  const url = new URL(issuer);
  const options = {
    [customFetch]: (address: string, init: object) => fetch(address, init),
    [allowInsecureRequests]: url.protocol === 'http:',
    signal: () => AbortSignal.timeout(TIMEOUT * 1000),
  };
  const first = await discoveryRequest(url, { ...options, algorithm: 'oidc' });
  const found =
    first.status === 404 ? await discoveryRequest(url, { ...options, algorithm: 'oauth2' }) : first;
  return processDiscoveryResponse(url, found);
}

/** Keys that came over plain HTTP are anybody's. */
function jwksAddress({ issuer, jwks_uri = '' }: AuthorizationServer): string {
  if (issuer.startsWith('https:') && !jwks_uri.startsWith('https:')) throw new Error('jwks_uri is not https');
  return jwks_uri;
}

async function readText(fetch: Fetch, url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT * 1000),
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

function readImplied(value: unknown): Implied {
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(
    Object.entries(value).map(([acr, weaker]) => [
      acr,
      Array.isArray(weaker) ? weaker.filter((entry) => typeof entry === 'string') : [],
    ]),
  );
}
