/**
 * The body of a protocol request is received before the request is served: serving it holds a connection to the
 * database, and a few clients that send a byte now and then would hold them all.
 */
import type { Middleware } from 'koa';
import { PASSKEY_LIMIT, readBytes } from './guard.ts';
import { plainOauthBody } from './plain-oauth.ts';

/** Stands before the protocol's endpoints. Errors: `payload_too_large`, `bad_request` when the client went away. */
export function wholeBodies(): Middleware {
  return async (ctx, next) => {
    if (ctx.method === 'POST') {
      const body = plainOauthBody(ctx.path, await readBytes(ctx, PASSKEY_LIMIT));
      // The library reads the request itself, and compares lengths.
      if (ctx.get('Content-Length')) ctx.req.headers['content-length'] = String(body.length);
      Object.defineProperties(ctx.req, { readable: { value: true }, iterator: { value: () => once(body) } });
    }
    await next();
  };
}

/** What a generator would be, without its price: this is in the way of every token. */
function once(body: Buffer): AsyncIterable<Buffer> {
  const results = [{ value: body, done: false } as const];
  const next = async () => results.pop() ?? ({ value: undefined, done: true } as const);
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
