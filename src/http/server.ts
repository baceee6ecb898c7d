/** The HTTP server: the order of everything a request passes, on one screen. */
import Koa, { type Middleware } from 'koa';
import { type ErrorDeps, handleErrors } from './errors.ts';
import { plainOauth } from './plain-oauth.ts';
import { postedRequests } from './posted-requests.ts';
import { correlationId, identifyBrowser, type RequestLog, trackRequests } from './requests.ts';
import { type Route, serveRoutes } from './routes.ts';
import { type BrowserCookieDeps, securityHeaders } from './security.ts';
import { wholeBodies } from './whole-bodies.ts';

export interface ServerDeps {
  readonly https: boolean;
  readonly trustProxy: number;
  readonly cookieKeys: readonly string[];
  readonly newId: () => string;
  /** Milliseconds of a steady clock. */
  readonly elapsed: () => number;
  readonly log: RequestLog & ErrorDeps['log'];
  readonly errors: ErrorDeps;
  readonly browser: BrowserCookieDeps;
  readonly assets: Middleware;
  readonly routes: readonly Route[];
  /** The protocol endpoints; what they do not know is not found. */
  readonly protocol: Middleware;
}

/** Paths only programs use: their errors are OAuth JSON. */
const api = /^\/(token|jwks|me|request|health|\.well-known)(\/|$)/i;

/** The protocol's endpoints for programs alone: no page, asset or route of ours is there, and no browser to know. */
const protocolOnly = /^\/(token|jwks|me|request)(\/|$)/i;

function forBrowsers(middleware: Middleware): Middleware {
  return (ctx, next) => (protocolOnly.test(ctx.path) ? next() : middleware(ctx, next));
}

export function errorDeps(deps: Pick<ErrorDeps, 'log' | 'render'>): ErrorDeps {
  return { ...deps, correlationId, isApi: (path) => api.test(path) };
}

export function createServer(deps: ServerDeps): Koa {
  const app = new Koa({ proxy: deps.trustProxy > 0, maxIpsCount: deps.trustProxy });
  app.keys = [...deps.cookieKeys];
  // Everything is answered by handleErrors; what still reaches Koa is a fault of ours, or a client gone away.
  app.on('error', (error: Error) =>
    deps.log.error({ name: error.name, message: error.message }, 'unhandled'),
  );
  const order: readonly Middleware[] = [
    trackRequests({ newId: deps.newId, log: deps.log, elapsed: deps.elapsed }),
    securityHeaders({ https: deps.https }),
    handleErrors(deps.errors),
    forBrowsers(postedRequests()),
    forBrowsers(deps.assets),
    forBrowsers(identifyBrowser(deps.browser)),
    forBrowsers(serveRoutes(deps.routes)),
    plainOauth(),
    wholeBodies(),
    deps.protocol,
  ];
  for (const middleware of order) app.use(middleware);
  return app;
}
