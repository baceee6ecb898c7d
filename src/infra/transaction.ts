/** One database transaction: it begins with its first statement and runs its statements one after another. */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import { databaseError } from './database-errors.ts';

export interface Transaction {
  /** Takes a connection, once. */
  readonly connect: () => Promise<pg.PoolClient>;
  client: pg.PoolClient | undefined;
  begun: boolean;
  /** Statements of one transaction run one after another, also when they are sent in parallel. */
  last: Promise<unknown>;
  open: boolean;
}

export type Current = AsyncLocalStorage<Transaction | undefined>;
export type Connect = pg.Pool['connect'];

/** The transaction's connection, with BEGIN sent. */
export async function begun(transaction: Transaction): Promise<pg.PoolClient> {
  const client = await transaction.connect();
  if (!transaction.begun) {
    transaction.begun = true;
    await client.query('BEGIN');
  }
  return client;
}

/** Waits for the statements sent before. Throws when the transaction has ended. */
export async function inTurn<T>(transaction: Transaction, run: () => Promise<T>): Promise<T> {
  if (!transaction.open) throw new Error('a statement was sent after its transaction had ended');
  const turn = transaction.last.then(run);
  transaction.last = turn.catch(() => undefined);
  return turn;
}

/** Runs `work` in a new transaction and ends it: COMMIT, or ROLLBACK when it throws. */
export async function runTransaction<T>(
  connect: Connect,
  current: Current,
  work: () => Promise<T>,
): Promise<T> {
  const transaction = newTransaction(connect);
  let broken = true;
  try {
    const result = await current.run(transaction, work);
    await end(transaction, 'COMMIT');
    broken = false;
    return result;
  } catch (error) {
    broken = !(await rolledBack(transaction));
    throw databaseError(error);
  } finally {
    transaction.client?.off('error', ignore);
    transaction.client?.release(broken);
  }
}

/** A connection lost between two statements is reported to it; the next statement fails with it. */
function ignore(): void {}

function newTransaction(connect: Connect): Transaction {
  const transaction: Transaction = {
    connect: async () => {
      transaction.client ??= (await connect()).on('error', ignore);
      return transaction.client;
    },
    client: undefined,
    begun: false,
    last: Promise.resolve(),
    open: true,
  };
  return transaction;
}

async function end(transaction: Transaction, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  transaction.open = false;
  await transaction.last;
  if (!transaction.begun || !transaction.client) return;
  const { command } = await transaction.client.query(how);
  // After a failed statement whose error was swallowed, PostgreSQL answers COMMIT with a rollback.
  if (command !== how) throw new Error('a transaction was rolled back: one of its statements had failed');
}

async function rolledBack(transaction: Transaction): Promise<boolean> {
  return end(transaction, 'ROLLBACK').then(
    () => true,
    () => false,
  );
}
