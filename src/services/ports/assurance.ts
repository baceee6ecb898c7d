/** What was proved, for whom and where. */
import type { Proof } from '../../domain/proofs.ts';
import type { Account, Credential } from './people.ts';

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
