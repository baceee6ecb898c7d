/**
 * What the services need of the world. Interfaces only: `infra` implements them, `app.ts` joins the two.
 *
 * Times are whole epoch seconds. A store method takes the time it needs as a parameter, so that tests can move it
 * and two processes agree. Every store statement runs on the current transaction's handle when there is one.
 */
import type { Checkpoint, Head, StoredEvent } from '../domain/audit-chain.ts';
import type { SealedBefore, SealedEntry } from '../domain/audit-verify.ts';
import type { AuditEvent } from '../domain/events.ts';
import type { DeviceFacts, NetworkFacts, RiskFacts } from '../domain/policy/facts.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { CredentialFacts, Method, Proof } from '../domain/proofs.ts';
import type { Evidence, Failures, Overall, Place, Visit } from '../domain/risk/risk.ts';
import type { BucketState, Limit } from '../domain/throttle.ts';

export interface Clock {
  /** Epoch seconds, corrected by the measured offset from the database's clock. */
  now(): number;
}

export interface Random {
  /** 22 URL-safe characters (128 bits). */
  id(): string;
  /** An id that sorts by creation: UUIDv7, strictly increasing within a process. */
  sortableId(): string;
  /** URL-safe characters carrying `bytes` random bytes. */
  token(bytes: number): string;
  /** Decimal digits, uniformly distributed. */
  digits(length: number): string;
}

/** argon2id. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** `stale`: the hash verified, and was made with other parameters than today's. */
  verify(hash: string, password: string): Promise<{ ok: boolean; stale: boolean }>;
  /** Spends the time of a verification; for identifiers that name nobody. */
  pretend(password: string): Promise<void>;
}

/** AES-256-GCM under the key-encryption key. `context` is bound as associated data: the row's identity. */
export interface Vault {
  seal(plaintext: Uint8Array | string, context: string): Buffer;
  /** Throws when the key id is unknown, or the bytes or the context do not match. */
  open(sealed: Uint8Array, context: string): Buffer;
  /** Keyed hash (HMAC-SHA-256, base64url) for low-entropy values; `purpose` separates uses. */
  mac(value: string, purpose: string): string;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  send(mail: Mail): Promise<void>;
}

export interface Transactions {
  /** Runs `work` in one database transaction; joins the current one if there is one. Rolls back on a throw. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface Located extends NetworkFacts {
  /** Null: no database at hand knows coordinates. */
  readonly place: Place | null;
}

export interface NetworkLookup {
  /** Of a textual address. What is not known says so ('', 0, null); never throws. */
  of(address: string): Located;
}

// People ---------------------------------------------------------------------------------------------------

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

// Attempts -------------------------------------------------------------------------------------------------

export interface ThrottleStore {
  /**
   * Counts one attempt if the bucket is open: one conditional upsert, committed on its own, never inside a
   * transaction. Returns the state after counting, or the refusing state with `open: false`.
   */
  take(bucket: string, limit: Limit, now: number): Promise<BucketState>;
  /** Takes back a counted attempt that succeeded: `in_window` one less, `consecutive` zero. */
  succeed(bucket: string, now: number): Promise<void>;
  /** Sets `consecutive` to zero in every bucket whose name begins with `prefix`. */
  reopen(prefix: string): Promise<void>;
}

// Sign-ins ---------------------------------------------------------------------------------------------------

export interface SignInQuery {
  readonly accountId: string;
  /** Keys, '' where unknown. */
  readonly address: string;
  readonly network: string;
  /** Of the request, or ''. */
  readonly session: string;
  readonly failuresSince: number;
  readonly most: { readonly visits: number; readonly failures: number };
}

export interface SignInFacts {
  /** The newest first. */
  readonly history: readonly Visit[];
  /** The newest visit of the session of the query, vouched for or not. */
  readonly proved: Visit | null;
  readonly lastSignInAt: number | null;
  readonly failures: Failures;
}

