/**
 * The only catch: whatever fails below becomes a page for a browser or OAuth JSON for a program, and a log line
 * with the same correlation id. No stack trace, SQL or secret reaches either.
 */
import type { Context, Middleware } from 'koa';
import { catalogue, type ErrorCode, StileError } from '../domain/errors.ts';
import type { ErrorPage } from './view-models.ts';

/** Structured log; pino's shape. */
export interface ErrorLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ErrorDeps {
  readonly render: (page: ErrorPage) => string;
  readonly log: ErrorLog;
  readonly correlationId: (ctx: Context) => string;
  /** Paths that only programs use (token, introspection, health ...): always JSON. */
  readonly isApi: (path: string) => boolean;
}

/** Seconds to wait when the database is away and nothing better is known. */
const UNAVAILABLE_RETRY = 5;

/** Wraps everything: answers for what is thrown, and `not_found` for what nobody answered. */
export function handleErrors(deps: ErrorDeps): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) throw new StileError('not_found');
    } catch (error) {
      answerError(deps, ctx, error);
    }
  };
}

/** Logs the error and writes the answer; also for the places where the library asks for an error page. */
export function answerError(deps: ErrorDeps, ctx: Context, error: unknown, detail?: string): void {
  const failure = toStileError(error);
  const correlationId = deps.correlationId(ctx);
  logFailure(deps.log, failure, correlationId);
  ctx.status = failure.status;
  ctx.set('Cache-Control', 'no-store');
  const retryAfter = failure.retryAfter ?? (failure.code === 'unavailable' ? UNAVAILABLE_RETRY : undefined);
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter));
  const shown = detail ?? publicDetail(error);
  if (!wantsPage(deps, ctx)) {
    ctx.body = oauthError(failure.code, shown);
    return;
  }
  ctx.type = 'html';
  ctx.body = deps.render({
    page: 'error',
    code: failure.code,
    correlationId,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(shown === undefined ? {} : { detail: shown }),
  });
}

/** RFC 6749, 5.2. */
export function oauthError(code: ErrorCode, detail?: string): Readonly<Record<string, string>> {
  const entry = catalogue[code];
  const fallback = entry.status >= 500 ? 'server_error' : 'invalid_request';
  return {
    error: 'oauth' in entry ? entry.oauth : fallback,
    error_description: detail ?? `${entry.message} ${entry.remedy}`,
  };
}

/** Ours as it is; the frameworks' by their status; anything else is `internal`. */
export function toStileError(error: unknown): StileError {
  if (error instanceof StileError) return error;
  const { status, name } = facts(error);
  if (name === 'SessionNotFound') return new StileError('interaction_not_found', { cause: error });
  return new StileError(codeOfStatus(status), { cause: error });
}

function codeOfStatus(status: unknown): ErrorCode {
  switch (status) {
    case 404:
      return 'not_found';
    case 405:
      return 'method_not_allowed';
    case 413:
      return 'payload_too_large';
    case 415:
      return 'unsupported_media_type';
    case 503:
      return 'unavailable';
    default:
      return typeof status === 'number' && status >= 400 && status < 500 ? 'bad_request' : 'internal';
  }
}

/** A rule's own words. OAuth errors of the library describe themselves to developers; `expose` marks them as public. */
function publicDetail(error: unknown): string | undefined {
  if (error instanceof StileError) return error.reason;
  const { expose, error: code, error_description: description } = facts(error);
  if (expose !== true || typeof code !== 'string') return undefined;
  return typeof description === 'string' ? `${code}: ${description}` : code;
}

function wantsPage(deps: ErrorDeps, ctx: Context): boolean {
  return !deps.isApi(ctx.path) && ctx.accepts('html', 'json') === 'html';
}

/** Without the path, which may hold an interaction's uid: the request's own line has what is safe of it. */
function logFailure(log: ErrorLog, failure: StileError, correlationId: string): void {
  const { code, message } = failure;
  const fields = { correlationId, code, detail: message, cause: describe(failure.cause) };
  if (failure.status >= 500) log.error({ ...fields, stack: stackOf(failure) }, 'request failed');
  else log.warn(fields, 'request refused');
}

/** Name, code and message of an error and its causes; never its other fields, which may hold row values. */
function describe(error: unknown, depth = 3): object | undefined {
  if (error === undefined || depth === 0) return undefined;
  const { name, code, message, cause } = facts(error);
  return { name, code, message, cause: describe(cause, depth - 1) };
}

function stackOf({ cause, stack }: StileError): string | undefined {
  return cause instanceof Error ? cause.stack : stack;
}

function facts(error: unknown): Readonly<Record<string, unknown>> {
  if (typeof error !== 'object' || error === null) return { message: typeof error };
  const { name, message, cause } = error as Error;
  return { ...error, name, message, cause };
}
