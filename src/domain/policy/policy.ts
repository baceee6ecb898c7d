/**
 * A policy: ordered rules over facts. All that match merge, the strictest wins; nothing a rule says lowers what a client,
 * scope or resource demands, because a rule can only add clauses to the requirement or deny.
 */
import type { PolicyFacts } from './facts.ts';

export type Effect =
  | { readonly kind: 'require'; readonly acr?: readonly string[]; readonly maxAge?: number }
  | { readonly kind: 'deny' }
  | { readonly kind: 'notify' };

/** `observe`: counted and recorded, never felt. */
export type Mode = 'enforce' | 'observe';

export interface Rule {
  readonly name: string;
  /** Source text of the condition, in CEL. */
  readonly when: string;
  /** The compiled condition. Throws where the expression fails on these facts. */
  readonly matches: (facts: PolicyFacts) => boolean;
  readonly effect: Effect;
  /** Shown to the person, in plain words. */
  readonly reason: string;
  readonly mode: Mode;
  /** What must hold for `matches` to be true, read from the condition: lets a rule be passed over unevaluated. */
  readonly needs: RuleNeeds;
}

/** Each undefined: any. A rule is passed over when the request has none of the values named. */
export interface RuleNeeds {
  readonly events?: readonly string[];
  readonly scopes?: readonly string[];
  readonly resources?: readonly string[];
  readonly clients?: readonly string[];
  readonly detailTypes?: readonly string[];
  /** Top-level facts the condition names, such as `risk`; says what has to be found out before it is asked. */
  readonly facts: readonly (keyof PolicyFacts)[];
}

export interface Policy {
  /** Names this text: a hash of it. */
  readonly version: string;
  /** IANA name; for `time`. */
  readonly timeZone: string;
  readonly rules: readonly Rule[];
}

/** One rule that holds for these facts. `error`: it failed, and what fails counts as a match, never as permission. */
export interface RuleMatch {
  readonly rule: string;
  readonly mode: Mode;
  readonly effect: Effect['kind'];
  readonly error?: string;
}
