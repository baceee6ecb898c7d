/** Clients from the database. */

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
