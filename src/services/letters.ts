/** The mails this server writes. The texts are the caller's; these are English. */
import type { Account, Credential } from './ports.ts';

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

export interface Letters {
  /** `validFor` in seconds. */
  code(account: Account, code: string, validFor: number): Letter;
  factorAdded(account: Account, credential: Credential): Letter;
  factorRemoved(account: Account, credential: Credential): Letter;
}

const factorNames: Readonly<Record<Credential['method'], string>> = {
  password: 'password',
  totp: 'authenticator app',
  passkey: 'passkey',
};

/** Letters in English, signed by the organisation. */
export function englishLetters(organisation: string): Letters {
  const letter = (subject: string, account: Account, lines: readonly string[]): Letter => ({
    subject,
    text: [`Hello ${account.name ?? account.username},`, ...lines, organisation].join('\n\n').concat('\n'),
  });
  const alarm = 'If this was not you, sign in, look through your account page and tell your administrator.';
  return {
    code: (account, code, validFor) =>
      letter('Your code', account, [
        `Your code is ${code}. It is valid for ${Math.ceil(validFor / 60)} minutes and for one use.`,
        'Enter it only on the page that asked for it. Nobody from our side will ever ask you for it.',
      ]),
    factorAdded: (account, { method, label }) =>
      letter('A way to sign in was added', account, [
        `The ${factorNames[method]} "${label}" can now be used to sign in to your account.`,
        alarm,
      ]),
    factorRemoved: (account, { method, label }) =>
      letter('A way to sign in was removed', account, [
        `The ${factorNames[method]} "${label}" can no longer be used to sign in to your account.`,
        alarm,
      ]),
  };
}
