/**
 * One authentication transaction may leave several decisions: it was asked for more, and once more, and granted at last. Counted is
 * the last of them, so that a person prompted once is prompted once.
 */
/** Seconds after which a transaction has ended, and most that are kept open: what a later one says is then counted again. */
const OPEN_FOR = 3600;
const MOST_OPEN = 20_000;

export interface OfTransaction {
  /** A refresh is by itself. */
  readonly kind: string;
  readonly transaction: string;
  /** Epoch seconds. */
  readonly at: number;
  /** The authorization itself: nothing follows. */
  readonly last: boolean;
}

export interface Transactions<T> {
  /** In order of time. */
  add(item: T): void;
  /** Counts what is open still. */
  end(): void;
}

export function foldTransactions<T extends OfTransaction>(
  count: (item: T) => void,
  mostOpen: number = MOST_OPEN,
): Transactions<T> {
  const open = new Map<string, T>();
  const close = (item: T): void => {
    open.delete(item.transaction);
    count(item);
  };
  return {
    add: (item) => {
      if (item.kind === 'refresh') {
        count(item);
        return;
      }
      if (open.size > 0) open.delete(item.transaction);
      if (item.last) {
        count(item);
        return;
      }
      open.set(item.transaction, item);
      for (const oldest of open.values()) {
        if (open.size <= mostOpen && item.at - oldest.at <= OPEN_FOR) break;
        close(oldest);
      }
    },
    end: () => {
      for (const item of [...open.values()]) close(item);
    },
  };
}
