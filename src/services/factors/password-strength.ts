/** What a new password must be (NIST SP 800-63B-4, 3.1.1): long enough, not common, not the person's own name. */
import { StileError } from '../../domain/errors.ts';
import type { Settings } from '../deps.ts';
import type { Account } from '../ports/people.ts';
import { commonPasswords } from './common-passwords.ts';

/** Characters; longer ones are refused, so that hashing stays cheap to bound. */
export const MAX_PASSWORD = 256;

/** The same keys pressed on another system give the same characters (RFC 8265). */
export function normalisePassword(typed: string): string {
  return typed.normalize('NFC');
}

export interface StrengthContext {
  readonly minLength: number;
  /** Username, address and other names that must not be the password. */
  readonly names: readonly string[];
}

/** Whether a new password will do. Characters are counted, not bytes. */
export function isStrongEnough(typed: string, { minLength, names }: StrengthContext): boolean {
  const password = normalisePassword(typed);
  const length = [...password].length;
  if (length < minLength || password.length > MAX_PASSWORD) return false;
  const plain = password.toLowerCase();
  if (commonPasswords.has(plain) || commonPasswords.has(stem(plain))) return false;
  if (new Set(plain).size < 3) return false;
  return !names.some((name) => plain === name.toLowerCase() || stem(plain) === name.toLowerCase());
}

/** Refuses a password that will not do for this person: throws StileError `password_too_weak`. */
export function requireStrong(
  { factors }: Pick<Settings, 'factors'>,
  account: Pick<Account, 'username' | 'email' | 'name'>,
  password: string,
): void {
  const names = [account.username, account.email, account.name].flatMap((name) => name ?? []);
  if (!isStrongEnough(password, { minLength: factors.password.minLength, names }))
    throw new StileError('password_too_weak');
}

/** Without the digits and marks that people append to satisfy rules. */
function stem(password: string): string {
  return password.replace(/[\d!?.,@#$%&*_-]+$/, '');
}
