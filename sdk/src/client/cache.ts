/** Which token serves: pure. Tokens are keyed by resource, scope and assurance. */
import type { StepUp } from '../shared/step-up.ts';
import type { Tokens } from './types.ts';

export function tokenKey({ resource, scope, acr }: Tokens): string {
  return JSON.stringify([resource, [...scope].sort(), acr ?? null]);
}

const MOST = 10;

/** With `added` in place of the one of the same key, and of other people's; the newest first. */
export function withTokens(all: readonly Tokens[], added: Tokens): Tokens[] {
  const others = all.filter((each) => each.sub === added.sub && tokenKey(each) !== tokenKey(added));
  return [added, ...others].sort((a, b) => b.since - a.since).slice(0, MOST);
}

export interface Need {
  readonly demand: Pick<StepUp, 'acrValues' | 'maxAge' | 'scope'>;
  /** What each acr implies, by the issuer's metadata. */
  readonly implied: Readonly<Record<string, readonly string[]>>;
  /** Epoch seconds. */
  readonly now: number;
}

/** Whether a token is likely to satisfy a demand; the API decides. */
export function satisfies({ acr, authTime, scope }: Tokens, { demand, implied, now }: Need): boolean {
  const held = acr === undefined ? [] : [acr, ...(Object.hasOwn(implied, acr) ? (implied[acr] ?? []) : [])];
  const strong = demand.acrValues.length === 0 || demand.acrValues.some((each) => held.includes(each));
  const fresh = demand.maxAge === undefined || (authTime !== undefined && now - authTime <= demand.maxAge);
  return strong && fresh && demand.scope.every((each) => scope.includes(each));
}
