/** Typed errors: each has a `code` to decide by; the message is for logs, and holds neither tokens nor codes. */
import type { StepUp } from '../shared/step-up.ts';

export type StepUpErrorCode =
  /** The browser has to go to `url` first; the call is kept. */
  | 'authorization_required'
  /** The issuer answered the authorization request with an OAuth error: `error`. */
  | 'authorization_refused'
  /** The token that came back is for another person. */
  | 'other_subject'
  /** The API demands the same again: asking once more will not help. */
  | 'still_insufficient'
  /** The body is a stream that may not be buffered, or longer than `maxBody`. */
  | 'body_not_kept'
  /** No request with this `state` was sent from here, or it was answered already. */
  | 'unknown_state'
  /** The answer of the issuer does not verify. */
  | 'invalid_response'
  /** The issuer cannot be reached, or answers with a fault. */
  | 'issuer_unavailable'
  /** The call would carry the token to an address that is not the API's. */
  | 'foreign_url'
  /** The storage takes neither the tokens nor the call. */
  | 'storage_failed'
  | 'popup_blocked'
  | 'popup_timeout'
  | 'not_configured';

export interface ErrorDetails {
  /** Name, message and code of what went wrong; nothing else, as it may hold tokens, codes and claims. */
  readonly cause?: unknown;
  /** Of `authorization_required`. */
  readonly url?: string;
  /** Of `authorization_refused`: such as `access_denied` or `unmet_authentication_requirements`. */
  readonly error?: string;
  readonly errorDescription?: string;
  /** Of `authorization_required` and `still_insufficient`: what the API demands. */
  readonly stepUp?: StepUp;
  /** What `begin` was given, where an answer belongs to it. */
  readonly context?: string;
}

/** The one error of the client; a malformed challenge is a ChallengeError. Network faults of the API are fetch's own. */
export class StepUpError extends Error {
  readonly code: StepUpErrorCode;
  readonly details: ErrorDetails;

  constructor(code: StepUpErrorCode, message: string, details: ErrorDetails = {}) {
    const cause = plain(details.cause);
    super(message, cause === undefined ? {} : { cause });
    this.name = 'StepUpError';
    this.code = code;
    this.details = { ...details, ...(cause === undefined ? {} : { cause }) };
  }
}

function plain(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof StepUpError)
    return cause instanceof Error ? cause : undefined;
  const { name, message } = cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? { code: cause.code } : {};
  return Object.assign(new Error(message), { name, stack: cause.stack, ...code });
}
