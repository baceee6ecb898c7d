/** From the text of an access token to what it says: JWTs (RFC 9068) verified here, others introspected (RFC 7662). */
import { type JWTPayload, jwtVerify } from 'jose';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  customFetch,
  introspectionRequest,
  processIntrospectionResponse,
} from 'oauth4webapi';
import { createBounded } from './bounded.ts';
import { number, readToken, required, type Token, text } from './claims.ts';
import { InvalidTokenError, IssuerUnavailableError } from './errors.ts';
import type { Issuer } from './issuer.ts';
import {
  DEFAULT_ALGORITHMS,
  type Fetch,
  type IntrospectionOptions,
  type ResourceServerOptions,
} from './options.ts';

export interface TokensInput {
  readonly options: ResourceServerOptions;
  readonly issuer: Issuer;
  readonly fetch: Fetch;
  /** Epoch seconds. */
  readonly now: () => number;
}

/** @throws InvalidTokenError, IssuerUnavailableError. */
type ReadToken = (token: string) => Promise<Token>;

export interface Tokens {
  readonly read: ReadToken;
  /** A JWT of exactly this text that was verified before and still counts; undefined: `read` it. */
  readonly recall: (token: string) => Token | undefined;
}

/** Verified tokens that are remembered. */
const REMEMBERED = 10_000;
const INTROSPECTION_CACHE = 30;
const RETRY = 2;
const TIMEOUT = 5;

export function createTokens(input: TokensInput): Tokens {
  const { recall, read: readJwt } = jwts(input);
  const { introspection } = input.options;
  const readOpaque = introspection && introspected(input, introspection);
  const read: ReadToken = async (token) => {
    if (looksLikeJwt(token)) return readJwt(token);
    if (!readOpaque) throw new InvalidTokenError('not a JWT, and introspection is not configured');
    return readOpaque(token);
  };
  return { recall, read };
}

/** Three parts of which the first is a JSON object: such a token is never sent anywhere. */
function looksLikeJwt(token: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token);
}

function jwts({ options, issuer, now }: TokensInput): Tokens {
  const { clockTolerance = 10, algorithms = DEFAULT_ALGORITHMS } = options;
  const remembered = createBounded<Token>(REMEMBERED);
  let version = '';
  const find = (jwt: string): Token | undefined => {
    if (version !== issuer.keysVersion()) remembered.clear();
    version = issuer.keysVersion();
    return remembered.get(jwt);
  };
  const lives = ({ caller }: Token) => caller.expiresAt > now() - clockTolerance;
  const recall = (jwt: string): Token | undefined => {
    if (!issuer.hasKeys()) return undefined;
    const known = find(jwt);
    return known && lives(known) ? known : undefined;
  };
  const read: ReadToken = async (jwt) => {
    await issuer.touchKeys();
    const known = find(jwt);
    if (known && lives(known)) return known;
    if (known) {
      remembered.delete(jwt);
      throw new InvalidTokenError('expired');
    }
    const { payload } = await jwtVerify(jwt, issuer.key, {
      issuer: options.issuer,
      audience: options.audience,
      typ: 'at+jwt',
      algorithms: [...algorithms],
      clockTolerance,
      currentDate: new Date(now() * 1000),
    }).catch(asInvalid);
    const token = readJwtClaims(payload, now() + clockTolerance);
    // Not by keys that were replaced in the meantime.
    if (version === issuer.keysVersion()) remembered.set(jwt, token);
    return token;
  };
  return { recall, read };
}

/** RFC 9068 2.2: what has to be there beside `iss` and `aud`; `client_id` is asked for by `readToken`. */
function readJwtClaims(payload: JWTPayload, latest: number): Token {
  required(text(payload, 'sub'), 'sub');
  required(text(payload, 'jti'), 'jti');
  if (required(number(payload, 'iat'), 'iat') > latest) throw new InvalidTokenError('issued in the future');
  return readToken(payload, required(number(payload, 'exp'), 'exp'));
}

function asInvalid(error: unknown): never {
  if (error instanceof IssuerUnavailableError || error instanceof InvalidTokenError) throw error;
  throw new InvalidTokenError(error instanceof Error ? error.message : 'unreadable', { cause: error });
}

/** Only what is active is remembered: `active: false` is asked again, and nobody fills the memory with it. */
function introspected(input: TokensInput, introspection: IntrospectionOptions): ReadToken {
  const { now } = input;
  const { cacheFor = INTROSPECTION_CACHE } = introspection;
  const remembered = createBounded<{ readonly token: Token; readonly until: number }>(REMEMBERED);
  return async (opaque) => {
    const known = remembered.get(opaque);
    if (known && now() < known.until) return known.token;
    const token = readIntrospection(input, await introspect(input, introspection, opaque), now() + cacheFor);
    remembered.set(opaque, { token, until: Math.min(now() + cacheFor, token.caller.expiresAt) });
    return token;
  };
}

async function introspect(input: TokensInput, introspection: IntrospectionOptions, token: string) {
  const { clientId, clientSecret = '', auth = ClientSecretBasic(clientSecret) } = introspection;
  const client = { client_id: clientId };
  const metadata = await input.issuer.metadata();
  try {
    const response = await introspectionRequest(metadata, client, auth, token, {
      additionalParameters: { token_type_hint: 'access_token' },
      [customFetch]: (url: string, init: object) => input.fetch(url, init),
      [allowInsecureRequests]: metadata.issuer.startsWith('http:'),
      signal: AbortSignal.timeout(TIMEOUT * 1000),
    });
    return await processIntrospectionResponse(metadata, client, response);
  } catch (error) {
    throw new IssuerUnavailableError('introspection failed', RETRY, error);
  }
}

function readIntrospection(
  { options, now }: TokensInput,
  answer: Record<string, unknown>,
  until: number,
): Token {
  if (answer['active'] !== true) throw new InvalidTokenError('not active');
  const aud = answer['aud'];
  if (!(Array.isArray(aud) ? aud : [aud]).includes(options.audience))
    throw new InvalidTokenError('of another audience');
  if (answer['iss'] !== undefined && answer['iss'] !== options.issuer)
    throw new InvalidTokenError('of another issuer');
  if (!/^(?:bearer|dpop)$/i.test(text(answer, 'token_type') ?? 'bearer'))
    throw new InvalidTokenError('not an access token');
  const token = readToken(answer, number(answer, 'exp') ?? until);
  if (token.caller.expiresAt <= now()) throw new InvalidTokenError('expired');
  return token;
}
