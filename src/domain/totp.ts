/**
 * Time-based one-time passwords (RFC 6238): steps of 30 s, six digits, SHA-1, as every authenticator app knows them.
 */

/** Seconds of one time step (X in RFC 6238 section 4.1). */
export const TOTP_PERIOD = 30;
export const TOTP_DIGITS = 6;
/** Bytes of a new seed: 160 bits (RFC 4226 section 4, R6). */
export const TOTP_SEED_BYTES = 20;

/** The time step at `now` (epoch seconds). */
export function stepAt(now: number): number {
  return Math.floor(now / TOTP_PERIOD);
}

export interface StepSearch {
  /** What was typed: digits only. */
  readonly code: string;
  /** Epoch seconds. */
  readonly now: number;
  /** Steps accepted before and after the current one. */
  readonly window: number;
  /** The last accepted step: it and earlier ones are never accepted again (RFC 6238 section 5.2). */
  readonly after: number | null;
}

/** The step whose code was typed, or undefined. `codeAt` computes the code of a step. */
export function matchStep(search: StepSearch, codeAt: (step: number) => string): number | undefined {
  const { code, now, window, after } = search;
  const current = stepAt(now);
  const steps = Array.from({ length: 2 * window + 1 }, (_, index) => current - window + index);
  return steps
    .filter((step) => step >= 0 && (after === null || step > after))
    .filter((step) => sameText(codeAt(step), code))[0];
}

/** Compares in a time that depends on the lengths alone. */
export function sameText(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index += 1) {
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index % Math.max(1, b.length));
  }
  return difference === 0;
}

export interface TotpUri {
  /** The organisation. */
  readonly issuer: string;
  /** The person's username. */
  readonly account: string;
  /** The seed in base32, without padding. */
  readonly secret: string;
}

/** The otpauth URI that a QR code carries to an authenticator app. */
export function totpUri({ issuer, account, secret }: TotpUri): string {
  const label = `${encodeURIComponent(issuer.replaceAll(':', ''))}:${encodeURIComponent(account)}`;
  // encodeURIComponent, not URLSearchParams: several apps show a plus sign where a blank was meant.
  const query = [
    `secret=${secret}`,
    `issuer=${encodeURIComponent(issuer)}`,
    'algorithm=SHA1',
    `digits=${TOTP_DIGITS}`,
    `period=${TOTP_PERIOD}`,
  ];
  return `otpauth://totp/${label}?${query.join('&')}`;
}
