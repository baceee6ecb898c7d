/** Builders for the domain's tests: one day, one person, a few factors. */
import {
  type AccountFacts,
  type EvaluationInput,
  evaluate,
  type Outcome,
  type TransactionFacts,
} from '../../src/domain/evaluate.ts';
import { defaultLevels, type Level } from '../../src/domain/ladder.ts';
import { type CredentialFacts, type Method, type Proof, proofShape } from '../../src/domain/proofs.ts';
import type { Clause } from '../../src/domain/requirement.ts';

export const [FA, MFA, PHR, PHRH] = ['urn:stile:acr:1fa', 'urn:stile:acr:mfa', 'phr', 'phrh'] as const;

/** Epoch seconds: the tests' present. */
export const NOW = 1_800_000_000;
export const MINUTE = 60;
export const HOUR = 3600;

export const HERE = { id: 'tx-now', clientId: 'bank' } as const;

const credential = (id: string, method: Method, more: Partial<CredentialFacts> = {}): CredentialFacts => ({
  id,
  method,
  boundAt: null,
  ...more,
});

/** A person's credentials, by what they are. */
export const credentials = {
  password: credential('c-password', 'password'),
  totp: credential('c-totp', 'totp'),
  totp2: credential('c-totp2', 'totp'),
  /** Presence only. */
  key: credential('c-key', 'passkey', { userVerifying: false }),
  /** Verifies its user. */
  passkey: credential('c-passkey', 'passkey', { userVerifying: true }),
  /** Attested hardware that verifies its user. */
  hardware: credential('c-hardware', 'passkey', { userVerifying: true, hardwareProtected: true }),
  /** Attested hardware, presence only. */
  hardwareKey: credential('c-hardware-key', 'passkey', { userVerifying: false, hardwareProtected: true }),
} as const;

export type CredentialName = keyof typeof credentials;

let made = 0;

export interface ProofOptions {
  /** Seconds ago; `null`: nobody knows. */
  readonly age?: number | null;
  readonly id?: string;
  readonly transaction?: string;
  readonly forClient?: string;
  readonly userVerified?: boolean;
}

/** A proof by one of the credentials; unless told otherwise just made, at an earlier sign-in. */
export function proofBy(by: CredentialName | CredentialFacts, options: ProofOptions = {}): Proof {
  const made = typeof by === 'string' ? credentials[by] : by;
  const verified = options.userVerified ?? made.userVerifying === true;
  return { ...proofOf(made.method, options, verified), credentialId: made.id };
}

/** A proof without a credential: an emailed code, an upstream's word, a recovery code. */
export function proofOf(method: Method, options: ProofOptions = {}, userVerified = false): Proof {
  made += 1;
  const {
    age = 0,
    id = `p-${String(made).padStart(6, '0')}`,
    transaction = 'tx-sign-in',
    forClient,
  } = options;
  return {
    ...proofShape(method, userVerified),
    id,
    at: age === null ? null : NOW - age,
    transaction,
    ...(forClient === undefined ? {} : { forClient }),
  };
}

/** A proof made in the transaction under way. */
export function ownProof(by: CredentialName | CredentialFacts, options: ProofOptions = {}): Proof {
  return proofBy(by, { transaction: HERE.id, ...options });
}

export interface Situation {
  readonly proofs?: readonly Proof[];
  readonly clauses?: readonly Clause[];
  readonly levels?: readonly Level[];
  readonly account?: Partial<AccountFacts>;
  /** Nothing is known of the account. */
  readonly stranger?: boolean;
  readonly transaction?: Partial<TransactionFacts>;
  readonly now?: number;
}

/** An evaluation's input: all of the person's credentials, the default ladder, nothing enrollable. */
export function situation(given: Situation): EvaluationInput {
  const account = { credentials: Object.values(credentials), enrollable: [], ...given.account };
  return {
    proofs: given.proofs ?? [],
    requirement: { clauses: given.clauses ?? [] },
    levels: given.levels ?? defaultLevels,
    ...(given.stranger ? {} : { account }),
    transaction: { ...HERE, ...given.transaction },
    now: given.now ?? NOW,
  };
}

export function outcomeOf(given: Situation): Outcome {
  return evaluate(situation(given));
}

/** The account has just these credentials, and nothing enrollable. */
export function having(...names: readonly CredentialName[]): Pick<Situation, 'account'> {
  return { account: { credentials: names.map((name) => credentials[name]) } };
}

/** `acr_values`. */
export function acrValues(...acr: readonly string[]): Clause {
  return { source: 'acr_values', acr, reason: 'reason.request' };
}

export function essential(...acr: readonly string[]): Clause {
  return { source: 'claims', acr, reason: 'reason.request' };
}

export function voluntary(...acr: readonly string[]): Clause {
  return { source: 'claims', acr, voluntary: true, reason: 'reason.request' };
}

export function maxAge(seconds: number): Clause {
  return { source: 'max_age', maxAge: seconds, reason: 'reason.recent' };
}

export const promptLogin: Clause = {
  source: 'prompt',
  reauthenticate: true,
  reason: 'reason.reauthenticate',
};

export function scope(name: string, more: Partial<Clause>): Clause {
  return { source: 'scope', name, reason: 'reason.scope', ...more };
}

/** The methods each choice asks for: `['password+totp', 'passkey!']`, `!` for user verification. */
export function asked(outcome: Outcome): string[] {
  if (outcome.kind !== 'stepUp' && outcome.kind !== 'enrol') return [];
  return outcome.choices.map(({ prove }) =>
    prove.map(({ method, userVerified }) => (userVerified ? `${method}!` : method)).join('+'),
  );
}

/** The acr granted, or the kind of outcome where there is none. */
export function acrOf(given: Situation): string {
  const outcome = outcomeOf(given);
  return outcome.kind === 'satisfied' ? outcome.acr : outcome.kind;
}

/** Just the fields tests look at most. */
export function token(outcome: Outcome): { acr: string; ago: number } | string {
  return outcome.kind === 'satisfied' ? { acr: outcome.acr, ago: NOW - outcome.authTime } : outcome.kind;
}

/** The acr values that the choices would give. */
export function chosenAcr(given: Situation): string[] {
  const outcome = outcomeOf(given);
  return outcome.kind === 'stepUp' || outcome.kind === 'enrol'
    ? [...new Set(outcome.choices.map(({ acr }) => acr))]
    : [];
}
