/** Sessions of browsers. */

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
