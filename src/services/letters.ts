/** The mails this server writes. Their texts are the message catalogue's, which is not this layer's. */
import type { Account, Credential } from './ports/people.ts';

export interface Letter {
  readonly subject: string;
  readonly text: string;
}

export interface Letters {
  /** `validFor` in seconds. */
  code(account: Account, code: string, validFor: number): Letter;
  factorAdded(account: Account, credential: Credential): Letter;
  factorRemoved(account: Account, credential: Credential): Letter;
  passwordChanged(account: Account): Letter;
  /** What rules of the policy want told, each in its own words. */
  noticed(account: Account, reasons: readonly string[]): Letter;
}
