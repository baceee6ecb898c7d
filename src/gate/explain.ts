/** Which part of which rule matched, and why the rules before it did not. */
import { type DecideDeps, judge } from './decide.ts';
import { type ClientRequest, isMethod, splitUrl } from './facts.ts';
import { normalisePath } from './path.ts';
import { covers } from './pattern.ts';
import { type Rule, ruleMethod, type Target } from './rule.ts';
import type { GateState } from './state.ts';

export interface ExplainDeps {
  readonly server: DecideDeps['server'];
  readonly state: GateState;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly token?: string;
}

/** Lines for a person; the decision is the one the gate would make. */
export async function explainRequest({ server, state }: ExplainDeps, asked: Asked) {
  const request = requestOf(asked);
  if (typeof request === 'string') return { lines: [request], allowed: false };
  const verdict = await judge({ server, rules: state.index }, request);
  const path = normalisePath(request.target);
  const lines: string[] = [];
  if (verdict.reason === 'unknown_host') lines.push(`the host is refused before any rule: ${request.host}`);
  else if (!path.ok) lines.push(`the path is refused before any rule: ${path.fault}`);
  else {
    lines.push(`path      ${JSON.stringify(path.segments)}`);
    const target = { method: request.method, host: request.host, segments: path.segments };
    for (const rule of state.settings.rules) {
      if (rule === verdict.rule) break;
      lines.push(`no        ${rule.name}: ${whyNot(rule, target)}`);
    }
    lines.push(
      verdict.rule ? `rule      ${verdict.rule.name}: ${matched(verdict.rule)}` : 'rule      none: denied',
    );
  }
  const detail = verdict.detail ? ` (${verdict.detail})` : '';
  lines.push(`answer    ${verdict.status} ${verdict.reason}${detail}`);
  const challenge = verdict.headers['www-authenticate'];
  if (challenge) lines.push(`challenge ${challenge}`);
  return { lines, allowed: verdict.status === 200 };
}

/** Or what is wrong with it. */
function requestOf({ method, url, token }: Asked): ClientRequest | string {
  if (!isMethod(method)) return `${method} is no method: they are written in capitals`;
  const parts = splitUrl(url);
  if (!parts) return `${url} is no absolute http or https URL`;
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  return { method, ...parts, client: 'explain', authorization };
}

function whyNot({ methods, hosts, parts, pattern, claims }: Rule, target: Target): string {
  if (hosts && !hosts.includes(target.host)) return `host is ${target.host}, not ${hosts.join(' or ')}`;
  if (methods && !methods.includes(ruleMethod(target.method)))
    return `method is ${target.method}, not ${methods.join(' or ')}`;
  if (!covers(parts, target.segments)) return `path does not fit ${pattern}`;
  return `the token's claims are not ${JSON.stringify(claims)}`;
}

function matched({ methods, hosts, pattern, claims, effect }: Rule): string {
  const parts = [
    hosts && `host ${hosts.join(' or ')}`,
    methods && `method ${methods.join(' or ')}`,
    `path ${pattern}`,
    claims && `claims ${JSON.stringify(claims)}`,
  ];
  const asks = effect.kind === 'token' ? `token ${JSON.stringify(effect.demand)}` : effect.kind;
  return `${parts.filter(Boolean).join(', ')} → ${asks}`;
}
