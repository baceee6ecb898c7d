/** Policies, and what is found out about a request for them. */
import type { DeviceFacts, RiskFacts } from '../../domain/policy/facts.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Evidence, Visit } from '../../domain/risk/risk.ts';

/** Versions of the policy; one at most is in force. */
export interface PolicyVersion {
  /** From 1, one more for each. */
  readonly id: number;
  readonly note: string | null;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly active: boolean;
}

export interface PolicyStore {
  /** The version in force, unless it is the known one; 0: none is known. */
  newer(known: number): Promise<{ readonly id: number; readonly text: string } | undefined>;
  /** Puts a new version in force; returns its id. */
  add(
    version: Pick<PolicyVersion, 'note' | 'createdAt' | 'createdBy'> & { readonly text: string },
  ): Promise<number>;
  /** Puts a version in force again; false when there is none. */
  activate(id: number): Promise<boolean>;
  byId(id: number): Promise<{ readonly id: number; readonly text: string } | undefined>;
  /** The hash of its text in the newest event that put it in force; undefined: none says. */
  recordedHash(id: number): Promise<string | undefined>;
  /** The latest first. */
  list(): Promise<PolicyVersion[]>;
}

/** The policy in force: asked at every decision, as it may change at any time. */
export interface PolicySource {
  /** An empty one where none is configured. Error `policy_unavailable` where the one there is cannot be loaded. */
  current(): Policy;
}

/** The browser or program that sends the request. */
export interface Device {
  readonly browserHash: string | null;
  readonly userAgent: string | null;
  /** `Sec-CH-UA`, `-Mobile` and `-Platform`, where the browser sends them. */
  readonly hints?: { readonly brands: string; readonly mobile: string; readonly platform: string };
  readonly address: string | null;
  /** `id.secret` of each remembered device whose cookie came; see services/remembered-devices. */
  readonly remembered: readonly string[];
}

/** Where a token was issued or last used: enough to tell another place and another program, and no more. */
export type TokenOrigin = Pick<Visit, 'address' | 'network' | 'asn' | 'country' | 'agent'>;

/** What was found out about the device and the risk of a sign-in. */
export interface Assessed {
  readonly device: Pick<DeviceFacts, 'known' | 'remembered'>;
  readonly risk: RiskFacts;
  /** What spoke, for the audit. */
  readonly evidence: readonly Evidence[];
  /** Keys of where it was last judged from. Absent: nothing was. */
  readonly place?: Pick<Visit, 'network' | 'device'>;
  /** It was judged from another place before. */
  readonly moved?: boolean;
}
