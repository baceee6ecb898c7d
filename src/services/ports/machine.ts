/**
 * The machine: clocks, randomness, secrets, mail, transactions, networks.
 *
 * Of all files of this folder: what the services need of the world, interfaces only. `infra` implements them, `app.ts` joins
 * the two. Times are whole epoch seconds. A store method takes the time it needs as a parameter, so that tests can move it
 * and two processes agree. Every store statement runs on the current transaction's handle when there is one.
 */
import type { NetworkFacts } from '../../domain/policy/facts.ts';
import type { Place } from '../../domain/risk/risk.ts';

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
