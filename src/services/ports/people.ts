/** People, their factors and the browsers they are known in. */
import type { CredentialFacts, Method } from '../../domain/proofs.ts';

export interface Account {
  readonly id: string;
  /** Lower-case. */
  readonly username: string;
  /** Lower-case. */
  readonly email: string | null;
  readonly emailVerifiedAt: number | null;
  readonly name: string | null;
  readonly status: 'active' | 'disabled';
  readonly lastMethod: Method | null;
  /** What an administrator put the account in; policies name them. Each once. */
  readonly groups: readonly string[];
  readonly createdAt: number;
}

export type NewAccount = Pick<
  Account,
  'id' | 'username' | 'email' | 'emailVerifiedAt' | 'name' | 'createdAt'
> &
  Partial<Pick<Account, 'groups'>>;

export interface AccountStore {
  /** Error `account_exists` when the username or address is taken. */
  create(account: NewAccount): Promise<void>;
  byId(id: string): Promise<Account | undefined>;
  /** By username or address, lower-case. */
  byIdentifier(identifier: string): Promise<Account | undefined>;
  setLastMethod(id: string, method: Method, now: number): Promise<void>;
  setStatus(id: string, status: Account['status'], now: number): Promise<void>;
  setGroups(id: string, groups: readonly string[], now: number): Promise<void>;
  /** Holds the account's row until the transaction ends, so that changes of its factors wait for one another. */
  lock(id: string): Promise<void>;
  list(limit: number, after?: string): Promise<Account[]>;
}

export interface CredentialBase {
  readonly id: string;
  readonly accountId: string;
  /** What its person calls it; empty: nothing, and pages and letters name its kind. */
  readonly label: string;
  readonly boundAt: string | null;
  /** How it was bound: `admin`, `email_code`, `admin_code`, `step_up`. */
  readonly boundBy: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

export interface PasswordCredential extends CredentialBase {
  readonly method: 'password';
  /** PHC string. */
  readonly hash: string;
}

export interface TotpCredential extends CredentialBase {
  readonly method: 'totp';
  /** Base64 of the sealed seed; context `totp:<credential id>`. */
  readonly sealedSeed: string;
  /** The last accepted time step, so that a step is accepted once; null before the first. */
  readonly lastStep: number | null;
}

export interface PasskeyCredential extends CredentialBase {
  readonly method: 'passkey';
  /** base64url. */
  readonly webauthnId: string;
  /** COSE key. */
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly aaguid: string;
  readonly userVerifying: boolean;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly attestationFormat: string;
  /** What is needed to judge the attestation again later: certificate chain as base64 DER, verified signature. */
  readonly attestation: { readonly chain: readonly string[]; readonly verified: boolean } | null;
}

export type Credential = PasswordCredential | TotpCredential | PasskeyCredential;

export interface CredentialStore {
  add(credential: Credential): Promise<void>;
  byId(id: string): Promise<Credential | undefined>;
  byAccount(accountId: string): Promise<Credential[]>;
  byWebauthnId(webauthnId: string): Promise<PasskeyCredential | undefined>;
  rename(accountId: string, id: string, label: string): Promise<boolean>;
  /** Deletes the credential, its proofs, and every record (and stored token) on them. One transaction. */
  remove(accountId: string, id: string): Promise<boolean>;
  setPasswordHash(id: string, hash: string): Promise<void>;
  /**
   * Puts a password in the place of another, which goes as in `remove`; but its proofs in the session `keep` become the
   * new one's, with their times. False: the old one is gone already. One transaction.
   */
  replacePassword(old: string, next: PasswordCredential, keep: string): Promise<boolean>;
  /** Accepts a step only if it is later than the last one: one conditional UPDATE, its row count is the answer. */
  takeTotpStep(id: string, step: number, now: number): Promise<boolean>;
  /**
   * Records a passkey's use. One conditional UPDATE: false when `counter` is neither greater than the stored one
   * nor both are zero (a cloned authenticator, WebAuthn 7.2 step 22).
   */
  takePasskeyCounter(id: string, use: PasskeyUse, now: number): Promise<boolean>;
  /** Records a use. False: it is gone. */
  touch(id: string, now: number): Promise<boolean>;
}

export interface PasskeyUse {
  readonly counter: number;
  readonly userVerified: boolean;
  readonly backedUp: boolean;
}

export interface BrowserStore {
  /** Has this account signed in before in the browser with this hash? */
  knows(browserHash: string, accountId: string): Promise<boolean>;
  remember(browserHash: string, accountId: string, now: number): Promise<void>;
  /**
   * Forgets every browser of the account but the one with these keys, also as the device of sign-ins. The rest of those
   * stays.
   */
  forgetAll(accountId: string, except: readonly string[]): Promise<void>;
}

/** Facts for evaluation, as this configuration sees a credential now. */
export type CredentialJudge = (credential: Credential) => CredentialFacts;
