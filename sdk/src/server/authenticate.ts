/** Who calls: the token of a request, its binding and its proof. */
import type { Token } from './claims.ts';
import type { CheckProof } from './dpop.ts';
import { InvalidProofError, InvalidTokenError, IssuerUnavailableError } from './errors.ts';
import type { Nonces } from './nonces.ts';
import type { ResourceServerOptions } from './options.ts';
import type { Refusals, Scheme } from './refusals.ts';
import { andThen, type Soon } from './soon.ts';
import type { Tokens } from './tokens.ts';
import type { Decision, Permit, RequestFacts } from './types.ts';

export interface AuthenticateDeps {
  readonly options: ResourceServerOptions;
  readonly tokens: Tokens;
  readonly nonces: Nonces | undefined;
  readonly checkProof: CheckProof;
  readonly refusals: Refusals;
}

/** At once where the token is remembered and its proof needs no waiting. */
export function authenticate(deps: AuthenticateDeps, request: RequestFacts): Soon<Decision> {
  if (!deps.nonces) return authenticateWith(deps, request, undefined);
  return andThen(deps.nonces.current(), (nonce) => authenticateWith(deps, request, nonce));
}

function authenticateWith(
  deps: AuthenticateDeps,
  request: RequestFacts,
  nonce: string | undefined,
): Soon<Decision> {
  const remembered = recall(deps, request.authorization);
  if (remembered) return settle(deps, { request, nonce, credentials: remembered }, remembered.read);
  const credentials = readCredentials(request.authorization);
  if (credentials === 'none') return deps.refusals.noToken(nonce);
  if (credentials === 'malformed') {
    const scheme = deps.options.dpop?.required ? 'DPoP' : 'Bearer';
    return deps.refusals.badToken('malformed_request', { scheme, detail: 'Authorization', nonce });
  }
  const attempt = { request, nonce, credentials };
  return deps.tokens.read(credentials.token).then(
    (token) => settle(deps, attempt, token),
    (error) => refusalOf(deps, attempt, { error, scheme: schemeOf(deps, credentials) }),
  );
}

/** A field in which the text of a verified token follows its scheme needs no second reading. */
function recall(
  { tokens }: AuthenticateDeps,
  field = '',
): (Credentials & { readonly read: Token }) | undefined {
  const scheme = field.startsWith('Bearer ') ? 'Bearer' : field.startsWith('DPoP ') ? 'DPoP' : undefined;
  if (scheme === undefined) return undefined;
  const token = field.slice(scheme.length + 1);
  const read = tokens.recall(token);
  return read && { scheme, token, read };
}

interface Attempt {
  readonly request: RequestFacts;
  readonly credentials: Credentials;
  readonly nonce: string | undefined;
}

/** What a valid token comes to, with its binding and its proof. */
function settle(deps: AuthenticateDeps, attempt: Attempt, token: Token): Soon<Decision> {
  const scheme = schemeOf(deps, attempt.credentials, token);
  const refuse = (error: unknown) => refusalOf(deps, attempt, { error, scheme });
  const permit = (): Permit => ({
    allowed: true,
    caller: token.caller,
    headers: nonceHeader(token, attempt.nonce),
  });
  try {
    const checked = checkBinding(deps, attempt, token);
    return checked instanceof Promise ? checked.then(permit, refuse) : permit();
  } catch (error) {
    return refuse(error);
  }
}

/** The scheme a challenge names: that of the token, where it is known. */
function schemeOf({ options }: AuthenticateDeps, { scheme }: Credentials, token?: Token): Scheme {
  return token && (token.jkt !== undefined || options.dpop?.required) ? 'DPoP' : scheme;
}

function refusalOf(
  { refusals }: AuthenticateDeps,
  { nonce }: Attempt,
  { error, scheme }: { readonly error: unknown; readonly scheme: Scheme },
): Decision {
  if (error instanceof IssuerUnavailableError) return refusals.unavailable(error.retryAfter, error.message);
  const detail = error instanceof Error ? error.message : 'unknown';
  const words = { scheme, detail, nonce: scheme === 'DPoP' ? nonce : undefined };
  if (error instanceof InvalidProofError) return refusals.badToken(error.code, words);
  if (error instanceof InvalidTokenError) return refusals.badToken('invalid_token', words);
  throw error;
}

function nonceHeader({ jkt }: Token, nonce: string | undefined): Readonly<Record<string, string>> {
  return jkt === undefined || nonce === undefined ? {} : { 'dpop-nonce': nonce };
}

interface Credentials {
  readonly scheme: Scheme;
  readonly token: string;
}

/** Another scheme is no access token at all; two fields joined by a comma are a malformed request (RFC 6750 3.1). */
function readCredentials(field: string | undefined): Credentials | 'none' | 'malformed' {
  if (field === undefined || field.trim() === '') return 'none';
  if (!/^(?:bearer|dpop)(?: |$)/i.test(field))
    return /,\s*(?:bearer|dpop) /i.test(field) ? 'malformed' : 'none';
  const [, scheme = '', token] = /^(\w+) +([A-Za-z0-9\-._~+/]+=*) *$/.exec(field) ?? [];
  if (token === undefined) return 'malformed';
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token };
}

/** RFC 9449 7.2: a bound token never as a bearer token, nor the reverse. RFC 8705 3: the certificate of the connection. */
function checkBinding(deps: AuthenticateDeps, { request, credentials }: Attempt, token: Token): Soon<void> {
  const { jkt, x5t } = token;
  if (x5t !== undefined && x5t !== request.certificateThumbprint)
    throw new InvalidTokenError('bound to another certificate');
  if (jkt === undefined) {
    if (credentials.scheme === 'DPoP' || deps.options.dpop?.required)
      throw new InvalidTokenError('not bound to a key');
    return;
  }
  if (credentials.scheme !== 'DPoP')
    throw new InvalidTokenError('a token bound to a key, sent as a bearer token');
  const { method, dpop: proof } = request;
  const url = publicUrl(request.url, deps.options.origin);
  return deps.checkProof({ proof, method, url, token: credentials.token, read: token, jkt });
}

/** As the client called it: behind a proxy, the path on the public origin. */
function publicUrl(url: string, origin: string | undefined): string {
  if (origin === undefined || !URL.canParse(url)) return url;
  return new URL(origin).origin + new URL(url).pathname;
}
