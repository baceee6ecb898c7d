/**
 * The forms of the pages: how one is addressed, and what each posts, as schemas for `guard.ts`.
 */
import { z } from 'zod';

/** Where a form posts to, and its hidden fields. */
export interface Form {
  readonly action: string;
  readonly hidden: Readonly<Record<string, string>>;
}

export const CSRF_FIELD = '_csrf';

/** A form of our own, carrying its CSRF token. */
export function csrfForm(action: string, token: string): Form {
  return { action, hidden: { [CSRF_FIELD]: token } };
}

/** A box that was ticked. */
const box = z
  .literal('on')
  .optional()
  .transform((value) => value === 'on');
const csrf = { [CSRF_FIELD]: z.string().min(1).max(128) };
const code = z
  .string()
  .max(32)
  .transform((typed) => typed.replace(/[\s-]/g, ''))
  .pipe(z.string().max(12));
const label = z.string().trim().max(200);

/** "Not you?", send a code, end a session: nothing but the token. */
export const emptyForm = z.strictObject(csrf);
/** `after`: the page had turned the person away. */
export const cancelForm = z.strictObject({
  ...csrf,
  after: z.enum(['too_many_attempts', 'denied']).optional(),
});
export const signInForm = z.strictObject({ ...csrf, identifier: z.string().trim().max(254) });
/** `username` is there for password managers; it is not read. */
export const passwordForm = z.strictObject({
  ...csrf,
  username: z.string().max(254).optional(),
  password: z.string().max(256),
  remember: box,
});
/** As `passwordForm`; the new password twice. */
export const newPasswordForm = z.strictObject({
  ...csrf,
  username: z.string().max(254).optional(),
  password: z.string().max(256),
  repeat: z.string().max(256),
});
/** Blanks and dashes in the code are dropped. */
export const codeForm = z.strictObject({ ...csrf, code, remember: box });
/** `response` is the authenticator's answer (RegistrationResponseJSON or AuthenticationResponseJSON). */
export const passkeyForm = z.strictObject({ ...csrf, response: jsonObject(), remember: box });
export const enrolTotpForm = z.strictObject({ ...csrf, code, label });
export const enrolPasskeyForm = z.strictObject({ ...csrf, response: jsonObject(), label });
export const consentForm = z.strictObject({ ...csrf, decision: z.enum(['allow', 'deny']) });
export const renameForm = z.strictObject({ ...csrf, label });

function jsonObject() {
  return z.string().transform((text, context): Readonly<Record<string, unknown>> => {
    const value = parseJson(text);
    if (isRecord(value)) return value;
    context.addIssue({ code: 'custom', message: 'not a JSON object' });
    return z.NEVER;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
