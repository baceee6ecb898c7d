/**
 * A decision as the audit keeps it: everything `evaluate` was told, so that it can be asked again under another policy.
 */
import type { PolicyFacts } from './policy/facts.ts';
import type { RuleMatch } from './policy/policy.ts';
import type { CredentialFacts, Proof } from './proofs.ts';
import type { Clause } from './requirement.ts';
import type { Evidence } from './risk/risk.ts';

/** Kept in the `data` of `authorization`, `token` (at a refresh), `decision` and `credential_…` events, as `decision`. */
export interface RecordedDecision {
  /** Of this shape. */
  readonly v: 1;
  readonly facts: PolicyFacts;
  /** The risk signals that spoke. */
  readonly evidence: readonly Evidence[];
  /** Every clause but the policy's. */
  readonly clauses: readonly Clause[];
  readonly proofs: readonly Proof[];
  readonly credentials: readonly CredentialFacts[];
  /** The authentication transaction; proofs that name it were made for this decision. */
  readonly transaction: string;
  readonly lastAcr: string | null;
  /** acr → epoch seconds of the session's last activity at that level, where levels have `idle`. */
  readonly lastActive?: Readonly<Record<string, number>>;
  readonly policy: {
    readonly version: string;
    readonly matched: readonly RuleMatch[];
    /** What it added. */
    readonly clauses: readonly Clause[];
    readonly deny: boolean;
  };
  readonly outcome: 'satisfied' | 'stepUp' | 'enrol' | 'unmet' | 'denied';
  readonly acr: string | null;
  /** Epoch seconds. */
  readonly now: number;
}
