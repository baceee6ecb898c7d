/** May this request pass? The first rule that matches says what it takes; the SDK's core says whether it is there. */
import type { Caller, Decision, Permit, Reason, RequestFacts, ResourceServer, Soon } from '@stile/sdk/server';
import type { ClientRequest } from './facts.ts';
import { normalisePath, type PathFault } from './path.ts';
import { claimsHold, type Rule } from './rule.ts';
import type { RuleIndex } from './rule-index.ts';

/** A bounded set, for metrics. The last four are of the service: nothing was judged. */
export type GateReason =
  | Reason
  | 'allowed'
  | 'public'
  | 'no_rule'
  | 'denied'
  | 'unsafe_path'
  | 'unknown_host'
  | 'not_http'
  | 'untrusted_peer'
  | 'unknown_address'
  | 'internal_error';

export interface Verdict {
  readonly status: 200 | 400 | 401 | 403 | 404 | 431 | 503;
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

/** Never throws for what a client sends. At once where the token is remembered, or none is asked for. */
export function judge({ server, rules }: DecideDeps, request: ClientRequest): Soon<Verdict> {
  if (!rules.serves(request.host)) return forbid('unknown_host', {});
  const path = normalisePath(request.target);
  if (!path.ok) return forbid('unsafe_path', { detail: path.fault });
  const { method, host, scheme, authority, authorization, dpop } = request;
  const found = rules.find({ method, host, segments: path.segments });
  const [first] = found;
  if (!first) return forbid('no_rule', {});
  if (!first.claims && first.effect.kind !== 'token') return opened(first, undefined);
  const facts = { method, url: `${scheme}://${authority}${path.path}`, authorization, dpop };
  // A proof counts once, so a token is looked at once, and only when a rule asks.
  const seen = server.authenticate(facts);
  const decide = (decision: Decision) => decideFor({ server, found }, facts, decision);
  return seen instanceof Promise ? seen.then(decide) : decide(seen);
}

interface Found {
  readonly server: DecideDeps['server'];
  readonly found: readonly Rule[];
}

function decideFor({ server, found }: Found, facts: RequestFacts, seen: Decision): Soon<Verdict> {
  for (const rule of found) {
    if (rule.claims) {
      // Only a request without a token is nobody's: what cannot be judged must not reach a later, laxer rule.
      if (!seen.allowed && seen.reason !== 'no_token') return refused(seen, rule);
      if (!claimsHold(rule.claims, seen.allowed ? seen.caller : undefined)) continue;
    }
    if (rule.effect.kind !== 'token') return opened(rule, seen.allowed ? seen.caller : undefined);
    if (!seen.allowed) return refused(seen, rule);
    const { demand } = rule.effect;
    // An empty demand is a fault of a program for the SDK; here it means any good token.
    const decision = Object.keys(demand).length === 0 ? seen : server.authorize(facts, seen, demand);
    if (decision instanceof Promise) return decision.then((later) => demanded(later, seen, rule));
    return demanded(decision, seen, rule);
  }
  return forbid('no_rule', {});
}

/** By a rule that asks for no token: open to all, or to none. */
function opened(rule: Rule, caller: Caller | undefined): Verdict {
  if (rule.effect.kind === 'public') return { status: 200, reason: 'public', headers: {}, body: {}, rule };
  return forbid('denied', { rule, ...(caller ? { caller } : {}) });
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
