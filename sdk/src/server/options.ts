/** What a resource server is made of, and the defaults. */
import type { ClientAuth } from 'oauth4webapi';
import type { Demand } from '../shared/demand.ts';
import { InvalidOptionsError } from './errors.ts';
import type { NonceSecret } from './nonces.ts';
import type { ProofVerifiers } from './proof-signature.ts';
import type { ReplayStore } from './replay.ts';
import type { Decision } from './types.ts';

/** As the global `fetch`, as far as it is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface DecisionEvent {
  readonly method: string;
  readonly url: string;
  /** Absent where only the token was judged. */
  readonly demand?: Demand;
  readonly decision: Decision;
}

export interface IntrospectionOptions {
  readonly clientId: string;
  /** Sent as HTTP Basic; for any other method give `auth`. */
  readonly clientSecret?: string;
  /** Client authentication of oauth4webapi, such as `PrivateKeyJwt(key)`. */
  readonly auth?: ClientAuth;
  /** Seconds for which an answer is believed, never beyond `exp`. Default 30; a revoked token lives that long. */
  readonly cacheFor?: number;
  /**
   * Refuse answers without `token_type`, which may be about a refresh token. Default true; false for an issuer that
   * names none and that gives an API's introspection no refresh tokens.
   */
  readonly requireTokenType?: boolean;
}

export interface DpopOptions {
  /** Refuse tokens that are not bound to a key. Default false. */
  readonly required?: boolean;
  /**
   * Ask for nonces (RFC 9449 9). `true`: a secret of this process's own. Several processes behind one address share
   * `secret`, at least 32 bytes; nonces of the `previous` ones are accepted, too, while it is replaced.
   */
  readonly nonces?: boolean | NonceOptions;
  /** Another way to verify later proofs of a client, such as the platform's own; see `ProofVerifiers`. Default: WebCrypto. */
  readonly verifiers?: ProofVerifiers;
  /** Where used proofs are remembered. Default: this process's memory, bounded. */
  readonly replays?: ReplayStore;
}

export interface NonceOptions {
  readonly secret: NonceSecret;
  readonly previous?: readonly NonceSecret[];
}

export interface ResourceServerOptions {
  /** As in the `iss` of its tokens. */
  readonly issuer: string;
  /** The resource indicator of this API: tokens must name it in `aud`. */
  readonly audience: string;
  /** `person`: refuse the token of a client that acts for itself. Default `any`. */
  readonly subject?: 'any' | 'person';
  /** Named in the challenge to who shows no token, which should have at least one parameter (RFC 6750 3). */
  readonly realm?: string;
  /** For tokens that are not JWTs (RFC 7662). */
  readonly introspection?: IntrospectionOptions;
  /** JWS algorithms of access tokens and proofs. Default: ES256, EdDSA, Ed25519, RS256, PS256. */
  readonly algorithms?: readonly string[];
  /** Seconds by which the clocks may differ for `exp`, `nbf` and `iat`. Default 10. */
  readonly clockTolerance?: number;
  /** When given, challenges offer the DPoP scheme; bound tokens are checked in any case. */
  readonly dpop?: DpopOptions;
  /**
   * The origin clients call. Default: that of the request's URL, which is what its `Host` field says: with DPoP, always say
   * it.
   */
  readonly origin?: string;
  /** Members of the RFC 9728 document beside the derived ones. When given, challenges point to the document. */
  readonly resourceMetadata?: Readonly<Record<string, unknown>>;
  /** Allow an `http:` issuer that is not on this machine. Default false. */
  readonly allowHttp?: boolean;
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** Epoch seconds. Default: the machine's clock. */
  readonly now?: () => number;
  /** Called with every decision, for logs and metrics; what it throws is ignored, and it is not waited for. */
  readonly onDecision?: (event: DecisionEvent) => void | Promise<void>;
}

const ASYMMETRIC = /^(?:ES(?:256|384|512)|EdDSA|Ed25519|(?:RS|PS)(?:256|384|512)|ML-DSA-(?:44|65|87))$/;
export const DEFAULT_ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];
const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|.+\.localhost)$/;

/** @throws InvalidOptionsError naming the first option that cannot be served. */
export function checkOptions(options: ResourceServerOptions): void {
  const issuer = absolute('issuer', options.issuer);
  if (issuer.protocol !== 'https:' && !options.allowHttp && !LOCAL.test(issuer.hostname))
    throw new InvalidOptionsError('issuer: https, or allowHttp');
  if (!options.audience) throw new InvalidOptionsError('audience: the identifier of this API is needed');
  if (options.realm !== undefined && !/^[\x20-\x7e]+$/.test(options.realm))
    throw new InvalidOptionsError('realm: printable ASCII');
  if (options.origin !== undefined && absolute('origin', options.origin).pathname !== '/')
    throw new InvalidOptionsError('origin: scheme, host and port, without a path');
  if (options.resourceMetadata) absolute('audience, for resourceMetadata', options.audience);
  const odd = (options.algorithms ?? []).find((alg) => !ASYMMETRIC.test(alg));
  if (odd !== undefined || options.algorithms?.length === 0)
    throw new InvalidOptionsError(`algorithms: ${odd ?? 'none'} is not an asymmetric signature`);
  for (const [name, seconds] of [
    ['clockTolerance', options.clockTolerance ?? 0],
    ['introspection.cacheFor', options.introspection?.cacheFor ?? 0],
  ] as const)
    if (!(Number.isFinite(seconds) && seconds >= 0))
      throw new InvalidOptionsError(`${name}: seconds, 0 or more`);
  if (options.introspection && !options.introspection.clientSecret && !options.introspection.auth)
    throw new InvalidOptionsError('introspection: clientSecret or auth');
  const nonces = options.dpop?.nonces;
  if (
    typeof nonces === 'object' &&
    [nonces.secret, ...(nonces.previous ?? [])].some(({ length }) => length < 32)
  )
    throw new InvalidOptionsError('dpop.nonces.secret: at least 32 bytes');
}

function absolute(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.hash || url.search)
    throw new InvalidOptionsError(`${name}: an http(s) URL without query and fragment`);
  return url;
}
