/** Calls to the bank's API; every answer is a value, so that each caller has to say what it does with it. */
import * as oidc from 'openid-client';
import { z } from 'zod';
import { type Challenge, readChallenges } from './challenge.ts';
import type { Tokens } from './sessions.ts';
import type { SignIn } from './sign-in.ts';

export type ApiResult<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'challenged'; readonly challenge: Challenge; readonly header: string }
  | { readonly kind: 'rejected'; readonly status: number; readonly reason: string }
  /** No answer, or none that can be read: whether anything happened is not known. */
  | { readonly kind: 'unreachable' };

export interface BankApi {
  readonly signIn: SignIn;
  /** Where the API is reached, without a trailing slash. */
  readonly apiUrl: string;
}

const accountShape = z.object({
  balance: z.number(),
  movements: z.array(z.object({ at: z.number(), text: z.string(), amount: z.number() })),
});

const receiptShape = z.object({ at: z.number(), balance: z.number() });

export type AccountView = z.output<typeof accountShape>;
export type Receipt = z.output<typeof receiptShape>;

export function fetchAccount(api: BankApi, tokens: Tokens): Promise<ApiResult<AccountView>> {
  return call(api, tokens, { method: 'GET', path: '/account', shape: accountShape });
}

export interface Order {
  readonly id: string;
  readonly to: string;
  readonly cents: number;
}

/** Safe to repeat: the API pays one `id` once. */
export function putTransfer(api: BankApi, tokens: Tokens, order: Order): Promise<ApiResult<Receipt>> {
  const body = { to: order.to, amount: order.cents };
  return call(api, tokens, { method: 'PUT', path: `/transfers/${order.id}`, body, shape: receiptShape });
}

interface Call<T> {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly body?: unknown;
  readonly shape: z.ZodType<T>;
}

async function call<T>({ signIn, apiUrl }: BankApi, tokens: Tokens, what: Call<T>): Promise<ApiResult<T>> {
  const { method, path, body, shape } = what;
  const configuration = await signIn.configuration();
  const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' });
  const text = body === undefined ? undefined : JSON.stringify(body);
  try {
    const url = new URL(apiUrl + path);
    const response = await oidc.fetchProtectedResource(
      configuration,
      tokens.access,
      url,
      method,
      text,
      headers,
    );
    return await readResponse(response, shape);
  } catch (error) {
    if (!(error instanceof oidc.WWWAuthenticateChallengeError)) return { kind: 'unreachable' };
    const header = error.response.headers.get('www-authenticate') ?? '';
    return { kind: 'challenged', challenge: readChallenges(error.cause), header };
  }
}

async function readResponse<T>(response: Response, shape: z.ZodType<T>): Promise<ApiResult<T>> {
  if (response.status >= 500) return { kind: 'unreachable' };
  const answer: unknown = await response.json();
  if (response.ok) return { kind: 'ok', value: shape.parse(answer) };
  const problem = z.object({ error_description: z.string() }).safeParse(answer);
  const reason = problem.success ? problem.data.error_description : 'The bank refused the request.';
  return { kind: 'rejected', status: response.status, reason };
}
