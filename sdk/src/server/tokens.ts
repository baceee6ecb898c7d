/** From the text of an access token to what it says: JWTs (RFC 9068) verified here, others introspected (RFC 7662). */
import { type JWTPayload, jwtVerify } from 'jose';
import { createBounded } from './bounded.ts';
import { number, readToken, required, type Token, text } from './claims.ts';
import { InvalidTokenError, IssuerUnavailableError } from './errors.ts';
import { createIntrospection } from './introspection.ts';
import type { Issuer } from './issuer.ts';
import { DEFAULT_ALGORITHMS, type Fetch, type ResourceServerOptions } from './options.ts';

export interface TokensInput {
  readonly options: ResourceServerOptions;
  readonly issuer: Issuer;
  readonly fetch: Fetch;
  /** Epoch seconds. */
  readonly now: () => number;
}

/** @throws InvalidTokenError, IssuerUnavailableError. */
export type ReadToken = (token: string) => Promise<Token>;

export interface Tokens {
  readonly read: ReadToken;
  /** A JWT of exactly this text that was verified before and still counts; undefined: `read` it. */
  readonly recall: (token: string) => Token | undefined;
}

/** Verified tokens that are remembered. */
const REMEMBERED = 10_000;

export function createTokens(input: TokensInput): Tokens {
  const { recall, read: readJwt } = jwts(input);
  const { introspection } = input.options;
  const readOpaque = introspection && createIntrospection(input, introspection);
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
    const seen = issuer.keysVersion();
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
    if (seen === issuer.keysVersion()) remembered.set(jwt, token);
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
