/** What may be there already: a decision on what is remembered takes one turn, without a promise. */
export type Soon<T> = T | Promise<T>;

/** `next` of the value: at once where it is there, else when it is. */
export function andThen<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
