/** OpenID AuthZEN 1.0: the same decision, asked for in JSON. The subject is an access token, never a claim of who it is. */
import type { Soon } from '@stile/sdk/server';
import { z } from 'zod';
import type { Verdict } from './decide.ts';
import { type ClientRequest, isMethod, splitUrl } from './facts.ts';

const anything = z.unknown().optional();
const part = { subject: anything, action: anything, resource: anything, context: anything };
const entity = z.object({ type: z.string().min(1), id: z.string().min(1) });
const evaluation = z.object({
  subject: entity,
  action: z.object({ name: z.string().min(1) }),
  resource: entity,
  context: z.object({ dpop: anything }).optional(),
});
const batch = z.object({
  ...part,
  evaluations: z.array(z.object(part)).max(100).optional(),
  options: z
    .object({
      evaluations_semantic: z
        .enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])
        .default('execute_all'),
    })
    .prefault({}),
});

/** Told undefined where an evaluation asks for no HTTP request. */
export type Judge = (request: ClientRequest | undefined) => Soon<Verdict>;

export interface Evaluated {
  readonly decision: boolean;
  readonly context?: object;
}

/** One evaluation; undefined where the request has not the shape of one (a 400). */
export async function evaluate(judge: Judge, body: unknown, client: string): Promise<Evaluated | undefined> {
  const parsed = evaluation.safeParse(body);
  if (!parsed.success) return undefined;
  return resultOf(await judge(requestOf(parsed.data, client)));
}

function requestOf(asked: z.infer<typeof evaluation>, client: string): ClientRequest | undefined {
  const { subject, action, resource, context } = asked;
  const { dpop } = context ?? {};
  const url = splitUrl(resource.id);
  if (!url || !isMethod(action.name) || (dpop !== undefined && typeof dpop !== 'string')) return undefined;
  const authorization =
    subject.type === 'access_token' ? `${dpop === undefined ? 'Bearer' : 'DPoP'} ${subject.id}` : undefined;
  return { method: action.name, client, authorization, dpop, ...url };
}

/** Evaluations with the top level as defaults, in order, ended early where the semantic says so. */
export async function evaluateAll(judge: Judge, body: unknown, client: string): Promise<object | undefined> {
  const parsed = batch.safeParse(body);
  if (!parsed.success) return undefined;
  const { evaluations = [], options, ...defaults } = parsed.data;
  if (evaluations.length === 0) return evaluate(judge, defaults, client);
  const results: Evaluated[] = [];
  for (const one of evaluations) {
    const merged = { ...defaults, ...withoutUndefined(one) };
    const malformed = { decision: false, context: { error: { status: 400, message: 'not an evaluation' } } };
    const result = (await evaluate(judge, merged, client)) ?? malformed;
    results.push(result);
    if (options.evaluations_semantic === 'deny_on_first_deny' && !result.decision) break;
    if (options.evaluations_semantic === 'permit_on_first_permit' && result.decision) break;
  }
  return { evaluations: results };
}

/** `/.well-known/authzen-configuration`. */
export function authzenMetadata(base: string): object {
  return {
    policy_decision_point: base,
    access_evaluation_endpoint: `${base}/access/v1/evaluation`,
    access_evaluations_endpoint: `${base}/access/v1/evaluations`,
  };
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

/** What a gateway's client is told by fields is in the context; without the nonce no proof could succeed. */
function resultOf({ status, reason, headers, rule }: Verdict): Evaluated {
  const { 'www-authenticate': challenge, 'dpop-nonce': nonce } = headers;
  const proof = nonce === undefined ? {} : { dpop_nonce: nonce };
  if (status === 200) return nonce === undefined ? { decision: true } : { decision: true, context: proof };
  const why = { reason, rule: rule?.name, status, ...(challenge ? { www_authenticate: challenge } : {}) };
  return { decision: false, context: { ...why, ...proof } };
}
