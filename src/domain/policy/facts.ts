/**
 * What a policy rule can name. Every fact is always there: what is unknown has a value that says so ('', 0, -1, false),
 * so that no condition fails for want of a member. Times are seconds unless they say otherwise.
 */
export interface PolicyFacts {
  readonly request: RequestFacts;
  readonly client: ClientFacts;
  readonly account: PersonFacts;
  readonly session: SessionFacts;
  readonly network: NetworkFacts;
  readonly device: DeviceFacts;
  readonly time: TimeFacts;
  readonly risk: RiskFacts;
}

/** Where the policy is asked: at an authorization, a refresh, or a change of the account's factors or password. */
export type PolicyEvent = 'authorization' | 'refresh' | 'account_change';

export interface RequestFacts {
  readonly event: PolicyEvent;
  /** At a refresh the token's. */
  readonly scopes: readonly string[];
  /** RFC 8707 resource indicators. */
  readonly resources: readonly string[];
  /** RFC 9396 `authorization_details`. */
  readonly details: readonly DetailFacts[];
  /** The largest amount of the details; 0 without one; above every threshold where one cannot be read. */
  readonly amount: number;
  readonly acrValues: readonly string[];
  /** -1: not asked for. */
  readonly maxAge: number;
  /** `prompt=none`. */
  readonly silent: boolean;
  /** At an account change its audit type, such as `credential_removed`; else ''. */
  readonly change: string;
}

export interface DetailFacts {
  readonly type: string;
  /** See `RequestFacts.amount`. */
  readonly amount: number;
  /** ISO 4217, or ''. */
  readonly currency: string;
  readonly actions: readonly string[];
  readonly locations: readonly string[];
}

export interface ClientFacts {
  readonly id: string;
  readonly firstParty: boolean;
}

export interface PersonFacts {
  /** The account's id, its `sub`. */
  readonly id: string;
  readonly username: string;
  readonly groups: readonly string[];
  readonly ageDays: number;
  /** Methods of the factors the account has, each once. */
  readonly factors: readonly string[];
}

export interface SessionFacts {
  /** False at the sign-in that begins it. */
  readonly exists: boolean;
  /** Seconds since it began; -1 without one. */
  readonly age: number;
  /** Seconds since the newest proof in it; -1 without one. */
  readonly authAge: number;
  /** It holds proofs added by a step-up. */
  readonly elevated: boolean;
}

export interface NetworkFacts {
  /** Textual IPv4 or IPv6 address, or ''. */
  readonly address: string;
  /** ISO 3166-1 alpha-2, or '' where it is private or unknown. */
  readonly country: string;
  /** 0 where it is private or unknown. */
  readonly asn: number;
  readonly organisation: string;
  /** Loopback, private, link-local or unique local. */
  readonly private: boolean;
  /** On the operator's own list. */
  readonly listed: boolean;
  /** A VPN, proxy, Tor exit or hosting network, as far as the operator's list says so. */
  readonly anonymising: boolean;
}

export interface DeviceFacts {
  /** This person has signed in in this browser before. */
  readonly known: boolean;
  /** The person asked for it to be remembered, and has not revoked it. */
  readonly remembered: boolean;
  readonly browser: string;
  readonly os: string;
  readonly kind: 'desktop' | 'mobile' | 'tablet' | 'bot' | 'unknown';
}

/** In the policy's time zone. */
export interface TimeFacts {
  /** 0 to 23. */
  readonly hour: number;
  /** ISO 8601: Monday is 1, Sunday 7. */
  readonly weekday: number;
  /** YYYY-MM-DD. */
  readonly date: string;
}

/** The signals of `domain/risk` and the score, flat so that a typing error in a rule is found when it is loaded. */
export interface RiskFacts {
  /** False where nothing was assessed: no rule that asks, and no sign-in. All other members are then at rest. */
  readonly known: boolean;
  /** 0 to 1: how unlike this person the sign-in is, after Freeman et al.; see `domain/risk/score`. */
  readonly score: number;
  readonly newDevice: boolean;
  readonly newNetwork: boolean;
  readonly newCountry: boolean;
  readonly impossibleTravel: boolean;
  readonly unusualHour: boolean;
  readonly userAgentChanged: boolean;
  /** Failed attempts in the last hour: on this account, from this address, from this network. */
  readonly failuresOfAccount: number;
  readonly failuresOfAddress: number;
  readonly failuresOfNetwork: number;
  readonly listedNetwork: boolean;
  /** Days since the last sign-in before this one; -1: there was none. */
  readonly dormantDays: number;
  /** The session's cookie comes from another network or browser than it was last proved from. */
  readonly sessionElsewhere: boolean;
  /** A token is used in a way that disagrees with its client: another network and another program than it was issued to. */
  readonly tokenElsewhere: boolean;
}
