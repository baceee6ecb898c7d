/** A table of routes: the whole surface on one screen, matched in order. */
import type { Context, Middleware } from 'koa';
import { StileError } from '../domain/errors.ts';

export type Params = Readonly<Record<string, string>>;
export type Handler = (ctx: Context, params: Params) => Promise<void>;
export type Route = readonly [method: 'GET' | 'POST', pattern: string, handler: Handler];

interface Compiled {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: Handler;
}

/** Serves the routes; `method_not_allowed` (with `Allow`) for a known path, anything else goes on. */
export function serveRoutes(routes: readonly Route[]): Middleware {
  const compiled = routes.map(([method, pattern, handler]) => ({
    method,
    segments: pattern.split('/'),
    handler,
  }));
  return async (ctx, next) => {
    const parts = ctx.path.split('/');
    const matches = compiled.flatMap((route) => {
      const params = matchPath(route, parts);
      return params ? [{ ...route, params }] : [];
    });
    if (matches.length === 0) return next();
    const asked = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    const match = matches.find(({ method }) => method === asked);
    if (!match) {
      ctx.set('Allow', [...new Set(matches.map(({ method }) => method))].join(', '));
      throw new StileError('method_not_allowed');
    }
    await match.handler(ctx, match.params);
  };
}

/** `:name` segments match one non-empty segment of URL-safe characters; everything else is literal. */
function matchPath({ segments }: Compiled, parts: readonly string[]): Params | undefined {
  if (parts.length !== segments.length || (segments[1] !== parts[1] && !segments[1]?.startsWith(':'))) {
    return undefined;
  }
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if (segment.startsWith(':')) {
      if (!/^[\w~-]{1,200}$/.test(part)) return undefined;
      params[segment.slice(1)] = part;
    } else if (segment !== part) return undefined;
  }
  return params;
}

/** 303: what follows a POST is always a GET. */
export function seeOther(ctx: Context, location: string): void {
  ctx.status = 303;
  ctx.set('Location', location);
  ctx.body = '';
}
