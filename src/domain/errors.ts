/**
 * The error catalogue: code → HTTP status, public message key, OAuth error. One catch in `http/errors` turns a
 * `StileError` into a page or OAuth JSON. docs/errors.md is generated from here.
 */

interface Entry {
  readonly status: number;
  /** Set where an API client can meet the error; the OAuth error code it sees. */
  readonly oauth?: string;
  /** What happened, in plain words. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

const again = 'Go back to the application and start again.';

export const catalogue = {
  bad_request: {
    status: 400,
    oauth: 'invalid_request',
    message: 'The request could not be understood.',
    remedy: again,
  },
  csrf_failed: {
    status: 403,
    message: 'This form was not sent from our own page.',
    remedy: 'Reload the page and send it again.',
  },
  not_found: { status: 404, message: 'There is no such page.', remedy: 'Check the address.' },
  method_not_allowed: { status: 405, message: 'The page cannot be used this way.', remedy: again },
  payload_too_large: {
    status: 413,
    oauth: 'invalid_request',
    message: 'The request is too large.',
    remedy: 'Send less.',
  },
  unsupported_media_type: {
    status: 415,
    oauth: 'invalid_request',
    message: 'The request is of a type that is not accepted.',
    remedy: 'Send application/x-www-form-urlencoded.',
  },
  interaction_not_found: { status: 400, message: 'This sign-in has ended or has expired.', remedy: again },
  interaction_elsewhere: {
    status: 403,
    message: 'This sign-in was begun in another browser.',
    remedy: again,
  },
  another_person: {
    status: 409,
    message: 'Somebody else has signed in in this browser meanwhile.',
    remedy: again,
  },
  subject_mismatch: {
    status: 403,
    message: 'That is not the account this sign-in is for.',
    remedy: 'Use the account named on the page, or sign out first.',
  },
  session_required: { status: 401, message: 'You are not signed in.', remedy: 'Sign in and try again.' },
  step_up_required: {
    status: 403,
    message: 'This needs a fresh proof that it is you.',
    remedy: 'Confirm with the factor the page asks for.',
  },
  wrong_credentials: {
    status: 422,
    message: 'That did not match.',
    remedy: 'Check what you entered and try again.',
  },
  wrong_code: {
    status: 422,
    message: 'That code is not right, or was already used.',
    remedy: 'Enter it again, or get a new one.',
  },
  code_expired: { status: 422, message: 'That code has expired.', remedy: 'Ask for a new one.' },
  passkey_failed: {
    status: 422,
    message: 'The passkey could not be verified.',
    remedy: 'Try again, or use another way.',
  },
  passkey_cloned: {
    status: 422,
    message: 'This passkey may have been copied and was not accepted.',
    remedy: 'Use another factor, then remove this passkey.',
  },
  passkey_registered: {
    status: 409,
    message: 'This passkey is already registered.',
    remedy: 'Use it to sign in, or choose another device.',
  },
  too_many_attempts: {
    status: 429,
    message: 'Too many attempts.',
    remedy: 'Wait a little, or use another way.',
  },
  password_too_weak: {
    status: 422,
    message: 'That password is too short or too common.',
    remedy: 'Choose a longer one.',
  },
  password_unchanged: {
    status: 422,
    message: 'That is the password you have already.',
    remedy: 'Choose another one.',
  },
  passwords_differ: {
    status: 422,
    message: 'The two passwords are not the same.',
    remedy: 'Enter the new one twice.',
  },
  invalid_label: { status: 422, message: 'A name has 1 to 60 characters.', remedy: 'Choose another name.' },
  last_factor: {
    status: 409,
    message: 'This is the only way into the account.',
    remedy: 'Add another factor first.',
  },
  enrolment_not_allowed: {
    status: 403,
    message: 'This factor cannot be added here.',
    remedy: 'Ask an administrator.',
  },
  credential_not_found: { status: 404, message: 'There is no such factor.', remedy: 'Reload the page.' },
  account_exists: { status: 409, message: 'That username or address is taken.', remedy: 'Choose another.' },
  account_invalid: {
    status: 422,
    message: 'The username, address or group is not valid.',
    remedy: 'Correct it.',
  },
  account_disabled: {
    status: 403,
    oauth: 'invalid_grant',
    message: 'This account cannot be used.',
    remedy: 'Ask an administrator.',
  },
  policy_invalid: {
    status: 422,
    message: 'The policy cannot be used.',
    remedy: 'Correct what is named; nothing was changed.',
  },
  policy_in_file: {
    status: 409,
    message: 'The configuration names a policy file, which is the policy.',
    remedy: 'Change that file and send SIGHUP, or take it out of the configuration.',
  },
  policy_not_found: {
    status: 404,
    message: 'There is no such version of the policy.',
    remedy: '`stile policy list` names those there are.',
  },
  policy_unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    message: 'The policy in force cannot be loaded.',
    remedy: '`stile policy apply` or `rollback` puts a sound one in force.',
  },
  unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    message: 'The service is briefly unavailable.',
    remedy: 'Try again in a few seconds; nothing was lost.',
  },
  internal: {
    status: 500,
    oauth: 'server_error',
    message: 'Something went wrong on our side.',
    remedy: 'Try again; if it stays, tell us the number below.',
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

/** An expected failure. `detail` is for the log, never for a page; it holds no secret. */
export class StileError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  /** Seconds, for Retry-After. */
  readonly retryAfter?: number;
  /** The words of a policy's rule: shown to the person as they are. `message` never is. */
  readonly reason?: string;

  constructor(
    code: ErrorCode,
    options: { detail?: string; retryAfter?: number; reason?: string; cause?: unknown } = {},
  ) {
    super(options.detail ?? code, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StileError';
    this.code = code;
    this.status = catalogue[code].status;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.reason !== undefined) this.reason = options.reason;
  }
}
