/**
 * The Harbour Bank's API: an OAuth 2.0 resource server that demands step-up authentication by amount.
 *
 *   GET /account          scope accounts:read
 *   PUT /transfers/{id}   scope transfers:write, body {"to", "amount"}; amount in cents; idempotent by id
 */
import { z } from 'zod';
import {
  type AccessToken,
  createTokenVerifier,
  InvalidTokenError,
  type TokenVerifier,
} from './api/access-token.ts';
import { bearer, demandFor, shortfall, stepUpChallenge } from './api/demand.ts';
import { createLedger, type Ledger } from './api/ledger.ts';
import { HttpError, type Incoming, json, listen, type Reply, type RunningServer } from './shared/http.ts';
import { MOST_CENTS } from './shared/money.ts';

export interface ApiOptions {
  readonly issuer: string;
  /** The resource indicator tokens must carry in `aud`. Default: the API's own URL. */
  readonly resource?: string;
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

interface Deps {
  readonly tokens: TokenVerifier;
  readonly ledger: Ledger;
  /** Epoch seconds. */
  readonly now: () => number;
}

/** A refusal with a challenge of its own (RFC 6750 section 3). */
class ChallengeError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly challenge: string;
  constructor(status: number, code: string | undefined, challenge: string) {
    super(code ?? 'unauthorized');
    this.status = status;
    this.code = code;
    this.challenge = challenge;
  }
}

export async function startApi(options: ApiOptions): Promise<RunningServer> {
  const { issuer, host = '127.0.0.1', port } = options;
  const ledger = createLedger();
  const now = () => Math.floor(Date.now() / 1000);
  let tokens: TokenVerifier | undefined;
  const deps = (): Deps => {
    tokens ??= createTokenVerifier({ issuer, audience: options.resource ?? server.url });
    return { tokens, ledger, now };
  };
  const server = await listen({
    host,
    port,
    headers: { 'x-content-type-options': 'nosniff' },
    failure,
    routes: [
      { method: 'GET', path: '/account', handle: (request) => showAccount(deps(), request) },
      { method: 'PUT', path: '/transfers/:id', handle: (request) => transfer(deps(), request) },
    ],
  });
  return server;
}

async function showAccount(deps: Deps, request: Incoming): Promise<Reply> {
  const { token } = await authorize(deps, request, 'accounts:read');
  const { balance, movements } = deps.ledger.account(token.sub, deps.now());
  const list = movements.slice(0, 10).map(({ cents, ...movement }) => ({ ...movement, amount: cents }));
  return json(200, { balance, currency: 'EUR', movements: list });
}

const transferBody = z.strictObject({
  to: z.string().trim().min(1).max(60),
  amount: z.number().int().min(1).max(MOST_CENTS),
});

async function transfer(deps: Deps, request: Incoming): Promise<Reply> {
  const { token, implied } = await authorize(deps, request, 'transfers:write');
  const id = z.uuid().safeParse(request.params['id']);
  const body = transferBody.safeParse(parseJson(await request.text()));
  if (!id.success || !body.success) throw new HttpError(400, 'Send {"to", "amount"} to /transfers/{uuid}.');
  const now = deps.now();
  const demand = demandFor(body.data.amount);
  const lack = demand && shortfall(demand, token, { implied, now });
  if (demand && lack) {
    throw new ChallengeError(401, 'insufficient_user_authentication', stepUpChallenge(demand, lack));
  }
  const order = { id: id.data, to: body.data.to, cents: body.data.amount, at: now };
  return paymentReply(deps.ledger.pay(token.sub, order), token);
}

function paymentReply(payment: ReturnType<Ledger['pay']>, token: AccessToken): Reply {
  switch (payment.kind) {
    case 'conflict':
      throw new HttpError(409, 'This transfer id was used for another transfer.');
    case 'insufficient_funds':
      throw new HttpError(422, 'There is not enough money in the account.');
    case 'paid':
    case 'repeated': {
      const { id, to, cents, at } = payment.transfer;
      const seen = { acr: token.acr, amr: token.amr, auth_time: token.authTime };
      const status = payment.kind === 'paid' ? 201 : 200;
      return json(status, { id, to, amount: cents, at, balance: payment.balance, authentication: seen });
    }
  }
}

/** A valid token with the scope, or the challenge RFC 6750 gives; neither says anything of step-up. */
async function authorize(deps: Deps, request: Incoming, scope: string): ReturnType<TokenVerifier['verify']> {
  const header = request.headers.authorization ?? '';
  if (!/^Bearer(?: |$)/i.test(header))
    throw new ChallengeError(401, undefined, 'Bearer realm="harbour-bank"');
  const [, jwt] = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header) ?? [];
  if (jwt === undefined)
    throw new ChallengeError(400, 'invalid_request', bearer({ error: 'invalid_request' }));
  const checked = await deps.tokens.verify(jwt).catch(tokenFailure);
  if (!checked.token.scopes.includes(scope)) {
    throw new ChallengeError(403, 'insufficient_scope', bearer({ error: 'insufficient_scope', scope }));
  }
  return checked;
}

function tokenFailure(error: unknown): never {
  if (!(error instanceof InvalidTokenError))
    throw new HttpError(503, 'The issuer of tokens cannot be reached.');
  const challenge = bearer({ error: 'invalid_token', error_description: error.message });
  throw new ChallengeError(401, 'invalid_token', challenge);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(error: unknown): Reply {
  if (error instanceof ChallengeError) {
    return json(
      error.status,
      { error: error.code ?? 'unauthorized' },
      { 'www-authenticate': error.challenge },
    );
  }
  if (error instanceof HttpError) {
    const retry: Record<string, string> = error.status === 503 ? { 'retry-after': '2' } : {};
    return json(error.status, { error: 'request_failed', error_description: error.message }, retry);
  }
  return json(500, { error: 'server_error' });
}
