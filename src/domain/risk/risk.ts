/** What a signal says, in words and numbers: never a bare boolean. */
export interface Evidence {
  readonly signal: Signal;
  /** Whether the signal speaks. */
  readonly present: boolean;
  /** What it was judged by; small numbers and short texts, no secret and no full address. */
  readonly values: Readonly<Record<string, number | string>>;
  /** One plain sentence for an administrator. */
  readonly words: string;
}

export type Signal =
  | 'new_device'
  | 'new_network'
  | 'new_country'
  | 'impossible_travel'
  | 'unusual_hour'
  | 'user_agent_changed'
  | 'failures_account'
  | 'failures_address'
  | 'failures_network'
  | 'listed_network'
  | 'anonymising_network'
  | 'dormant'
  | 'session_elsewhere'
  | 'token_elsewhere';

/** `agent`: browser, version and system together. */
export type Feature = 'address' | 'asn' | 'country' | 'agent' | 'browser' | 'os' | 'device';

/** How one feature moved the score. */
export interface FeatureScore {
  readonly feature: Feature;
  /** Short; of an address the network around it. */
  readonly value: string;
  /** Smoothed probability among everybody's sign-ins, and among this person's. */
  readonly overall: number;
  readonly own: number;
}

export interface Risk {
  /** 0 to 1. */
  readonly score: number;
  readonly features: readonly FeatureScore[];
  readonly evidence: readonly Evidence[];
}

/** Degrees, and the radius around them that the database vouches for. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
  readonly radiusKm: number;
}

/** A program, as its headers describe it; '' and 0: they do not say. */
export interface Agent {
  /** Such as `Firefox`; of a program that is no browser its product token, such as `curl`. */
  readonly browser: string;
  /** Major. */
  readonly version: number;
  /** Such as `Windows`. */
  readonly os: string;
  readonly kind: 'desktop' | 'mobile' | 'tablet' | 'bot' | 'unknown';
}

/** What one use of an account looked like. Keys are opaque and only compared; '' and 0: unknown. */
export interface Visit {
  /** Epoch seconds. */
  readonly at: number;
  /** Key of the address (of IPv6 its /64), and of its /24 or /48. */
  readonly address: string;
  readonly network: string;
  readonly asn: number;
  readonly country: string;
  readonly place: Place | null;
  /** Key of the browser by its cookie. */
  readonly device: string;
  readonly agent: Agent;
  /** The session it belongs to, or ''. */
  readonly session: string;
}

/** How often each value of a feature was seen among everybody's recent sign-ins. */
export interface FeatureCounts {
  /** Sign-ins in which the feature was known. */
  readonly total: number;
  readonly distinct: number;
  /** The most frequent values; one that is missing counts as seen once. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface Overall {
  readonly features: Readonly<Record<Feature, FeatureCounts>>;
  readonly signIns: number;
  readonly people: number;
}

/** Failed attempts in the last hour. */
export interface Failures {
  readonly account: number;
  readonly address: number;
  readonly network: number;
}

export interface RiskInput {
  readonly now: Visit;
  /** Of this visit's network. `shown`: a text for administrators, never a full address. */
  readonly network: {
    readonly shown: string;
    readonly private: boolean;
    readonly listed: boolean;
    readonly anonymising: boolean;
  };
  /** `known`: the person signed in in this browser before, vouched for. `remembered`: and asked for it to be remembered. */
  readonly device: { readonly known: boolean; readonly remembered: boolean };
  /** The person's sign-ins before this one that were vouched for, in any order. */
  readonly history: readonly Visit[];
  /** Epoch seconds; null: there was none. Outlives the history. */
  readonly lastSignInAt: number | null;
  readonly overall: Overall;
  readonly failures: Failures;
  /** Where the session of this visit was last proved; null: it has none, or that is not known. */
  readonly session: Visit | null;
  /** What the token that is used now was issued to; null: no token is used, or that is not known. */
  readonly token: Visit | null;
}
