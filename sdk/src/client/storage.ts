/** Where tokens and unanswered requests are kept: an argument, because only the application knows who may read it. */

type Later<T> = T | Promise<T>;

export interface ClientStorage {
  get(key: string): Later<string | undefined>;
  set(key: string, value: string): Later<void>;
  /** Reads and removes: of two at the same time, one gets it. */
  take(key: string): Later<string | undefined>;
}

/** In memory, the latest `most` values. */
export function memoryStorage(most = 50): ClientStorage {
  const values = new Map<string, string>();
  const set = (key: string, value: string): void => {
    values.delete(key);
    values.set(key, value);
    const oldest = values.keys().next().value;
    if (values.size > most && oldest !== undefined) values.delete(oldest);
  };
  return {
    get: (key) => {
      const value = values.get(key);
      // What is used stays: abandoned requests never push the tokens out.
      if (value !== undefined) set(key, value);
      return value;
    },
    set,
    take: (key) => {
      const value = values.get(key);
      values.delete(key);
      return value;
    },
  };
}

/** What sessionStorage and its like have. */
export interface WebStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** In `sessionStorage`: survives a redirect, ends with the tab, and is open to every script of the origin. */
export function webStorage(storage: WebStorage, prefix = 'stile:'): ClientStorage {
  return {
    get: (key) => storage.getItem(prefix + key) ?? undefined,
    set: (key, value) => storage.setItem(prefix + key, value),
    take: (key) => {
      const value = storage.getItem(prefix + key) ?? undefined;
      storage.removeItem(prefix + key);
      return value;
    },
  };
}
