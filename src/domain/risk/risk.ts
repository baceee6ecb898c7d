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
  | 'dormant'
  | 'session_elsewhere'
  | 'token_elsewhere';

/** How one feature moved the score. */
export interface FeatureScore {
  readonly feature: 'address' | 'asn' | 'country' | 'browser' | 'os' | 'device';
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
