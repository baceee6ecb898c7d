/**
 * The database: one `pg` code path for PostgreSQL and for the embedded PGlite.
 *
 * A transaction is carried by the asynchronous context. Inside it every statement goes to the transaction's
 * connection, and any other use of the pool is a programming error and throws: it would escape the transaction, and
 * with one connection it would wait for ever.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { databaseError } from './database-errors.ts';
import { acquireFolder } from './folder-lock.ts';
import { createPglite } from './pglite.ts';
import { begun, type Connect, type Current, inTurn, runTransaction } from './transaction.ts';

export type Row = pg.QueryResultRow;
export type QueryResult<R extends Row = Row> = pg.QueryResult<R>;

export interface Database {
  readonly kind: 'postgres' | 'embedded';
  /** For Prisma's adapter. Throws when used inside a transaction. */
  readonly pool: pg.Pool;
  /**
   * Runs one statement on the current transaction's connection, else on the pool. int8 arrives as a number. With a
   * `name` the statement is prepared once for each connection. Error `unavailable` when the database is away.
   */
  query<R extends Row = Row>(
    text: string,
    values?: readonly unknown[],
    name?: string,
  ): Promise<QueryResult<R>>;
  /**
   * Runs `work` in one transaction; joins the current one. Rolls back on a throw. It begins, and takes a connection,
   * with its first statement.
   */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** The last statement of a transaction: where it is the first one, too, PostgreSQL's own transaction will do. */
  last(text: string, values: readonly unknown[], name: string): Promise<QueryResult>;
  inTransaction(): boolean;
  /** In a transaction that has sent its first statement. */
  hasBegun(): boolean;
  close(): Promise<void>;
}

export interface DatabaseLog {
  warn(facts: object, message: string): void;
}

/** PostgreSQL by `url`, or the embedded database in `directory`, locked for this process. */
export type DatabaseLocation = { readonly url: string } | { readonly directory: string };

export interface DatabaseOptions {
  readonly log: DatabaseLog;
  /** Connections at most; the embedded database has one. */
  readonly connections?: number;
  /** Milliseconds for a statement; 0: as long as it takes. */
  readonly statementTimeout?: number;
  /** What holds the embedded database's folder, for whoever finds it locked, such as `stile start`. */
  readonly purpose?: string;
}

/** Opens the database. The first connection is made by the first statement. */
export async function openDatabase(location: DatabaseLocation, options: DatabaseOptions): Promise<Database> {
  if ('url' in location) {
    const pool = createPool({ connectionString: location.url }, options);
    pool.on('connect', (client) => endSilence(client, 2 * timeoutOf(options)));
    return wrap(pool, options, 'postgres');
  }
  const release = await acquireFolder(location.directory, options.purpose ?? 'stile');
  try {
    const pglite = await createPglite(join(location.directory, 'database'));
    const one = { stream: pglite.connect, max: 1, idleTimeoutMillis: 0 };
    const pool = createPool({ ...one, user: 'postgres', database: 'postgres' }, options);
    return wrap(pool, options, 'embedded', async () => {
      await pglite.close();
      await release();
    });
  } catch (error) {
    await release();
    throw error;
  }
}

const int8 = 20;

/** int8 holds epoch seconds and counts, far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === int8 ? Number : pg.types.getTypeParser(oid, format)),
};

/**
 * Every statement looks rows up by a key, through an index, so the planner is left no choice: a plan is made once for
 * each connection, perhaps while the tables were empty, and one that read them from end to end would be kept.
 */
const planning = [
  'plan_cache_mode=force_generic_plan',
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'jit=off',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** What pg's types do not tell of a client. */
interface Inside {
  /** No statement is under way. */
  readonly readyForQuery: boolean;
  readonly connection: { readonly stream: Socket };
}

/**
 * Ends a connection whose statement is answered by nothing for so many milliseconds: a network may swallow packets, and then the
 * server's own timeout never arrives. pg's `query_timeout` would do, but for a timer and closures at each statement, through which
 * dead statements keep later ones and their rows alive until the next full collection.
 */
function endSilence(client: pg.PoolClient, milliseconds: number): void {
  const inside = client as unknown as Inside;
  const { stream } = inside.connection;
  stream.setTimeout(milliseconds);
  stream.on('timeout', () => {
    if (!inside.readyForQuery) stream.destroy(new Error('Query read timeout'));
  });
}

/** Milliseconds. */
const DEFAULT_TIMEOUT = 5000;

function timeoutOf({ statementTimeout = DEFAULT_TIMEOUT }: DatabaseOptions): number {
  return statementTimeout;
}

function createPool(where: pg.PoolConfig, options: DatabaseOptions): pg.Pool {
  const timeout = timeoutOf(options);
  return new pg.Pool({
    max: options.connections ?? 10,
    connectionTimeoutMillis: timeout || DEFAULT_TIMEOUT,
    idleTimeoutMillis: 30_000,
    statement_timeout: timeout,
    idle_in_transaction_session_timeout: 2 * timeout,
    keepAlive: true,
    application_name: 'stile',
    options: planning,
    types,
    ...where,
  });
}

function wrap(
  pool: pg.Pool,
  { log }: DatabaseOptions,
  kind: Database['kind'],
  after: () => Promise<void> = async () => {},
): Database {
  const current: Current = new AsyncLocalStorage();
  const connect = pool.connect.bind(pool);
  // Also pool.query comes here.
  pool.connect = guarded(connect, current);
  pool.on('error', (error) => log.warn({ reason: error.message }, 'an idle database connection was lost'));
  return {
    kind,
    pool,
    query: (text, values, name) => runStatement(pool, current, { text, values, name }),
    transaction: (work) =>
      current.getStore() ? insideCurrent(current, work) : runTransaction(connect, current, work),
    last: (text, values, name) => runLast(pool, current, { text, values, name }),
    inTransaction: () => current.getStore() !== undefined,
    hasBegun: () => current.getStore()?.begun === true,
    close: async () => {
      await pool.end();
      await after();
    },
  };
}

function guarded(connect: Connect, current: Current): Connect {
  function guard(callback?: Parameters<Connect>[0]) {
    const error = current.getStore() && new Error('the pool was used inside a transaction');
    if (!callback) return error ? Promise.reject(error) : connect();
    if (error) return callback(error, undefined, () => {});
    return connect(callback);
  }
  return guard as Connect;
}

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[] | undefined;
  readonly name: string | undefined;
}

async function runStatement<R extends Row>(
  pool: pg.Pool,
  current: Current,
  statement: Statement,
): Promise<QueryResult<R>> {
  const transaction = current.getStore();
  const config = configOf(statement);
  try {
    if (!transaction) return await pool.query<R>(config);
    return await inTurn(transaction, async () => (await begun(transaction)).query<R>(config));
  } catch (error) {
    throw databaseError(error);
  }
}

async function runLast(pool: pg.Pool, current: Current, statement: Statement): Promise<QueryResult> {
  const transaction = current.getStore();
  if (!transaction || transaction.begun) return runStatement(pool, current, statement);
  try {
    const config = configOf(statement);
    return await inTurn(transaction, async () => (await transaction.connect()).query(config));
  } catch (error) {
    throw databaseError(error);
  } finally {
    transaction.open = false;
  }
}

function configOf({ values, ...statement }: Statement): pg.QueryConfig {
  return { ...statement, values: values && [...values] } as pg.QueryConfig;
}

async function insideCurrent<T>(current: Current, work: () => Promise<T>): Promise<T> {
  if (!current.getStore()?.open) throw new Error('a transaction was joined after it had ended');
  return work();
}
