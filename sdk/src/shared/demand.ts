/** One element of `authorization_details` (RFC 9396 2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** What a route asks of whoever calls it. Everything that is named must hold. */
export interface Demand {
  /** Any one of these authentication context classes, or one that the issuer says implies it; in order of preference. */
  readonly acr?: readonly string[];
  /** Seconds since the authentication (`auth_time`), at most. At least 30. */
  readonly maxAge?: number;
  /** All of these scopes. */
  readonly scope?: readonly string[];
  /** All of these authorization details. */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
}
