/** Something of the issuer's that is fetched once, kept, refreshed now and then, and outlives an outage. */
import { IssuerUnavailableError } from './errors.ts';
import type { Soon } from './soon.ts';

/** Seconds between two attempts while there is nothing yet; also the `Retry-After` of the answer. */
const RETRY = 2;

export interface Kept<T> {
  /** The value, at once where `peek` has it; a refresh that is due goes on beside. @throws IssuerUnavailableError before the first success. */
  get(): Soon<T>;
  /** The value while no refresh of it is due. Begins nothing. */
  peek(): T | undefined;
  /** Fetches again, unless that was tried within the cool-down. Whether the last attempt succeeded. */
  renew(): Promise<boolean>;
}

export interface KeptOptions<T> {
  readonly load: () => Promise<T>;
  /** Epoch seconds. */
  readonly now: () => number;
  /** Seconds after which the value is refreshed. */
  readonly freshFor: number;
  /** Seconds between two attempts once there is a value. */
  readonly coolDown: number;
}

export function createKept<T>({ load, now, freshFor, coolDown }: KeptOptions<T>): Kept<T> {
  let good: { readonly value: T; readonly at: number } | undefined;
  let tried = Number.NEGATIVE_INFINITY;
  let fault: unknown;
  let pending: Promise<void> | undefined;

  const fetchAgain = async (): Promise<void> => {
    tried = now();
    try {
      good = { value: await load(), at: now() };
      fault = undefined;
    } catch (error) {
      fault = error ?? new Error('unknown');
    } finally {
      pending = undefined;
    }
  };
  const attempt = (): Promise<void> => {
    if (pending && sharesPromises()) return pending;
    pending = fetchAgain();
    return pending;
  };
  const getLater = async (): Promise<T> => {
    if (good) {
      const refreshed = attempt();
      if (!sharesPromises()) await refreshed;
      return good.value;
    }
    if (pending || fault === undefined || now() - tried >= RETRY) await attempt();
    if (good) return (good as { value: T }).value;
    throw new IssuerUnavailableError('the issuer cannot be reached', RETRY, fault);
  };
  const current = () => (good && (now() - good.at < freshFor || now() - tried < coolDown) ? good : undefined);
  return {
    get: () => {
      const found = current();
      return found ? found.value : getLater();
    },
    peek: () => current()?.value,
    renew: async () => {
      if (pending || now() - tried >= coolDown) await attempt();
      return fault === undefined;
    },
  };
}

/** Cloudflare's workers let no request await what another began. */
function sharesPromises(): boolean {
  return globalThis.navigator?.userAgent !== 'Cloudflare-Workers';
}
