/** Faults inside the core; `decide` turns them into answers. */

/** The token proves nothing here (RFC 6750 3.1 `invalid_token`); the message is for the log only. */
export class InvalidTokenError extends Error {
  override readonly name = 'InvalidTokenError';
}

/** The issuer could not be asked, and nothing kept answers for it. */
export class IssuerUnavailableError extends Error {
  override readonly name = 'IssuerUnavailableError';
  /** Seconds after which asking again may help. */
  readonly retryAfter: number;
  constructor(message: string, retryAfter: number, cause?: unknown) {
    super(cause instanceof Error ? `${message}: ${cause.message}` : message, { cause });
    this.retryAfter = retryAfter;
  }
}

/** The DPoP proof does not hold (RFC 9449 4.3); the message is for the log only. */
export class InvalidProofError extends Error {
  override readonly name = 'InvalidProofError';
  readonly code: 'invalid_dpop_proof' | 'use_dpop_nonce';
  constructor(message: string, code: 'invalid_dpop_proof' | 'use_dpop_nonce' = 'invalid_dpop_proof') {
    super(message);
    this.code = code;
  }
}

/** Whether a proof was used before cannot be known: then it is refused. */
export class ReplaysUnavailableError extends Error {
  override readonly name = 'ReplaysUnavailableError';
}

/** A demand no token can meet, or that cannot be written into a challenge: a fault of the program. */
export class InvalidDemandError extends TypeError {
  override readonly name = 'InvalidDemandError';
}

/** Options that cannot be served: a fault of the program. */
export class InvalidOptionsError extends TypeError {
  override readonly name = 'InvalidOptionsError';
}
