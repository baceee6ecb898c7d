/**
 * Time, chance and argon2id: the only file of the server that reads a clock or makes randomness.
 */
import { createHash, randomBytes, randomFillSync, randomInt, randomUUID } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import type { Clock, PasswordHasher, Random } from '../services/ports/machine.ts';
import { inTurns } from './turns.ts';

/** A clock that can be corrected by its measured offset from the database's. */
export interface SystemClock extends Clock {
  /** Epoch milliseconds, corrected; for logs and measurements, never for protocol times. */
  milliseconds(): number;
  /** The process's own, in epoch milliseconds. */
  uncorrected(): number;
  /** Milliseconds to add to the process's clock. */
  correct(offset: number): void;
}

/** The process's clock. `read` returns epoch milliseconds. */
export function createClock(read: () => number = () => Date.now()): SystemClock {
  let offset = 0;
  const milliseconds = () => read() + offset;
  return {
    now: () => Math.floor(milliseconds() / 1000),
    milliseconds,
    uncorrected: () => read(),
    correct: (value) => {
      offset = value;
    },
  };
}

/**
 * Measures how far the process's clock is behind another one, in milliseconds, assuming that the answer was made
 * half-way between question and reply. `ask` returns the other clock's epoch milliseconds.
 */
export async function measureOffset(
  ask: () => Promise<number>,
  read: () => number = () => Date.now(),
): Promise<number> {
  const before = read();
  const theirs = await ask();
  const after = read();
  return Math.round(theirs - (before + after) / 2);
}

/** Milliseconds of a steady clock, for measuring. */
export function elapsed(): number {
  return performance.now();
}

/** Random bytes from the system's generator. */
export function randomOctets(length: number): Buffer {
  return randomBytes(length);
}

/** Bytes that are fetched from the system at once: asking for sixteen costs as much as for thousands. */
const POOL = 4096;

/** Random bytes cut from a pool; none is given twice, and the pool keeps none it has given. */
export function createPool(fill: (pool: Buffer) => Buffer = randomFillSync): (length: number) => Buffer {
  const pool = Buffer.alloc(POOL);
  let used = POOL;
  return (length) => {
    if (length > POOL / 8) return randomBytes(length);
    if (used + length > POOL) {
      fill(pool);
      used = 0;
    }
    const cut = Buffer.from(pool.subarray(used, used + length));
    pool.fill(0, used, used + length);
    used += length;
    return cut;
  };
}

/** Ids and tokens from the system's generator. `read` returns epoch milliseconds, for sortable ids. */
export function createRandom(read: () => number = () => Date.now()): Random {
  const octets = createPool();
  return {
    id: () => octets(16).toString('base64url'),
    sortableId: createSortableId(read),
    token: (bytes) => octets(bytes).toString('base64url'),
    digits: (length) => Array.from({ length }, () => randomInt(10)).join(''),
  };
}

/**
 * UUIDv7 (RFC 9562 5.7 with the counter of 6.2 method 1): 48 bits of milliseconds, 12 bits of counter, 62 random
 * bits. Strictly increasing within a process, also when the clock stands still or steps back.
 */
function createSortableId(read: () => number): () => string {
  let last = 0;
  let counter = 0;
  return () => {
    const now = read();
    if (now > last) {
      last = now;
      counter = randomInt(0x800);
    } else if (++counter > 0xfff) {
      last += 1;
      counter = 0;
    }
    const time = last.toString(16).padStart(12, '0');
    // The last two groups of a random UUID: variant and 62 random bits.
    const tail = randomUUID().slice(19);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail}`;
  };
}

/** argon2id cost. */
export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** Of the process's four threads for such work one is left for what everybody needs: signing tokens, looking up names. */
const hashing = { running: 3, waiting: 100 };

/**
 * Hashes passwords with argon2id into PHC strings, a few at a time. A stored string that is not one makes `verify` throw;
 * error `unavailable` when too many wait.
 */
export function createPasswordHasher(parameters: Argon2Parameters): PasswordHasher {
  const { memoryKiB, iterations, parallelism } = parameters;
  const options = { memoryCost: memoryKiB, timeCost: iterations, parallelism };
  const prefix = `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=${parallelism}$`;
  const nobody = prefix + nobodysHash();
  const turn = inTurns(hashing);
  return {
    hash: (password) => turn(() => argon2Hash(password, options)),
    verify: async (hash, password) => {
      const ok = await turn(() => argon2Verify(hash, password));
      return { ok, stale: ok && !hash.startsWith(prefix) };
    },
    pretend: async (password) => {
      await turn(() => argon2Verify(nobody, password));
    },
  };
}

/** Salt and tag of a hash that no known password has, in PHC base64. */
function nobodysHash(): string {
  const tag = createHash('sha256').update('nobody').digest();
  const phc = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `${phc(tag.subarray(0, 16))}$${phc(tag)}`;
}
