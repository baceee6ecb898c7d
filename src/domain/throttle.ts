/**
 * Throttling: what is counted together, and what a success gives back. Counted before verifying (services/attempt),
 * in the database, so that every process shares the counts.
 *
 * A factor of an account has one bucket for each browser that signed in before and one for all strangers: a flood
 * by strangers closes that factor to strangers and to nobody else.
 */
import type { Method } from './proofs.ts';

export interface Limit {
  /** Attempts allowed in a window. */
  readonly attempts: number;
  /** Seconds; a window begins with its first attempt. */
  readonly window: number;
  /** Consecutive failures after which the bucket stays closed until reopened; undefined: never. */
  readonly consecutive?: number | undefined;
}

export interface BucketState {
  readonly open: boolean;
  readonly inWindow: number;
  readonly consecutive: number;
  /** Seconds until the window ends; absent when only reopening helps, or when open. */
  readonly retryAfter?: number;
}

/** Whose attempts at which factor. `owner` and `browser` are opaque ids without a colon. */
export interface FactorBucket {
  /** The account, or a keyed hash of what was typed as one. */
  readonly owner: string;
  /** The browser's hash if it is known for this factor; null: a stranger. */
  readonly browser: string | null;
  readonly method: Method;
}

/** Name of the bucket that counts a factor's attempts. */
export function factorBucket({ owner, method, browser }: FactorBucket): string {
  return `${factorPrefix(owner, method)}${browser === null ? 'strangers' : `browser.${browser}`}`;
}

/** What the names of all buckets of one owner's factor begin with. */
export function factorPrefix(owner: string, method: Method): string {
  return `factor:${owner}:${method}:`;
}

/** Name of the bucket that counts every attempt from a network. */
export function addressBucket(address: string): string {
  return `address:${networkOf(address)}`;
}

/** Name of the bucket that counts codes sent to an account. */
export function emailBucket(accountId: string): string {
  return `email:${accountId}`;
}

/** Name of the bucket that counts codes an administrator asks for, for an account. */
export function adminCodeBucket(accountId: string): string {
  return `admin-code:${accountId}`;
}

/** Name of the bucket that counts what an account is told by a rule of the policy. */
export function noticeBucket(accountId: string, rule: string): string {
  return `notice:${accountId}:${rule}`;
}

/** The largest count a bucket can hold (a 32-bit column). */
const UNLIMITED = 2_147_483_647;

/** A limit on failures in a row alone, for a bucket whose rate is limited elsewhere. */
export function consecutiveOnly(limit: Limit): Limit {
  return { ...limit, attempts: UNLIMITED };
}

/** Whether the attempt just counted was the last one its bucket had to give. */
export function isFilled(state: BucketState, limit: Limit): boolean {
  return (
    state.inWindow >= limit.attempts ||
    (limit.consecutive !== undefined && state.consecutive >= limit.consecutive)
  );
}

/**
 * What a browser must have shown for this account before to be known for a factor. A password shown once does not
 * make a browser known for the second factor: with a stolen password every new browser would buy new guesses.
 */
export type Familiarity = 'any' | 'possession';

/** What makes a browser known for attempts with `method`. Codes that are sent or given have a limit of their own: how many. */
export function familiarityFor(method: Method): Familiarity {
  return method === 'totp' ? 'possession' : 'any';
}

/** What a success with `method` makes a browser known for. */
export function familiarityFrom(method: Method): readonly Familiarity[] {
  return method === 'totp' || method === 'passkey' ? ['any', 'possession'] : ['any'];
}

const counted: readonly Method[] = ['password', 'totp', 'passkey', 'email', 'admin_code'];

/**
 * The factors that a success reopens after too many failures in a row. A factor that cannot be guessed reopens all of
 * them; a known browser those for which it is known. A password alone reopens nothing beyond itself: whoever guesses
 * at the second factor has it.
 */
export function reopenedBy(method: Method, known: readonly Familiarity[]): readonly Method[] {
  if (method === 'totp' || method === 'passkey') return counted;
  return counted.filter((each) => known.includes(familiarityFor(each)));
}

/** The network an address is counted as: an IPv6 /64 (one household), else the address itself. */
export function networkOf(address: string): string {
  const text = (address.split('%')[0] ?? '').toLowerCase();
  if (!text.includes(':')) return text.slice(0, 64);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  return `${ipv6Groups(text).slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function ipv6Groups(text: string): readonly string[] {
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: gap }, () => '0'), ...right];
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':').map((group) => group.replace(/^0+(?=.)/, '').slice(0, 15));
}
