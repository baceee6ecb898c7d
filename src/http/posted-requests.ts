/**
 * Authorization and sign-out requests may be sent by POST, too (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2). A
 * form of another site comes without our cookies, so it is sent on as the same request by GET, which brings them.
 */
import type { Middleware } from 'koa';
import { StileError } from '../domain/errors.ts';
import { readForm } from './guard.ts';
import { seeOther } from './routes.ts';

/** As the library's router knows them: in any case, with or without a final slash. */
const endpoints = /^\/(auth|session\/end)\/?$/i;

/** Stands before anything that gives a browser cookies: here it would seem to have none. */
export function postedRequests(): Middleware {
  return async (ctx, next) => {
    if (ctx.method !== 'POST' || !endpoints.test(ctx.path)) return next();
    const query = await readForm(ctx);
    // What does not belong in a query would end it, or the header.
    if (!/^[\x21\x22\x24-\x7e]*$/.test(query))
      throw new StileError('bad_request', { detail: 'malformed encoding' });
    ctx.set('Cache-Control', 'no-store');
    seeOther(ctx, `${ctx.path}?${query}`);
  };
}
