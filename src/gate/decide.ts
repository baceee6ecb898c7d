/** May this request pass? The first rule that matches says what it takes; the SDK's core says whether it is there. */
import type { Caller, Decision, Permit, Reason, ResourceServer } from '@stile/sdk/server';
import type { ClientRequest } from './facts.ts';
import { normalisePath, type PathFault } from './path.ts';
import { claimsHold, type Rule } from './rule.ts';
import type { RuleIndex } from './rule-index.ts';

/** A bounded set, for metrics. */
export type GateReason = Reason | 'allowed' | 'public' | 'no_rule' | 'denied' | 'unsafe_path';

export interface Verdict {
  readonly status: 200 | 400 | 401 | 403 | 503;
  readonly reason: GateReason;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
  readonly rule?: Rule;
  readonly caller?: Caller;
  readonly detail?: PathFault | string;
}

export interface DecideDeps {
  readonly server: Pick<ResourceServer, 'authenticate' | 'authorize'>;
  readonly rules: RuleIndex;
}

/** Never throws for what a client sends. */
export async function judge({ server, rules }: DecideDeps, request: ClientRequest): Promise<Verdict> {
  const path = normalisePath(request.target);
  if (!path.ok) return forbid('unsafe_path', { detail: path.fault });
  const { method, host, scheme, authority, authorization, dpop } = request;
  const facts = { method, url: `${scheme}://${authority}${path.path}`, authorization, dpop };
  let seen: Decision | undefined;
  // A proof counts once, so a token is looked at once, and only when a rule asks.
  const authenticate = async () => (seen ??= await server.authenticate(facts));
  for (const rule of rules.find({ method, host, segments: path.segments })) {
    if (rule.claims) {
      const decision = await authenticate();
      // Only a request without a token is nobody's: what cannot be judged must not reach a later, laxer rule.
      if (!decision.allowed && decision.reason !== 'no_token') return refused(decision, rule);
      if (!claimsHold(rule.claims, decision.allowed ? decision.caller.claims : undefined)) continue;
    }
    if (rule.effect.kind === 'public') return { status: 200, reason: 'public', headers: {}, body: {}, rule };
    if (rule.effect.kind === 'deny') {
      return forbid('denied', { rule, ...(seen?.allowed ? { caller: seen.caller } : {}) });
    }
    const decision = await authenticate();
    if (!decision.allowed) return refused(decision, rule);
    const { demand } = rule.effect;
    const anyToken = Object.keys(demand).length === 0;
    const judged = anyToken ? decision : await server.authorize(facts, decision, demand);
    return demanded(judged, decision, rule);
  }
  return forbid('no_rule', {});
}

function forbid(reason: GateReason, more: Pick<Verdict, 'rule' | 'detail' | 'caller'>): Verdict {
  return { status: 403, reason, headers: {}, body: { error: 'access_denied' }, ...more };
}

function refused(decision: Exclude<Decision, Permit>, rule: Rule): Verdict {
  const { status, reason, headers, body, detail, caller } = decision;
  return {
    status,
    reason,
    headers,
    body,
    rule,
    ...(detail === undefined ? {} : { detail }),
    ...(caller ? { caller } : {}),
  };
}

function demanded(decision: Decision, { headers }: Permit, rule: Rule): Verdict {
  if (!decision.allowed) return refused(decision, rule);
  return { status: 200, reason: 'allowed', headers, body: {}, rule, caller: decision.caller };
}
