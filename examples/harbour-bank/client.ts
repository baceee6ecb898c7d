/**
 * The Harbour Bank's web application: an OpenID Connect client that turns a step-up challenge of its API into a
 * sign-in and sends the call again.
 */
import { assetRoutes } from './client/assets.ts';
import * as bank from './client/bank-handlers.ts';
import { problemPage } from './client/pages.ts';
import { createSessions } from './client/sessions.ts';
import { createOpener, describe } from './client/sign-in.ts';
import * as signIn from './client/sign-in-handlers.ts';
import { type Deps, page, securityHeaders } from './client/web.ts';
import {
  HttpError,
  type Incoming,
  listen,
  type Reply,
  type Route,
  type RunningServer,
} from './shared/http.ts';

export interface ClientOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client. */
  readonly clientSecret?: string;
  /** Where the API is reached. */
  readonly apiUrl: string;
  /** The API's resource indicator. Default: `apiUrl`. */
  readonly resource?: string;
  readonly host?: string;
  /** 0: any free port. The redirect URI is `http://{host}:{port}/callback`. */
  readonly port: number;
  /** Told of faults that no page explains. */
  readonly log?: (message: string) => void;
}

export async function startClient(options: ClientOptions): Promise<RunningServer> {
  const { issuer, clientId, clientSecret, apiUrl, resource = apiUrl, host = '127.0.0.1', port } = options;
  const log = options.log ?? (() => {});
  const now = () => Math.floor(Date.now() / 1000);
  let deps: Deps | undefined;
  const ready = (): Deps => {
    const secret = clientSecret === undefined ? {} : { clientSecret };
    const settings = { issuer, clientId, ...secret, apiUrl, resource, now, log, baseUrl: server.url };
    deps ??= { settings, sessions: createSessions(now, createOpener(settings)) };
    return deps;
  };
  const server = await listen({
    host,
    port,
    headers: securityHeaders(issuer),
    routes: [...routes(ready), ...assetRoutes()],
    failure: (error) => failure(error, log),
  });
  return server;
}

type Handler = (deps: Deps, request: Incoming) => Reply | Promise<Reply>;

function routes(deps: () => Deps): Route[] {
  const at = (method: Route['method'], path: string, handler: Handler): Route => ({
    method,
    path,
    handle: (request) => handler(deps(), request),
  });
  return [
    at('GET', '/', signIn.landing),
    at('GET', '/sign-in', signIn.signIn),
    at('GET', '/callback', signIn.callback),
    at('POST', '/sign-out', signIn.signOut),
    at('GET', '/account', bank.account),
    at('GET', '/transfer', bank.transferForm),
    at('POST', '/transfer', bank.makeTransfer),
    at('GET', '/transfers/:id', bank.showTransfer),
    at('POST', '/transfers/:id/again', bank.tryAgain),
  ];
}

/** What no handler has answered: a refusal in plain words, or the provider being away. */
function failure(error: unknown, log: (message: string) => void): Reply {
  const frame = { session: undefined, now: 0 };
  if (error instanceof HttpError) {
    return page(problemPage(frame, { title: 'That did not work', text: error.message }), error.status);
  }
  log(describe(error));
  const text = 'Signing in is not possible at the moment. Please try again in a minute.';
  return page(problemPage(frame, { title: 'Please try again later', text }), 503);
}
