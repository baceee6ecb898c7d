/** What every request gets: a correlation id, a log line, and the facts of its browser. */
import type { Context, Middleware } from 'koa';
import type { Device } from '../services/ports/policy.ts';
import {
  type BrowserCookieDeps,
  browserHash,
  ensureBrowser,
  readBrowser,
  readRemembered,
  writeRemembered,
} from './security.ts';

/** The id that the log, the audit and an error page share. */
export function correlationId(ctx: Context): string {
  return ctx.state['correlationId'] as string;
}

export interface RequestLog {
  info(fields: object, message: string): void;
}

/** Gives the request its id and logs its end: method, path, status, milliseconds. Never a query or a body. */
export function trackRequests(deps: {
  readonly newId: () => string;
  readonly log: RequestLog;
  readonly elapsed: () => number;
}): Middleware {
  return async (ctx, next) => {
    const id = deps.newId();
    const begin = deps.elapsed();
    ctx.state['correlationId'] = id;
    ctx.set('X-Correlation-Id', id);
    await next();
    const milliseconds = Math.round(deps.elapsed() - begin);
    deps.log.info(
      { correlationId: id, method: ctx.method, path: loggedPath(ctx.path), status: ctx.status, milliseconds },
      'request',
    );
  };
}

/** Interaction uids open a sign-in together with their cookie: not for the log. */
function loggedPath(path: string): string {
  return path.replace(/^\/(interaction|auth)\/[^/]+/i, '/$1/:uid');
}

/** Paths a person's browser visits. */
const pages = /^\/(auth|interaction|account|session)(\/|$)/i;

/**
 * Puts `Device` on the state, and the device cookie on the answers to pages. A form brings it or goes without: one of
 * another site comes without our cookies, and an answer that sets a new one would make a known browser a stranger.
 */
export function identifyBrowser(deps: BrowserCookieDeps): Middleware {
  return async (ctx, next) => {
    const browser = pages.test(ctx.path) ? browserFor(deps, ctx) : undefined;
    const device: Device = {
      browserHash: browser === undefined ? null : browserHash(browser),
      userAgent: ctx.get('User-Agent').slice(0, 300) || null,
      hints: {
        brands: ctx.get('Sec-CH-UA'),
        mobile: ctx.get('Sec-CH-UA-Mobile'),
        platform: ctx.get('Sec-CH-UA-Platform'),
      },
      address: ctx.ip || null,
      remembered: pages.test(ctx.path) ? readRemembered(deps, ctx) : [],
    };
    ctx.state['device'] = device;
    ctx.state['browser'] = browser;
    await next();
    const tokens = ctx.state['remembered'] as readonly string[] | undefined;
    if (tokens) writeRemembered(deps, ctx, tokens);
  };
}

function browserFor(deps: BrowserCookieDeps, ctx: Context): string | undefined {
  return ctx.method === 'POST' ? readBrowser(deps, ctx) : ensureBrowser(deps, ctx);
}

export function deviceOf(ctx: Context): Device {
  return ctx.state['device'] as Device;
}

/** This browser's id, for binding CSRF tokens to it. */
export function browserOf(ctx: Context): string {
  return (ctx.state['browser'] as string | undefined) ?? '';
}
