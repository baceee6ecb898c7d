/** Codes sent to a verified address: a channel that confirms, and no kind of factor. */
import { type ErrorCode, StileError } from '../domain/errors.ts';
import { emailBucket } from '../domain/throttle.ts';
import { sameText } from '../domain/totp.ts';
import type { Factor, Verified } from './attempt.ts';
import { record } from './audit.ts';
import type { Deps } from './deps.ts';
import type { Account } from './ports/people.ts';

export type EmailCodeDeps = Pick<
  Deps,
  | 'clock'
  | 'random'
  | 'vault'
  | 'mailer'
  | 'letters'
  | 'log'
  | 'accounts'
  | 'ceremonies'
  | 'throttle'
  | 'audit'
  | 'settings'
>;

const PURPOSE = 'email-code';
const DIGITS = 8;

export interface SendCode {
  /** `tx:<transaction id>` or `session:<uid>`: only there can the code be used. */
  readonly owner: string;
  readonly accountId: string;
  readonly correlationId: string | null;
}

/**
 * Sends a new code, which replaces the one before. Counted before anything is sent. The answer is the same when there
 * is no verified address or the mail cannot be sent. Throws StileError `too_many_attempts`.
 */
export async function sendEmailCode(deps: EmailCodeDeps, input: SendCode): Promise<void> {
  const now = deps.clock.now();
  const { open, retryAfter } = await deps.throttle.take(
    emailBucket(input.accountId),
    deps.settings.throttle.email,
    now,
  );
  if (!open) throw new StileError('too_many_attempts', retryAfter === undefined ? {} : { retryAfter });
  const code = deps.random.digits(DIGITS);
  const { codeTtl } = deps.settings.factors.email;
  await deps.ceremonies.begin({
    id: deps.random.id(),
    purpose: PURPOSE,
    owner: input.owner,
    accountId: input.accountId,
    secret: macOf(deps, input.owner, code),
    createdAt: now,
    expiresAt: now + codeTtl,
  });
  const sent = await deliver(deps, await deps.accounts.byId(input.accountId), code);
  await record(deps, {
    type: 'email_code_sent',
    outcome: sent ? 'success' : 'failure',
    accountId: input.accountId,
    correlationId: input.correlationId,
  });
}

async function deliver(deps: EmailCodeDeps, account: Account | undefined, code: string): Promise<boolean> {
  if (!account || account.email === null || account.emailVerifiedAt === null) return false;
  const letter = deps.letters.code(account, code, deps.settings.factors.email.codeTtl);
  try {
    await deps.mailer.send({ to: account.email, ...letter });
    return true;
  } catch (error) {
    deps.log.warn(
      { reason: error instanceof Error ? error.message : 'unknown' },
      'a code could not be mailed',
    );
    return false;
  }
}

function macOf(deps: Pick<EmailCodeDeps, 'vault'>, owner: string, code: string): string {
  return deps.vault.mac(`${owner} ${code}`, PURPOSE);
}

export interface EmailCodeAttempt {
  readonly owner: string;
  readonly accountId: string | null;
  /** Digits only. */
  readonly code: string;
}

/** An emailed code as a proof: a few tries for each code sent, one use. */
export function emailCodeFactor(
  deps: Pick<EmailCodeDeps, 'clock' | 'vault' | 'ceremonies' | 'settings'>,
  input: EmailCodeAttempt,
): Factor {
  return { method: 'email', wrong: 'wrong_code', verify: () => verify(deps, input) };
}

async function verify(
  deps: Pick<EmailCodeDeps, 'clock' | 'vault' | 'ceremonies' | 'settings'>,
  { owner, accountId, code }: EmailCodeAttempt,
): Promise<Verified | ErrorCode> {
  const { tries } = deps.settings.factors.email;
  const ceremony = await deps.ceremonies.tryOnce(owner, PURPOSE, tries, deps.clock.now());
  if (!ceremony || ceremony.accountId === null || ceremony.accountId !== accountId) return 'code_expired';
  if (!sameText(ceremony.secret, macOf(deps, owner, code))) return 'wrong_code';
  return {
    accountId: ceremony.accountId,
    consume: async () =>
      (await deps.ceremonies.consume(ceremony.id, deps.clock.now())) ? undefined : 'code_expired',
  };
}
