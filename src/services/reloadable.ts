/** A value made of a text that may change while the process runs: it is replaced whole, or not at all. */
export interface Reloadable<T> {
  /** Undefined: no text so far made a value. */
  current(): T | undefined;
  /** Takes a text, unless it is the one last offered. `name`: what it is called in what is told. */
  offer(text: string, name: string): void;
}

export interface ReloadableParts<T> {
  /** Throws where the text cannot be used. */
  readonly make: (text: string, name: string, current: T | undefined) => T;
  readonly taken: (value: T, name: string) => void;
  /** The text was not taken, and the value before it stays. Throws what is no fault of the text. */
  readonly kept: (error: unknown, name: string) => void;
  readonly first?: { readonly text: string; readonly value: T };
}

export function createReloadable<T>({ make, taken, kept, first }: ReloadableParts<T>): Reloadable<T> {
  let last = first?.text;
  let value = first?.value;
  return {
    current: () => value,
    offer: (text, name) => {
      if (text === last) return;
      last = text;
      try {
        value = make(text, name, value);
      } catch (error) {
        kept(error, name);
        return;
      }
      taken(value, name);
    },
  };
}
