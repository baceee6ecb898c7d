/** Telling people what happened to their account. */
import type { Deps } from './deps.ts';
import type { Letter } from './letters.ts';
import type { Account } from './ports/people.ts';

/** Mails every address of the account, after the change is committed. A mail that cannot be sent undoes nothing. */
export async function notify(
  deps: Pick<Deps, 'mailer' | 'log'>,
  { email }: Pick<Account, 'email'>,
  letter: Letter,
): Promise<void> {
  if (email === null) return;
  try {
    await deps.mailer.send({ to: email, ...letter });
  } catch (error) {
    deps.log.warn(
      { reason: error instanceof Error ? error.message : 'unknown' },
      'a notice could not be mailed',
    );
  }
}
