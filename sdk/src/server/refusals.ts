/** The answers to what is refused: RFC 6750 3, RFC 9470 3, RFC 9449 7.1, RFC 9728 5.1. */
import type { Demand } from '../shared/demand.ts';
import type { Shortfall } from './judge.ts';
import type { Caller, Reason, Refusal } from './types.ts';

export type Scheme = 'Bearer' | 'DPoP';

export interface RefusalInput {
  readonly algorithms: readonly string[];
  readonly realm: string | undefined;
  /** The document's address, where there is one. */
  readonly resourceMetadata: string | undefined;
  /** The schemes offered to who shows no token. */
  readonly schemes: readonly Scheme[];
}

export interface Words {
  readonly scheme: Scheme;
  readonly detail: string;
  /** For the `DPoP-Nonce` field. */
  readonly nonce?: string | undefined;
}

export interface Refusals {
  noToken(nonce?: string): Refusal;
  unavailable(reason: keyof typeof absences, retryAfter: number, detail: string): Refusal;
  /** `malformed_request`, `invalid_token`, `invalid_dpop_proof` or `use_dpop_nonce`. */
  badToken(reason: keyof typeof badTokens, words: Words): Refusal;
  lacking(demand: Demand, lacks: readonly Shortfall[], caller: Caller, nonce?: string): Refusal;
}

const badTokens = {
  malformed_request: [400, 'invalid_request', 'The request carries no access token in the form it needs'],
  invalid_token: [
    401,
    'invalid_token',
    'The access token is expired, revoked, malformed or not for this API',
  ],
  invalid_dpop_proof: [401, 'invalid_dpop_proof', 'The DPoP proof does not hold for this request'],
  use_dpop_nonce: [401, 'use_dpop_nonce', 'The DPoP proof must carry the nonce of this server'],
} as const;

const absences = {
  issuer_unavailable: 'The issuer of tokens cannot be reached',
  replays_unavailable: 'DPoP proofs cannot be checked at the moment',
} as const;

const lackings = {
  acr: [401, 'insufficient_user_authentication', 'A stronger authentication is required'],
  age: [401, 'insufficient_user_authentication', 'A more recent authentication is required'],
  scope: [403, 'insufficient_scope', 'The access token lacks a scope'],
  authorization_details: [
    403,
    'insufficient_authorization_details',
    'The access token does not authorize this',
  ],
} as const;

export function createRefusals(input: RefusalInput): Refusals {
  const field = (scheme: Scheme, parameters: Parameters) =>
    challenge(scheme, {
      ...parameters,
      algs: scheme === 'DPoP' ? input.algorithms.join(' ') : undefined,
      resource_metadata: input.resourceMetadata,
    });
  const answer = (status: Refusal['status'], www: string, nonce: string | undefined) => ({
    allowed: false as const,
    status,
    headers: { ...common, 'www-authenticate': www, ...(nonce === undefined ? {} : { 'dpop-nonce': nonce }) },
  });
  return {
    noToken: (nonce) => ({
      ...answer(401, input.schemes.map((scheme) => field(scheme, { realm: input.realm })).join(', '), nonce),
      body: {},
      reason: 'no_token',
    }),
    unavailable: (reason, retryAfter, detail) => ({
      allowed: false,
      status: 503,
      headers: { ...common, 'retry-after': String(retryAfter) },
      body: { error: 'temporarily_unavailable', error_description: absences[reason] },
      reason,
      detail,
    }),
    badToken: (reason, { scheme, detail, nonce }) => {
      const [status, error, error_description] = badTokens[reason];
      const body = { error, error_description };
      return { ...answer(status, field(scheme, body), nonce), body, reason, detail };
    },
    lacking: (demand, lacks, caller, nonce) => {
      const [status, error, error_description] = lackings[lacks[0] ?? 'authorization_details'];
      const body = { error, error_description };
      const scheme = caller.binding === 'dpop' ? 'DPoP' : 'Bearer';
      const www = field(scheme, { ...body, ...wholeOf(demand) });
      const details = demand.authorizationDetails && { authorization_details: demand.authorizationDetails };
      const reason: Reason = error;
      const detail = `lacks ${lacks.join(', ')}`;
      return { ...answer(status, www, nonce), body: { ...body, ...details }, reason, detail, caller };
    },
  };
}

const common = { 'cache-control': 'no-store' };

type Parameters = Readonly<Record<string, string | undefined>>;

/** The route's whole requirement, never only the part that is missing: else client and server chase each other. */
function wholeOf({ acr, maxAge, scope }: Demand): Parameters {
  return {
    acr_values: acr?.join(' '),
    max_age: maxAge === undefined ? undefined : String(maxAge),
    scope: scope?.length ? scope.join(' ') : undefined,
  };
}

/** A challenge; every parameter is a quoted string (RFC 9110 11.2, 5.6.4). */
function challenge(scheme: Scheme, parameters: Parameters): string {
  const list = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${String(value).replace(/[\\"]/g, '\\$&')}"`);
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`;
}
