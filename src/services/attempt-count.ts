/** Whose attempt it is and how it is counted. */
import { StileError } from '../domain/errors.ts';
import type { Method } from '../domain/proofs.ts';
import {
  addressBucket,
  consecutiveOnly,
  type Familiarity,
  factorBucket,
  familiarityFor,
  isFilled,
  type Limit,
} from '../domain/throttle.ts';
import type { AttemptContext, AttemptDeps } from './attempt.ts';
import { record } from './audit.ts';
import { identifierOwner, normaliseIdentifier } from './identifier.ts';
import type { Account } from './ports/people.ts';

/** Whom an attempt claims to be. */
export interface Claim {
  readonly method: Method;
  /** Undefined: nobody has that name, or a passkey is yet to say who it is. */
  readonly account: Account | undefined;
  /** Whose bucket it is counted in; null: only the network's. */
  readonly owner: string | null;
  /** This browser signed in to the account before, well enough for this factor. */
  readonly known: boolean;
}

export interface Count {
  /** Buckets counted in; a success is taken back from them in this order. */
  readonly buckets: readonly string[];
  /** The account had its most failures in a row under another of its names: answer as to a wrong secret. */
  readonly shut: boolean;
}

/** The browser's key for what it is known for. */
export function familiarKey(browserHash: string, familiarity: Familiarity): string {
  return familiarity === 'any' ? browserHash : `${browserHash}.${familiarity}`;
}

/** Every key of a browser. */
export function familiarKeys(browserHash: string): readonly string[] {
  return [familiarKey(browserHash, 'any'), familiarKey(browserHash, 'possession')];
}

/** The same statements run for names of nobody, so that neither answer nor time tells them apart. */
export async function claimOf(deps: AttemptDeps, context: AttemptContext, method: Method): Promise<Claim> {
  const account = await claimedAccount(deps, context);
  const owner = ownerOf(deps, context, { method, account });
  const { browserHash } = context;
  const key = browserHash === null ? null : familiarKey(browserHash, familiarityFor(method));
  const known = key !== null && owner !== null && (await deps.browsers.knows(key, account?.id ?? owner));
  return { method, account, owner, known };
}

async function claimedAccount(deps: AttemptDeps, context: AttemptContext): Promise<Account | undefined> {
  if (context.accountId !== null) return deps.accounts.byId(context.accountId);
  if (context.identifier === null) return undefined;
  return deps.accounts.byIdentifier(normaliseIdentifier(context.identifier));
}

/**
 * A password is counted by name, whatever else is known: the account's own once it is bound, else what was typed.
 * A passkey cannot be guessed, and says itself whose it is.
 */
function ownerOf(
  deps: AttemptDeps,
  context: AttemptContext,
  { method, account }: Pick<Claim, 'method' | 'account'>,
): string | null {
  if (method !== 'password') return context.accountId;
  const name = context.accountId === null ? context.identifier : (account?.username ?? context.accountId);
  if (name === null) throw new StileError('bad_request', { detail: 'a password without a name' });
  return identifierOwner(deps.vault, name);
}

/** Counts in every bucket that applies, each count committed on its own. Throws `too_many_attempts`. */
export async function count(deps: AttemptDeps, context: AttemptContext, claim: Claim): Promise<Count> {
  const { account: limit, address: addressLimit } = deps.settings.throttle;
  const address = addressBucket(context.address);
  await take(deps, context, { bucket: address, limit: addressLimit, claim });
  if (claim.owner === null) return { buckets: [address], shut: false };
  const browser = claim.known ? context.browserHash : null;
  const own = factorBucket({ owner: claim.owner, browser, method: claim.method });
  await take(deps, context, { bucket: own, limit, claim });
  if (claim.method !== 'password' || claim.known) return { buckets: [own, address], shut: false };
  // All names of an account together: no more failures in a row than one name may have.
  const all = factorBucket({
    owner: allNames(claim.account?.id ?? claim.owner),
    browser: null,
    method: claim.method,
  });
  const { open } = await deps.throttle.take(all, consecutiveOnly(limit), deps.clock.now());
  return { buckets: [all, own, address], shut: !open };
}

/** The owner of the bucket that counts all of an account's names together. */
function allNames(account: string): string {
  return `all.${account}`;
}

/** Every owner under which an account's attempts with a method may be counted. */
export function ownersOf(
  deps: Pick<AttemptDeps, 'vault'>,
  { id, username, email }: Account,
  method: Method,
): readonly string[] {
  if (method !== 'password') return [id];
  const names = [username, email].flatMap((name) => name ?? []);
  return [allNames(id), ...names.map((name) => identifierOwner(deps.vault, name))];
}

/** What this browser is known for with an account. */
export async function familiarities(
  deps: Pick<AttemptDeps, 'browsers'>,
  { browserHash }: Pick<AttemptContext, 'browserHash'>,
  accountId: string,
): Promise<readonly Familiarity[]> {
  if (browserHash === null) return [];
  const possession = await deps.browsers.knows(familiarKey(browserHash, 'possession'), accountId);
  return possession ? ['any', 'possession'] : ['any'];
}

interface Taking {
  readonly bucket: string;
  readonly limit: Limit;
  readonly claim: Claim;
}

async function take(
  deps: AttemptDeps,
  context: AttemptContext,
  { bucket, limit, claim }: Taking,
): Promise<void> {
  const state = await deps.throttle.take(bucket, limit, deps.clock.now());
  if (!state.open) {
    throw new StileError(
      'too_many_attempts',
      state.retryAfter === undefined ? {} : { retryAfter: state.retryAfter },
    );
  }
  // Once for each time a bucket is filled, not for each request it then turns away.
  if (isFilled(state, limit)) await auditFilled(deps, context, { bucket, limit, claim });
}

async function auditFilled(
  deps: AttemptDeps,
  context: AttemptContext,
  { bucket, claim }: Taking,
): Promise<void> {
  const { clientId, sessionUid, correlationId } = context;
  await record(deps, {
    type: 'throttled',
    outcome: 'denied',
    accountId: claim.account?.id ?? null,
    clientId,
    sessionUid,
    correlationId,
    data: {
      method: claim.method,
      bucket: bucket.startsWith('address:') ? 'address' : 'account',
      known: claim.known,
    },
  });
}
