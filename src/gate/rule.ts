/** A rule as it is decided by. */
import type { Caller } from '@stile/sdk/server';
import type { PatternPart } from './pattern.ts';

/** A claim's name → the values any one of which it has, or, where it is a list, holds. */
export type ClaimsCondition = Readonly<Record<string, readonly (string | number | boolean)[]>>;

/** What a rule asks of a token; the SDK's `Demand`. */
export interface RuleDemand {
  readonly acr?: readonly string[];
  readonly maxAge?: number;
  readonly scope?: readonly string[];
}

export type Effect =
  | { readonly kind: 'public' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'token'; readonly demand: RuleDemand };

export interface Rule {
  /** Its place in the file, from 0. The first that matches wins. */
  readonly order: number;
  readonly name: string;
  /** Absent: any. */
  readonly methods?: readonly string[];
  /** Absent: any. Lower case, without port. */
  readonly hosts?: readonly string[];
  readonly pattern: string;
  readonly parts: readonly PatternPart[];
  readonly claims?: ClaimsCondition;
  readonly effect: Effect;
}

/** What of a request rules are matched by. */
export interface Target {
  readonly method: string;
  readonly host: string;
  readonly segments: readonly string[];
}

/** The method rules see: a HEAD does what a GET does. */
export function ruleMethod(method: string): string {
  return method === 'HEAD' ? 'GET' : method;
}

/**
 * Whether a caller's claims meet the condition. Without a caller none does. `sub` is a person: a client's own token
 * names the client there (RFC 9068 2.2), which may be called as some person is.
 */
export function claimsHold(
  condition: ClaimsCondition | undefined,
  caller: Pick<Caller, 'sub' | 'claims'> | undefined,
): boolean {
  if (!condition) return true;
  if (!caller) return false;
  const { claims } = caller;
  return Object.entries(condition).every(([name, wanted]) => {
    const claim = Object.hasOwn(claims, name) ? claims[name] : undefined;
    const held = name === 'sub' ? caller.sub : claim;
    const values: readonly unknown[] = Array.isArray(held) ? held : [held];
    return wanted.some((value) => values.includes(value));
  });
}