export interface SignInStore {
  /** Undefined: there is no such account. One statement. */
  load(query: SignInQuery): Promise<SignInFacts | undefined>;
  /**
   * Keeps a visit, and the account's last sign-in is this one; the oldest beyond `most` go, of those vouched for and of the
   * others each, so that no number of visits by somebody else displaces the person's own. One statement.
   */
  add(signIn: {
    readonly id: string;
    readonly accountId: string;
    readonly visit: Visit;
    /** See domain/risk/vouched. */
    readonly vouched: boolean;
    readonly most: number;
  }): Promise<void>;
  addFailure(failure: {
    readonly id: string;
    readonly at: number;
    readonly accountId: string | null;
    readonly address: string;
    readonly network: string;
  }): Promise<void>;
  /** Counts the newest `signIns` of everybody, and returns the most frequent `values` of each feature. */
  overall(query: { readonly signIns: number; readonly values: number }): Promise<Overall>;
}

// Assurance ------------------------------------------------------------------------------------------------

/** State of one authentication transaction (an interaction's `cid`). */
export interface AuthTransaction {
  readonly id: string;
  readonly clientId: string;
  /** The session in which it began, if any: what is proved in it is then a step-up. */
  readonly sessionUid: string | null;
  readonly accountId: string | null;
  /** The subject may not change: a session, id_token_hint or `sub` named it. Without an account: it is nobody here. */
  readonly pinned: boolean;
  /** What the person typed as username or address. */
  readonly identifier: string | null;
  /** Small facts of the flow, such as which factor is being enrolled. */
  readonly state: Readonly<Record<string, unknown>>;
  readonly rounds: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface AuthTransactionStore {
  /** Creates it unless it exists, and returns what is stored. */
  open(
    begin: Pick<
      AuthTransaction,
      'id' | 'clientId' | 'sessionUid' | 'accountId' | 'pinned' | 'createdAt' | 'expiresAt'
    >,
  ): Promise<AuthTransaction>;
  byId(id: string, now: number): Promise<AuthTransaction | undefined>;
  setIdentifier(id: string, identifier: string | null): Promise<void>;
  /** Sets members of the state; others stay. */
  setState(id: string, state: Readonly<Record<string, unknown>>): Promise<void>;
  /** Gives the state a member unless it has it, and returns the one it has: of two requests one is first. */
  keep(id: string, member: string, value: unknown): Promise<unknown>;
  /** Takes a member from the state of the account's transactions, but those that are being written to: it waits for none. */
  dropState(accountId: string, member: string): Promise<void>;
  /** Binds the account unless another is bound: one conditional UPDATE. False: it belongs to somebody else. */
  bindAccount(id: string, accountId: string): Promise<boolean>;
  /** Puts it in the session that is there by now, unless it is in one or another account's: one conditional UPDATE. */
  joinSession(id: string, session: { sessionUid: string; accountId: string }): Promise<boolean>;
  /** Lets go of an account that nothing pins and no proof was made for ("not you?"). */
  release(id: string): Promise<boolean>;
  /** Counts a resume that was not satisfied; returns the count. */
  countRound(id: string): Promise<number>;
  end(id: string, now: number): Promise<void>;
}

export interface NewProof extends Proof {
  readonly accountId: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ProofStore {
  /** Stages a proof on its transaction. */
  add(proof: NewProof): Promise<void>;
  ofTransaction(transaction: string, now: number): Promise<(Proof & { accountId: string })[]>;
  ofSession(sessionUid: string, now: number): Promise<Proof[]>;
  /** Gives a transaction's staged proofs to the session; `forClient` is set when it was a step-up. */
  promote(transaction: string, sessionUid: string, forClient: string | null): Promise<number>;
  discard(transaction: string): Promise<void>;
}

export interface AssuranceRecord {
  readonly id: string;
  readonly accountId: string;
  readonly sessionUid: string | null;
  readonly clientId: string;
  readonly transactionId: string | null;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: number;
  /** Rests on proofs added by a step-up: "end elevated access" deletes it. */
  readonly elevated: boolean;
  readonly proofIds: readonly string[];
  readonly credentialIds: readonly string[];
  /** The evidence as it was. */
  readonly proofs: readonly Proof[];
  readonly requirement: unknown;
  readonly configVersion: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface RecordStore {
  add(record: AssuranceRecord): Promise<void>;
  byId(id: string): Promise<AssuranceRecord | undefined>;
  /** Keeps a record at least as long as a token that refers to it. */
  extend(id: string, expiresAt: number): Promise<void>;
  /** Ends a chain: deletes the record and, by cascade, every code and stored token on it. */
  revoke(id: string): Promise<boolean>;
  /**
   * "End elevated access": locks the session, deletes its step-up proofs, staged ones too, and every elevated record, and
   * forgets what was last issued on them. Returns how many proofs and records there were.
   */
  endElevation(sessionUid: string): Promise<number>;
}

// Sessions -------------------------------------------------------------------------------------------------

export interface SessionSummary {
  readonly uid: string;
  readonly accountId: string;
  readonly userAgent: string | null;
  readonly address: string | null;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

export interface SessionStore {
  byAccount(accountId: string, now: number): Promise<SessionSummary[]>;
  /** acr → last active, for levels with `idle`. */
  idle(uid: string): Promise<Readonly<Record<string, number>>>;
  setIdle(uid: string, idle: Readonly<Record<string, number>>): Promise<void>;
  /** Ends a session: its row, proofs, records and stored tokens. */
  end(uid: string, accountId: string): Promise<boolean>;
  /** Ends every session of an account but `except`; offline tokens too. */
  endAll(accountId: string, except?: string): Promise<number>;
}

/** Everything evaluation needs to know of a person in a session, a transaction and a client: one read. */
export interface AssuranceFacts {
  readonly account: Account;
  readonly credentials: readonly Credential[];
  /** The session's and the transaction's, each once. */
  readonly proofs: readonly Proof[];
  readonly lastAcr: string | null;
  readonly lastActive: Readonly<Record<string, number>>;
  /** Epoch seconds at which the session began; null without one. */
  readonly sessionSince: number | null;
}

export interface AssuranceQuery {
  readonly accountId: string;
  readonly sessionUid: string | null;
  readonly transactionId: string | null;
  readonly clientId: string;
  readonly now: number;
}

export interface AssuranceFactsStore {
  /** Undefined: there is no such account. Only proofs of this account are returned. */
  load(query: AssuranceQuery): Promise<AssuranceFacts | undefined>;
}

// Ceremonies -----------------------------------------------------------------------------------------------

/** An emailed or an administrator's code, a WebAuthn challenge or a pending TOTP seed: bound to its owner, usable once. */
export interface Ceremony {
  readonly id: string;
  readonly purpose: string;
  /** `tx:<transaction id>` or `session:<uid>`; of an administrator's code `account:<id>`. */
  readonly owner: string;
  readonly accountId: string | null;
  readonly secret: string;
  readonly tries: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface CeremonyStore {
  /** Replaces an earlier one of the same owner and purpose. */
  begin(ceremony: Omit<Ceremony, 'tries'>): Promise<void>;
  /** The live one, without using it up. */
  peek(owner: string, purpose: string, now: number): Promise<Ceremony | undefined>;
  /** Counts a try, committed on its own; undefined when it is gone, expired, used, or `most` tries were had. */
  tryOnce(owner: string, purpose: string, most: number, now: number): Promise<Ceremony | undefined>;
  /** Uses it up: one conditional UPDATE. False: somebody else was first. */
  consume(id: string, now: number): Promise<boolean>;
}

// Clients, audit -------------------------------------------------------------------------------------------

export interface StoredClient {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** SHA-256 (base64url) of the generated, high-entropy secret. */
  readonly secretHash: string | null;
}

export interface ClientStore {
  byId(id: string): Promise<StoredClient | undefined>;
  put(client: StoredClient, now: number): Promise<void>;
  /** Its records, codes, tokens and grants go with it. One transaction. */
  remove(id: string): Promise<boolean>;
  list(): Promise<StoredClient[]>;
}

/** Versions of the policy; one at most is in force. */
export interface PolicyVersion {
  /** From 1, one more for each. */
  readonly id: number;
  readonly note: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly active: boolean;
}

export interface PolicyStore {
  /** The version in force, unless it is the known one; 0: none is known. */
  newer(known: number): Promise<{ readonly id: number; readonly text: string } | undefined>;
  /** Puts a new version in force; returns its id. */
  add(
    version: Pick<PolicyVersion, 'note' | 'createdAt' | 'createdBy'> & { readonly text: string },
  ): Promise<number>;
  /** Puts a version in force again; false when there is none. */
  activate(id: number): Promise<boolean>;
  byId(id: number): Promise<{ readonly id: number; readonly text: string } | undefined>;
  /** The hash of its text in the newest event that put it in force; undefined: none says. */
  recordedHash(id: number): Promise<string | undefined>;
  /** The latest first. */
  list(): Promise<PolicyVersion[]>;
}

/** The policy in force: asked at every decision, as it may change at any time. */
export interface PolicySource {
  /** An empty one where none is configured. Error `policy_unavailable` where the one there is cannot be loaded. */
  current(): Policy;
}

export interface AuditStore {
  /** Written in the transaction it describes. */
  append(event: AuditEvent): Promise<void>;
}

// Policy and risk -----------------------------------------------------------------------------------------

/** The browser or program that sends the request. */
export interface Device {
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  /** `Sec-CH-UA`, `-Mobile` and `-Platform`, where the browser sends them. */
  readonly hints?: { readonly brands: string; readonly mobile: string; readonly platform: string };
  readonly address: string | null;
  /** `id.secret` of each remembered device whose cookie came; see services/remembered-devices. */
  readonly remembered: readonly string[];
}

/** Where a token was issued or last used: enough to tell another place and another program, and no more. */
export type TokenOrigin = Pick<Visit, 'address' | 'network' | 'asn' | 'country' | 'agent'>;

/** What was found out about the device and the risk of a sign-in. */
export interface Assessed {
  readonly device: Pick<DeviceFacts, 'known' | 'remembered'>;
  readonly risk: RiskFacts;
  /** What spoke, for the audit. */
  readonly evidence: readonly Evidence[];
  /** Keys of where it was last judged from. Absent: nothing was. */
  readonly place?: Pick<Visit, 'network' | 'device'>;
  /** It was judged from another place before. */
  readonly moved?: boolean;
}

/** A browser that a person asked to be remembered; see services/remembered-devices. Hashes are SHA-256, base64url. */
export interface RememberedDevice {
  readonly id: string;
  readonly accountId: string;
  readonly secretHash: string;
  readonly previousHash: string | null;
  readonly rotatedAt: number;
  /** Of the browser's cookie at the last use; null: not known. */
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

export interface RememberedDeviceStore {
  add(
    device: Pick<
      RememberedDevice,
      'id' | 'accountId' | 'secretHash' | 'browserHash' | 'userAgent' | 'createdAt' | 'expiresAt'
    >,
  ): Promise<void>;
  byIds(accountId: string, ids: readonly string[], now: number): Promise<RememberedDevice[]>;
  byAccount(accountId: string, now: number): Promise<RememberedDevice[]>;
  /** Replaces the secret: one conditional UPDATE. False: another request has replaced it. */
  rotate(renewed: RenewedDevice): Promise<boolean>;
  remove(accountId: string, id: string): Promise<boolean>;
  /** All but those of the browser with these keys; one whose browser is not known goes. */
  removeAll(accountId: string, except: readonly string[]): Promise<void>;
}

export interface RenewedDevice {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  readonly now: number;
  readonly expiresAt: number;
}

/** A checkpoint as it is stored, and the seal it follows. */
export interface StoredCheckpoint {
  readonly seq: number;
  readonly jws: string;
}

export type TrailItem =
  | ({ readonly kind: 'entry' } & SealedEntry)
  | ({ readonly kind: 'checkpoint' } & StoredCheckpoint);

export type { SealedBefore };

/** Reading the sealed audit, a page at a time. */
export interface AuditTrail {
  /** Every seal after `after`, in order, with its event where it is still there; each checkpoint after its seal. */
  read(after: number): AsyncIterable<TrailItem>;
  /** Events without a seal, in no order. */
  unsealed(): AsyncIterable<Pick<StoredEvent, 'id' | 'at' | 'xid'>>;
  sealedBefore(): Promise<SealedBefore>;
  newest(): Promise<StoredCheckpoint | undefined>;
  /** The last seal before anything that was sealed at `time` or later; the empty chain when there is none. */
  before(time: number): Promise<Head>;
}

/** The audit's own keys. */
export interface CheckpointKeys {
  /** A compact JWS. */
  sign(checkpoint: Checkpoint): Promise<string>;
  /** Undefined: none of the keys made it, or it is no checkpoint. */
  verify(jws: string): Promise<Checkpoint | undefined>;
}

/** Facts for evaluation, as this configuration sees a credential now. */
export type CredentialJudge = (credential: Credential) => CredentialFacts;
