/** The mails, in the words of the message catalogue. */
import type { Letter, Letters } from '../services/letters.ts';
import type { Account, Credential } from '../services/ports/people.ts';
import type { Translator } from './messages.ts';
import { factorName } from './texts.ts';

/** Letters in the translator's language, signed by the organisation. */
export function catalogueLetters(translator: Translator, organisation: string): Letters {
  const { t } = translator;
  const letter = (subject: string, account: Account, lines: readonly string[]): Letter => ({
    subject,
    text: [t('mail.greeting', { name: account.name ?? account.username }), ...lines, organisation]
      .join('\n\n')
      .concat('\n'),
  });
  return {
    code: (account, code, validFor) =>
      letter(t('mail.code_subject'), account, [codeText(translator, code, validFor), t('mail.code_warning')]),
    factorAdded: (account, credential) =>
      letter(t('mail.factor_added_subject'), account, [
        t('mail.factor_added', factorOf(translator, credential)),
        t('mail.alarm'),
      ]),
    factorRemoved: (account, credential) =>
      letter(t('mail.factor_removed_subject'), account, [
        t('mail.factor_removed', factorOf(translator, credential)),
        t('mail.browsers_forgotten'),
        t('mail.alarm'),
      ]),
    passwordChanged: (account) =>
      letter(t('mail.password_changed_subject'), account, [
        t('mail.password_changed'),
        t('mail.browsers_forgotten'),
        t('mail.alarm'),
      ]),
    noticed: (account, reasons) =>
      letter(t('mail.noticed_subject'), account, [t('mail.noticed'), ...reasons, t('mail.alarm')]),
  };
}

function factorOf(translator: Translator, credential: Credential) {
  const factor = translator.t(`mail.factor.${credential.method}`);
  return { factor, label: factorName(credential, translator) };
}

function codeText({ t }: Translator, code: string, validFor: number): string {
  const minutes = Math.ceil(validFor / 60);
  return minutes === 1 ? t('mail.code_minute', { code }) : t('mail.code_minutes', { code, minutes });
}
