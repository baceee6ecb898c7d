/** Calls to the bank's API; every answer is a value, so that each caller has to say what it does with it. */
import { ChallengeError, type StepUp, StepUpError } from '@stile/sdk/client';
import { z } from 'zod';
import type { Session } from './sessions.ts';

export type ApiResult<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** The person has to go to `url` first; the call is kept. */
  | { readonly kind: 'ask'; readonly url: string; readonly stepUp: StepUp | undefined }
  | { readonly kind: 'insufficient'; readonly stepUp: StepUp | undefined }
  | { readonly kind: 'rejected'; readonly status: number; readonly reason: string }
  /** No answer, or none that can be read: whether anything happened is not known. */
  | { readonly kind: 'unreachable' };

const accountShape = z.object({
  balance: z.number(),
  movements: z.array(z.object({ at: z.number(), text: z.string(), amount: z.number() })),
});

const receiptShape = z.object({ at: z.number(), balance: z.number() });

export type AccountView = z.output<typeof accountShape>;
export type Receipt = z.output<typeof receiptShape>;

export function fetchAccount({ fetch }: Session, apiUrl: string): Promise<ApiResult<AccountView>> {
  return read(() => fetch(`${apiUrl}/account`), accountShape);
}

export interface Order {
  readonly id: string;
  readonly to: string;
  readonly cents: number;
}

/** Safe to repeat: the API pays one `id` once. */
export function putTransfer({ fetch }: Session, apiUrl: string, order: Order): Promise<ApiResult<Receipt>> {
  const body = JSON.stringify({ to: order.to, amount: order.cents });
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'PUT', headers, body, context: order.id };
  return readReceipt(() => fetch(`${apiUrl}/transfers/${order.id}`, init));
}

export function readReceipt(call: () => Promise<Response>): Promise<ApiResult<Receipt>> {
  return read(call, receiptShape);
}

async function read<T>(call: () => Promise<Response>, shape: z.ZodType<T>): Promise<ApiResult<T>> {
  try {
    return await readResponse(await call(), shape);
  } catch (error) {
    if (error instanceof ChallengeError) return { kind: 'insufficient', stepUp: undefined };
    if (!(error instanceof StepUpError)) return { kind: 'unreachable' };
    const { url, stepUp } = error.details;
    if (url !== undefined) return { kind: 'ask', url, stepUp };
    if (error.code === 'still_insufficient') return { kind: 'insufficient', stepUp };
    throw error;
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
