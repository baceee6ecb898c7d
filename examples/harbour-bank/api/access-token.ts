/** Validation of JWT access tokens (RFC 9068 section 4), with keys and metadata found by discovery. */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';

/** What the API reads in an access token. */
export interface AccessToken {
  readonly sub: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly acr: string | undefined;
  readonly amr: readonly string[];
  /** Epoch seconds. */
  readonly authTime: number | undefined;
}

/** acr → the weaker acr values that hold whenever it does. */
export type ImpliedAcrValues = Readonly<Record<string, readonly string[]>>;

export interface TokenVerifier {
  /** Throws `InvalidTokenError`; any other error means the issuer could not be asked. */
  verify(jwt: string): Promise<{ token: AccessToken; implied: ImpliedAcrValues }>;
}

export class InvalidTokenError extends Error {
  constructor(cause: unknown) {
    super('The access token is expired, revoked, malformed or meant for somebody else.', { cause });
    this.name = 'InvalidTokenError';
  }
}

export interface VerifierOptions {
  readonly issuer: string;
  /** The resource indicator of this API: tokens must name it in `aud`. */
  readonly audience: string;
}

const metadataShape = z.object({
  issuer: z.string(),
  jwks_uri: z.url(),
  acr_values_implied: z.record(z.string(), z.array(z.string())).default({}),
});

const claimsShape = z.object({
  sub: z.string().min(1),
  client_id: z.string().min(1),
  scope: z.string().default(''),
  acr: z.string().optional(),
  amr: z.array(z.string()).default([]),
  auth_time: z.number().optional(),
  cnf: z.never({ error: 'bound to a key; this API takes bearer tokens only' }).optional(),
});

/** Asymmetric algorithms only: nobody who holds the public key can make a token with it. */
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'];
const CLOCK_TOLERANCE = 10;
const METADATA_SECONDS = 300;

export function createTokenVerifier({ issuer, audience }: VerifierOptions): TokenVerifier {
  const discovered = cached(METADATA_SECONDS, () => discover(issuer));
  return {
    verify: async (jwt) => {
      const { keys, implied } = await discovered();
      const check = {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE,
      };
      const required = { requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'] };
      const { payload } = await jwtVerify(jwt, keys, { ...check, ...required }).catch(rethrow);
      return { token: readClaims(payload), implied };
    },
  };
}

async function discover(issuer: string) {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(address, { signal: AbortSignal.timeout(5000) });
  const metadata = metadataShape.parse(await response.json());
  if (metadata.issuer !== issuer) throw new Error('The metadata is of another issuer.');
  return { keys: createRemoteJWKSet(new URL(metadata.jwks_uri)), implied: metadata.acr_values_implied };
}

function readClaims(payload: JWTPayload): AccessToken {
  const claims = claimsShape.safeParse(payload);
  if (!claims.success) throw new InvalidTokenError(claims.error);
  const { sub, client_id: clientId, scope, acr, amr, auth_time: authTime } = claims.data;
  // A client's own token (RFC 9068 section 5) must not be taken for a person of that name.
  if (sub === clientId) throw new InvalidTokenError('no person stands behind the token');
  return { sub, clientId, scopes: scope.split(' ').filter(Boolean), acr, amr, authTime };
}

/** The token's own faults become `InvalidTokenError`; keys that could not be fetched stay what they are. */
function rethrow(error: unknown): never {
  const unreachable = [errors.JWKSTimeout.code, errors.JWKSInvalid.code, errors.JOSEError.code];
  const ofToken = error instanceof errors.JOSEError && !unreachable.includes(error.code);
  throw ofToken ? new InvalidTokenError(error) : error;
}

/** One load at a time, kept for `seconds`; a failed reload keeps the last good value. */
function cached<T>(seconds: number, load: () => Promise<T>): () => Promise<T> {
  let good: { value: T; until: number } | undefined;
  let loading: Promise<T> | undefined;
  const reload = async (): Promise<T> => {
    try {
      const value = await load();
      good = { value, until: Date.now() + seconds * 1000 };
      return value;
    } catch (error) {
      if (good) return good.value;
      throw error;
    } finally {
      loading = undefined;
    }
  };
  return async () => {
    if (good && Date.now() < good.until) return good.value;
    loading ??= reload();
    return loading;
  };
}
