/** What any API on Koa needs: routes, JSON, and the answers to faults. */
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware, Next } from 'koa';
import { HttpError, readText } from '../shared/http.ts';

/** One address: first what guards it, then what answers. */
export function route(
  method: string,
  path: RegExp,
  guard: (context: Context, next: Next) => Promise<void>,
  handle: (context: Context) => void,
): Middleware {
  return (context, next) =>
    context.method === method && path.test(context.path)
      ? guard(context, async () => handle(context))
      : next();
}

/** undefined: not JSON. Throws `HttpError` 413. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function answerFaults(context: Context, next: Next): Promise<void> {
  context.set({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  try {
    await next();
  } catch (error) {
    const known = error instanceof HttpError;
    context.status = known ? error.status : 500;
    context.body = known
      ? { error: 'request_failed', error_description: error.message }
      : { error: 'server_error' };
  }
}
