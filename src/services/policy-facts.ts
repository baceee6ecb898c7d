/** The facts a policy is asked with: what the request says, what is known of the person, and where it comes from. */
import { detailFacts, largestAmount } from '../domain/policy/details.ts';
import type {
  DeviceFacts,
  NetworkFacts,
  PolicyEvent,
  PolicyFacts,
  RiskFacts,
  SessionFacts,
  TimeFacts,
} from '../domain/policy/facts.ts';
import type { Proof } from '../domain/proofs.ts';
import type { Account, Credential } from './ports/people.ts';

/** What is asked of the server, and by whom. */
export interface Asked {
  readonly event: PolicyEvent;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
  /** Parsed `authorization_details`. */
  readonly details: readonly unknown[];
  readonly acrValues?: readonly string[];
  readonly maxAge?: number;
  readonly silent?: boolean;
  readonly change?: string;
  readonly client: { readonly id: string; readonly firstParty: boolean };
}

/** Who is asked about. */
export interface Subject {
  readonly account: Account;
  readonly credentials: readonly Pick<Credential, 'method'>[];
  readonly proofs: readonly Proof[];
  /** Epoch seconds at which the session began; null without one. */
  readonly sessionSince: number | null;
  /** Epoch seconds. */
  readonly now: number;
}

/** Where the request comes from, as far as it was found out. */
export interface Surroundings {
  readonly network: NetworkFacts;
  readonly device: DeviceFacts;
  readonly time: TimeFacts;
  readonly risk: RiskFacts;
}

export function policyFacts(asked: Asked, subject: Subject, around: Surroundings): PolicyFacts {
  const { account, credentials, now } = subject;
  const details = detailFacts(asked.details);
  return {
    request: {
      event: asked.event,
      scopes: asked.scopes,
      resources: asked.resources,
      details,
      amount: largestAmount(details),
      acrValues: asked.acrValues ?? [],
      maxAge: asked.maxAge ?? -1,
      silent: asked.silent ?? false,
      change: asked.change ?? '',
    },
    client: asked.client,
    account: {
      id: account.id,
      username: account.username,
      groups: account.groups,
      ageDays: Math.floor(Math.max(0, now - account.createdAt) / 86_400),
      factors: [...new Set(credentials.map(({ method }) => method))].sort(),
    },
    session: sessionFacts(subject),
    ...around,
  };
}

function sessionFacts({ proofs, sessionSince, now }: Subject): SessionFacts {
  const newest = Math.max(
    Number.NEGATIVE_INFINITY,
    ...proofs.map(({ at }) => at ?? Number.NEGATIVE_INFINITY),
  );
  return {
    exists: sessionSince !== null,
    age: sessionSince === null ? -1 : Math.max(0, now - sessionSince),
    authAge: Number.isFinite(newest) ? Math.max(0, now - newest) : -1,
    elevated: proofs.some(({ forClient }) => forClient !== undefined),
  };
}
