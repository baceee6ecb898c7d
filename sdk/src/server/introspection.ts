/** Tokens that are not JWTs: what the issuer says of them (RFC 7662). */
import {
  allowInsecureRequests,
  ClientSecretBasic,
  customFetch,
  introspectionRequest,
  processIntrospectionResponse,
} from 'oauth4webapi';
import { createBounded } from './bounded.ts';
import { number, readToken, type Token, text } from './claims.ts';
import { InvalidTokenError, IssuerUnavailableError } from './errors.ts';
import { sharesPromises } from './kept.ts';
import type { IntrospectionOptions } from './options.ts';
import type { ReadToken, TokensInput } from './tokens.ts';

/** Answers that are remembered; those about tokens that are not valid, apart, so that nobody fills the memory with them. */
const REMEMBERED = 10_000;
const REFUSED = 1_000;
/** Seconds. */
const CACHE_FOR = 30;
const REFUSED_FOR = 5;
const RETRY = 2;
const TIMEOUT = 5;
/** Characters. */
const LONGEST = 4096;

/** Asks once for a token at a time, however many requests show it. */
export function createIntrospection(input: TokensInput, introspection: IntrospectionOptions): ReadToken {
  const { now } = input;
  const { cacheFor = CACHE_FOR } = introspection;
  const remembered = createBounded<{ readonly token: Token; readonly until: number }>(REMEMBERED);
  const refused = createBounded<{ readonly error: InvalidTokenError; readonly until: number }>(REFUSED);
  const asking = new Map<string, Promise<Token>>();
  const ask = async (opaque: string): Promise<Token> => {
    try {
      const token = readIntrospection(input, introspection, await introspect(input, introspection, opaque));
      remembered.set(opaque, { token, until: Math.min(now() + cacheFor, token.caller.expiresAt) });
      return token;
    } catch (error) {
      if (error instanceof InvalidTokenError) refused.set(opaque, { error, until: now() + REFUSED_FOR });
      throw error;
    } finally {
      asking.delete(opaque);
    }
  };
  return async (opaque) => {
    if (opaque.length > LONGEST) throw new InvalidTokenError('too long to be asked for');
    const known = remembered.get(opaque);
    if (known && now() < known.until) return known.token;
    const bad = refused.get(opaque);
    if (bad && now() < bad.until) throw bad.error;
    const asked = (sharesPromises() && asking.get(opaque)) || ask(opaque);
    asking.set(opaque, asked);
    return asked;
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
  { requireTokenType = true, cacheFor = CACHE_FOR }: IntrospectionOptions,
  answer: Record<string, unknown>,
): Token {
  if (answer['active'] !== true) throw new InvalidTokenError('not active');
  const aud = answer['aud'];
  if (!(Array.isArray(aud) ? aud : [aud]).includes(options.audience))
    throw new InvalidTokenError('of another audience');
  if (answer['iss'] !== undefined && answer['iss'] !== options.issuer)
    throw new InvalidTokenError('of another issuer');
  const type = text(answer, 'token_type')?.toLowerCase() ?? (requireTokenType ? 'none' : 'bearer');
  if (type !== 'bearer' && type !== 'dpop') throw new InvalidTokenError(`not an access token: ${type}`);
  const exp = number(answer, 'exp');
  if (exp !== undefined && exp <= now()) throw new InvalidTokenError('expired');
  const token = readToken(answer, exp ?? now() + cacheFor);
  if (type === 'dpop' && token.jkt === undefined)
    throw new InvalidTokenError('of type DPoP, and bound to no key');
  return token;
}
