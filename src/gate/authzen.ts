/** OpenID AuthZEN 1.0: the same decision, asked for in JSON. The subject is an access token, never a claim of who it is. */
import type { Soon } from '@stile/sdk/server';
import { z } from 'zod';
import type { Verdict } from './decide.ts';
import { type ClientRequest, hostOf } from './facts.ts';

const anything = z.unknown().optional();
const part = { subject: anything, action: anything, resource: anything, context: anything };
const evaluation = z.object({
  subject: z.object({ type: z.string().min(1), id: z.string().min(1) }),
  action: z.object({ name: z.string().regex(/^[A-Za-z-]{1,32}$/) }),
  resource: z.object({ type: z.string().min(1), id: z.string().min(1) }),
  context: z.object({ dpop: z.string().optional() }).optional(),
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

export type Judge = (request: ClientRequest) => Soon<Verdict>;

export interface Evaluated {
  readonly decision: boolean;
  readonly context?: object;
}

/** One evaluation; undefined where the request has not the shape of one (a 400). */
export async function evaluate(judge: Judge, body: unknown, client: string): Promise<Evaluated | undefined> {
  const parsed = evaluation.safeParse(body);
  if (!parsed.success) return undefined;
  const { subject, action, resource, context } = parsed.data;
  const url = splitUrl(resource.id);
  if (!url) return undefined;
  const authorization =
    subject.type === 'access_token' ? `${context?.dpop ? 'DPoP' : 'Bearer'} ${subject.id}` : undefined;
  const verdict = await judge({ method: action.name, client, authorization, dpop: context?.dpop, ...url });
  return resultOf(verdict);
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

/** By hand: a URL parser would repair what the gate has to see. */
function splitUrl(text: string): Pick<ClientRequest, 'scheme' | 'authority' | 'host' | 'target'> | undefined {
  const [, scheme, authority = '', target = ''] = /^(https?):\/\/([^/?#\\]+)(.*)$/s.exec(text) ?? [];
  const host = hostOf(authority);
  if ((scheme !== 'http' && scheme !== 'https') || host === undefined) return undefined;
  return { scheme, authority, host, target: target || '/' };
}

function resultOf({ status, reason, headers, rule }: Verdict): Evaluated {
  if (status === 200) return { decision: true };
  const challenge = headers['www-authenticate'];
  const context = { reason, rule: rule?.name, status, ...(challenge ? { www_authenticate: challenge } : {}) };
  return { decision: false, context };
}
