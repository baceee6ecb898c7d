/** Telling people what a rule of the policy wants told. */
import type { Limit } from '../domain/throttle.ts';
import { noticeBucket } from '../domain/throttle.ts';
import type { Deps } from './deps.ts';
import { notify } from './notify.ts';
import type { Account } from './ports/people.ts';

/** A rule that wants the person told, and its words. */
export interface Told {
  readonly rule: string;
  readonly reason: string;
}

export interface Notice {
  readonly account: Account;
  readonly rules: readonly Told[];
}

export type NoticeDeps = Pick<Deps, 'clock' | 'throttle' | 'mailer' | 'letters' | 'log' | 'background'>;

/** Of a rule an account has one mail in twelve hours, however often it matches. */
const once: Limit = { attempts: 1, window: 12 * 3600 };

/**
 * Mails what is to be told, once what it is about is committed; nobody waits for it. What was told lately is left out:
 * whoever makes a rule match again and again fills no mailbox. Not for use in a transaction.
 */
export function tell(deps: NoticeDeps, notice: Notice): void {
  if (notice.rules.length === 0 || notice.account.email === null) return;
  deps.background.start('telling a person', () => mail(deps, notice));
}

async function mail(deps: NoticeDeps, { account, rules }: Notice): Promise<void> {
  const now = deps.clock.now();
  const reasons: string[] = [];
  for (const { rule, reason } of rules) {
    const { open } = await deps.throttle.take(noticeBucket(account.id, rule), once, now);
    if (open) reasons.push(reason);
  }
  if (reasons.length > 0) await notify(deps, account, deps.letters.noticed(account, reasons));
}
