/** The shapes of the client half. */
import type { ClientAuth } from 'oauth4webapi';
import type { DemandParameters, StepUp } from '../shared/step-up.ts';
import type { Issuer } from './issuer.ts';
import type { ClientStorage } from './storage.ts';

export interface ClientOptions {
  /** The issuer identifier, or `openIssuer` of it, which several clients share. */
  readonly issuer: string | Issuer;
  readonly clientId: string;
  /** For confidential clients: `client_secret_basic`. */
  readonly clientSecret?: string;
  /** Any other way to authenticate, by oauth4webapi. */
  readonly clientAuth?: ClientAuth;
  readonly redirectUri: string;
  /** The API's resource indicator (RFC 8707). */
  readonly resource: string;
  /** Scopes of an ordinary sign-in; `openid` is added. */
  readonly scope?: readonly string[];
  /** Scopes an API may demand besides. Default: any but `offline_access`. */
  readonly demandableScope?: readonly string[];
  /** Where calls may go, as prefixes of addresses; default: the resource. Tokens are sent nowhere else. */
  readonly apis?: readonly string[];
  /** More parameters of every authorization request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default: in memory. One person's: never share it between sessions. */
  readonly storage?: ClientStorage;
  /** Keys for DPoP (RFC 9449), or where they come from: `indexedDbKeys`, `generateKeys`. Absent: bearer tokens. */
  readonly dpop?: CryptoKeyPair | (() => Promise<CryptoKeyPair>);
  /** Pushed authorization requests (RFC 9126) where the issuer offers them. Default true. */
  readonly par?: boolean;
  /** Epoch seconds. */
  readonly now?: () => number;
  /** Seconds the clocks may differ. Default 10. */
  readonly clockTolerance?: number;
  readonly fetch?: typeof fetch;
}

/** Tokens of one authorization. */
export interface Tokens {
  readonly access: string;
  readonly type: 'bearer' | 'dpop';
  readonly refresh?: string;
  readonly idToken: string;
  readonly resource: string;
  readonly scope: readonly string[];
  readonly sub: string;
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** Epoch seconds. */
  readonly authTime?: number;
  /** Epoch seconds of the authorization, kept through refreshes. */
  readonly since: number;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** Claims of the ID token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A call, in a form that can be stored. */
export interface KeptRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** base64. */
  readonly body?: string;
}

/** An authorization request that was sent and not yet answered. */
export interface Pending {
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly parameters: DemandParameters;
  /** What the call demands, as far as it has said. */
  readonly stepUp?: StepUp;
  /** Nobody else may answer. */
  readonly sub?: string;
  readonly request?: KeptRequest;
  /** Demands followed for this call, this one included. */
  readonly followed: readonly string[];
  readonly context?: string;
}

/** What the application's `obtain` is asked for. */
export interface Authorization {
  /** Where the browser has to go. */
  readonly url: string;
  readonly state: string;
  /** Why; absent at the first sign-in. */
  readonly stepUp?: StepUp;
  /** Given to `obtain`: aborted when another call asks the same anew, as the person has left this question. */
  readonly signal?: AbortSignal;
}

/** Takes the browser to `url` and gives the address it came back to. */
export interface Obtain {
  (authorization: Authorization): Promise<string | URL>;
  /** Whether who makes a call now has left the question that waits; default: never, and calls wait for one answer. */
  readonly isLeft?: () => boolean;
}

/** How far a call has come. */
export interface Progress {
  /** Whose call it is, where that is known. */
  readonly sub?: string;
  readonly followed: readonly string[];
  readonly context?: string;
  /** What the API has demanded so far. */
  readonly stepUp?: StepUp;
}
