/**
 * Codes from an administrator: they confirm a first second factor where no address can (rule 6), and prove nothing. A
 * code belongs to its account; whoever was given it enters it in the interaction that asks for it.
 */
import { type ErrorCode, StileError } from '../domain/errors.ts';
import { adminCodeBucket } from '../domain/throttle.ts';
import { sameText } from '../domain/totp.ts';
import type { Factor, Verified } from './attempt.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import type { Account } from './ports/people.ts';

export type AdminCodeDeps = Pick<
  Deps,
  'clock' | 'random' | 'vault' | 'unitOfWork' | 'ceremonies' | 'throttle' | 'audit' | 'settings'
>;

const PURPOSE = 'admin-code';
const DIGITS = 8;

export interface IssuedCode {
  /** Digits; shown to the administrator and kept only as a keyed hash. */
  readonly code: string;
  /** Seconds. */
  readonly validFor: number;
}

/**
 * Makes a new code for the account, which replaces the one before. Counted first, by itself. Throws StileError
 * `account_disabled` or `too_many_attempts`.
 */
export async function issueAdminCode(
  deps: AdminCodeDeps,
  { id: accountId, status }: Pick<Account, 'id' | 'status'>,
): Promise<IssuedCode> {
  if (status !== 'active') throw new StileError('account_disabled');
  const now = deps.clock.now();
  const { throttle, factors } = deps.settings;
  const { open, retryAfter } = await deps.throttle.take(adminCodeBucket(accountId), throttle.email, now);
  if (!open) throw new StileError('too_many_attempts', retryAfter === undefined ? {} : { retryAfter });
  const issued: IssuedCode = { code: deps.random.digits(DIGITS), validFor: factors.adminCode.codeTtl };
  await deps.unitOfWork.run(() => keep(deps, { ...issued, accountId, now }));
  return issued;
}

interface Kept extends IssuedCode {
  readonly accountId: string;
  readonly now: number;
}

async function keep(deps: AdminCodeDeps, { accountId, code, validFor, now }: Kept): Promise<void> {
  const expiresAt = now + validFor;
  await deps.ceremonies.begin({
    id: deps.random.id(),
    purpose: PURPOSE,
    owner: ownerOf(accountId),
    accountId,
    secret: macOf(deps, accountId, code),
    createdAt: now,
    expiresAt,
  });
  await record(deps, {
    type: 'admin_code_issued',
    outcome: 'success',
    accountId,
    data: { issuedBy: 'administrator', expiresAt },
  });
}

function ownerOf(accountId: string): string {
  return `account:${accountId}`;
}

function macOf({ vault }: Pick<AdminCodeDeps, 'vault'>, accountId: string, code: string): string {
  return vault.mac(`${ownerOf(accountId)} ${code}`, PURPOSE);
}

export interface AdminCodeAttempt {
  readonly accountId: string | null;
  /** Digits only. */
  readonly code: string;
}

type VerifyDeps = Pick<AdminCodeDeps, 'clock' | 'vault' | 'ceremonies' | 'settings'>;

/** The code as an attempt: a few tries for each code given, one use. What it leaves fills no slot of any level. */
export function adminCodeFactor(deps: VerifyDeps, input: AdminCodeAttempt): Factor {
  return { method: 'admin_code', wrong: 'wrong_code', verify: () => verify(deps, input) };
}

async function verify(
  deps: VerifyDeps,
  { accountId, code }: AdminCodeAttempt,
): Promise<Verified | ErrorCode> {
  if (accountId === null) return 'code_expired';
  const { tries } = deps.settings.factors.adminCode;
  const ceremony = await deps.ceremonies.tryOnce(ownerOf(accountId), PURPOSE, tries, deps.clock.now());
  if (!ceremony) return 'code_expired';
  if (!sameText(ceremony.secret, macOf(deps, accountId, code))) return 'wrong_code';
  return {
    accountId,
    consume: async () =>
      (await deps.ceremonies.consume(ceremony.id, deps.clock.now())) ? undefined : 'code_expired',
  };
}
