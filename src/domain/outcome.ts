/**
 * What `evaluate` is told and what it answers.
 */
import type { Level } from './level.ts';
import type { CredentialFacts, Method, Proof } from './proofs.ts';
import type { Clause, Requirement } from './requirement.ts';

/** A factor this account may enrol now, with the facts its credential would have. */
export interface EnrolmentOffer {
  readonly method: Method;
  readonly boundAt: string | null;
  readonly userVerifying?: boolean;
  readonly hardwareProtected?: boolean;
}

/** Known only after a first proof: before it nothing about an account may show. */
export interface AccountFacts {
  readonly credentials: readonly CredentialFacts[];
  readonly enrollable: readonly EnrolmentOffer[];
}

export interface TransactionFacts {
  readonly id: string;
  readonly clientId: string;
  /** Device and CIBA grants: only levels that say `crossDevice` are in reach. */
  readonly crossDevice?: boolean;
  /** `prompt=none`: nothing can be asked, so narrowable scopes are dropped instead. */
  readonly silent?: boolean;
  /** The acr last issued to this client in this session. */
  readonly lastAcr?: string;
  /** acr → epoch seconds at which the session was last active at that level (levels with `idle`). */
  readonly lastActive?: Readonly<Record<string, number>>;
}

export interface EvaluationInput {
  readonly proofs: readonly Proof[];
  readonly requirement: Requirement;
  readonly levels: readonly Level[];
  readonly account?: AccountFacts;
  readonly transaction: TransactionFacts;
  /** Epoch seconds. */
  readonly now: number;
}

/** A proof to be made: any one of the credentials will do. Before a first proof `credentialIds` is empty. */
export interface ProofRequest {
  readonly method: Method;
  readonly userVerified: boolean;
  readonly hardwareProtected: boolean;
  readonly credentialIds: readonly string[];
}

/** All of `prove` together would satisfy the requirement at `acr`; nothing in it could be left out. */
export interface Choice {
  readonly acr: string;
  readonly prove: readonly ProofRequest[];
}

/** As a choice, with one factor to be enrolled first. */
export interface EnrolChoice extends Choice {
  readonly enrol: EnrolmentOffer;
}

export type Outcome = { readonly dropped: readonly string[] } & (
  | {
      readonly kind: 'satisfied';
      readonly acr: string;
      readonly amr: readonly string[];
      readonly authTime: number;
      readonly proofIds: readonly string[];
    }
  | { readonly kind: 'stepUp'; readonly choices: readonly Choice[]; readonly missing: readonly Clause[] }
  | { readonly kind: 'enrol'; readonly choices: readonly EnrolChoice[]; readonly missing: readonly Clause[] }
  | { readonly kind: 'unmet'; readonly missing: readonly Clause[] }
  | { readonly kind: 'denied'; readonly reason: string }
);
