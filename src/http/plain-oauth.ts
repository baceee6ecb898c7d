/**
 * Step-up in plain OAuth (RFC 9470 5): a client that asks for no `openid` may send `acr_values` and `max_age` all the same. The
 * library refuses them there, so such a request goes on with names of our own for the two; `oidc` reads either.
 */
import type { Middleware } from 'koa';
import { plainNames } from '../oidc/requested-assurance.ts';

/** Authorization requests, and those that are pushed; in any case, as the library's router knows them. */
const authorization = /^\/auth\/?$/i;
const pushed = /^\/request\/?$/i;

/** Stands before the protocol's endpoints. */
export function plainOauth(): Middleware {
  return (ctx, next) => {
    if (authorization.test(ctx.path)) ctx.querystring = withPlainNames(ctx.querystring);
    return next();
  };
}

/** A pushed request's body as the library is to read it. */
export function plainOauthBody(path: string, body: Buffer): Buffer {
  return pushed.test(path) ? Buffer.from(withPlainNames(body.toString('latin1')), 'latin1') : body;
}

function withPlainNames(encoded: string): string {
  const parameters = new URLSearchParams(encoded);
  const openid = parameters.getAll('scope').some((scope) => scope.split(' ').includes('openid'));
  if (openid || !Object.keys(plainNames).some((name) => parameters.has(name))) return encoded;
  const renamed = [...parameters].map(([name, value]): [string, string] => [plainNameOf(name), value]);
  return new URLSearchParams(renamed).toString();
}

function plainNameOf(name: string): string {
  return Object.hasOwn(plainNames, name) ? plainNames[name as keyof typeof plainNames] : name;
}
