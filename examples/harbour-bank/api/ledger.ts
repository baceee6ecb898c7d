/** The bank's books, in memory: an account appears when its owner is first seen. */

export interface Movement {
  /** The transfer's id; opening entries have one of their own. */
  readonly id: string;
  /** Epoch seconds. */
  readonly at: number;
  readonly text: string;
  /** Negative: paid out. */
  readonly cents: number;
}

export interface Account {
  readonly balance: number;
  /** Newest first. */
  readonly movements: readonly Movement[];
}

export interface Transfer {
  /** Made by the client; the same id never pays twice. */
  readonly id: string;
  readonly to: string;
  readonly cents: number;
  /** Epoch seconds. */
  readonly at: number;
}

export type Payment =
  | { readonly kind: 'paid' | 'repeated'; readonly transfer: Transfer; readonly balance: number }
  | { readonly kind: 'conflict' | 'insufficient_funds' };

export interface Ledger {
  account(owner: string, now: number): Account;
  /** Idempotent by the owner and `id`; `conflict` when the id was used for another transfer. */
  pay(owner: string, transfer: Transfer): Payment;
}

interface Book {
  balance: number;
  readonly movements: Movement[];
  readonly paid: Map<string, Transfer>;
}

const DAY = 24 * 3600;

export function createLedger(): Ledger {
  const books = new Map<string, Book>();
  const bookOf = (owner: string, now: number): Book => {
    const book = books.get(owner) ?? openBook(now);
    books.set(owner, book);
    return book;
  };
  return {
    account: (owner, now) => {
      const { balance, movements } = bookOf(owner, now);
      return { balance, movements: [...movements].reverse() };
    },
    pay: (owner, transfer) => payFrom(bookOf(owner, transfer.at), transfer),
  };
}

function openBook(now: number): Book {
  const movements: Movement[] = [
    { id: 'opening-1', at: now - 21 * DAY, text: 'Opening balance', cents: 16_000_00 },
    { id: 'opening-2', at: now - 9 * DAY, text: 'Tidewater Chandlery', cents: -84_90 },
    { id: 'opening-3', at: now - 4 * DAY, text: 'Lantern Street Bakery', cents: -6_40 },
    { id: 'opening-4', at: now - 2 * DAY, text: 'Salary, North Quay Works', cents: 2_845_00 },
  ];
  return { balance: movements.reduce((sum, { cents }) => sum + cents, 0), movements, paid: new Map() };
}

function payFrom(book: Book, transfer: Transfer): Payment {
  const { id, to, cents, at } = transfer;
  const earlier = book.paid.get(id);
  if (earlier) {
    const same = earlier.to === to && earlier.cents === cents;
    return same ? { kind: 'repeated', transfer: earlier, balance: book.balance } : { kind: 'conflict' };
  }
  if (cents > book.balance) return { kind: 'insufficient_funds' };
  book.balance -= cents;
  book.paid.set(id, transfer);
  book.movements.push({ id, at, text: `Transfer to ${to}`, cents: -cents });
  return { kind: 'paid', transfer, balance: book.balance };
}
