/**
 * Tells "the database is away" from every other failure, for statements sent through pg and through Prisma.
 */
import { StileError } from '../domain/errors.ts';

/** Seconds; what Retry-After says while the database is away. */
const retryAfter = 2;

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // A unix socket whose server has gone.
  'ENOENT',
]);

/**
 * SQLSTATE: statement and lock timeouts, shutdowns, too many connections, and given up in favour of another transaction
 * (serialisation, deadlock); class 08 is added below.
 */
const sqlStates = new Set(['57014', '57P01', '57P02', '57P03', '53300', '55P03', '25P03', '40001', '40P01']);

/** Prisma: cannot reach, timed out, connection closed, pool timeout. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2037']);

/** pg reports these without a code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/;

/** Prisma's adapter wraps a driver's error under these kinds. */
const adapterKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
]);

/**
 * The error, or in its place `unavailable` (503, with Retry-After) if it says that the database is away, and `bad_request`
 * if it was given text that no column can hold.
 */
export function databaseError(error: unknown): unknown {
  if (error instanceof StileError) return error;
  if (isUnstorable(error))
    return new StileError('bad_request', { detail: 'text that cannot be stored', cause: error });
  if (!isOutage(error)) return error;
  return new StileError('unavailable', { retryAfter, detail: describe(error), cause: error });
}

/** SQLSTATE of a refused statement, whether pg or Prisma reports it. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505' || codeOf(error) === 'P2002';
}

/** SQLSTATE: NUL, and half a surrogate pair in JSON. Only what somebody sent has either. */
function isUnstorable(error: unknown): boolean {
  const code = codeOf(error);
  if (code === '22P02') return error instanceof Error && error.message.endsWith('type json');
  return code === '22021' || code === '22P05';
}

function isOutage(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 3) return false;
  const code = codeOf(error);
  if (code && (socketCodes.has(code) || sqlStates.has(code) || prismaCodes.has(code) || /^08/.test(code))) {
    return true;
  }
  if (messages.test(error.message) || adapterKinds.has(adapterKindOf(error) ?? '')) return true;
  if (error instanceof AggregateError) return error.errors.some((one) => isOutage(one, depth + 1));
  return isOutage(error.cause, depth + 1);
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function adapterKindOf(error: Error): string | undefined {
  const cause = error.cause;
  if (typeof cause !== 'object' || cause === null) return undefined;
  if ('kind' in cause && typeof cause.kind === 'string') {
    const original = 'originalCode' in cause ? cause.originalCode : undefined;
    if (typeof original === 'string' && sqlStates.has(original)) return 'ConnectionClosed';
    return cause.kind;
  }
  return undefined;
}

function describe(error: unknown): string {
  const code = codeOf(error);
  return `the database is away${code ? ` (${code})` : ''}`;
}
