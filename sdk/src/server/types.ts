/** The shapes of the server half: everything is a plain value, so that any framework, and a gateway, can use it. */
import type { AuthorizationDetail, Demand } from '../shared/demand.ts';
import type { Soon } from './soon.ts';

/** What is known of a request, however it came. */
export interface RequestFacts {
  readonly method: string;
  /** As the client called it, absolute: what a DPoP proof is bound to (RFC 9449 4.3). */
  readonly url: string;
  /** The `Authorization` field; more than one field is a malformed request: pass them joined by a comma. */
  readonly authorization?: string | undefined;
  /** The `DPoP` field. */
  readonly dpop?: string | undefined;
  /** SHA-256 of the client's certificate, base64url, where TLS was ended with one (RFC 8705 3.1). */
  readonly certificateThumbprint?: string | undefined;
}

/** Who calls, as a valid access token says it. */
export interface Caller {
  /** Absent where no person is behind the token. */
  readonly sub?: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Epoch seconds. */
  readonly authTime?: number;
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  readonly expiresAt: number;
  readonly binding: 'bearer' | 'dpop' | 'mtls';
  /** Every claim of the token, or every member of the introspection response. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Why a request was refused, for logs and metrics: a bounded set. */
export type Reason =
  | 'no_token'
  | 'malformed_request'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'insufficient_user_authentication'
  | 'insufficient_scope'
  | 'insufficient_authorization_details'
  | 'issuer_unavailable';

/**
 * An answer for the client. `headers`, by lower-case name, always has `www-authenticate` with a 400, 401 and 403,
 * `retry-after` with a 503.
 */
export interface Refusal {
  readonly allowed: false;
  readonly status: 400 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error?: string;
    readonly error_description?: string;
    /** Where the demand names some: no parameter of a challenge carries them. */
    readonly authorization_details?: readonly AuthorizationDetail[];
  };
  readonly reason: Reason;
  /** For the log, never for the client. */
  readonly detail?: string;
  /** Who called, where a valid token said so. */
  readonly caller?: Caller;
}

export interface Permit {
  readonly allowed: true;
  readonly caller: Caller;
  /** For the answer: `dpop-nonce`, with a bound token where nonces are asked for. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Decision = Permit | Refusal;

/** A resource server of one issuer and audience. */
export interface ResourceServer {
  /** Whether a request with these facts may do what demands this. */
  decide(request: RequestFacts, demand?: Demand): Promise<Decision>;
  /**
   * The first half of `decide`: only the token, once per request, since a proof counts once. At once, without a promise,
   * where all it takes is remembered.
   */
  authenticate(request: RequestFacts): Soon<Decision>;
  /** The second half: whether who was let in by `authenticate` may do what demands this. */
  authorize(request: RequestFacts, permit: Permit, demand: Demand): Soon<Decision>;
  /** The protected resource's metadata document (RFC 9728), and the path it is served under. */
  readonly metadata: {
    readonly path: string;
    readonly document: () => Promise<Readonly<Record<string, unknown>>>;
  };
}
