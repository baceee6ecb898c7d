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
  /** `authorization`, `refresh` or `account_change`. */
  readonly event: PolicyEvent;
  /** At a refresh the token's. */
  readonly scopes: readonly string[];
  /** RFC 8707 resource indicators. */
  readonly resources: readonly string[];
  /** RFC 9396 `authorization_details`. */
  readonly details: readonly DetailFacts[];
  /** The largest amount of the details; 0 without one; above every threshold where one cannot be read. */
  readonly amount: number;
  /** What the request asks for by `acr_values`. */
  readonly acrValues: readonly string[];
  /** -1: not asked for. */
  readonly maxAge: number;
  /** `prompt=none`. */
  readonly silent: boolean;
  /** At an account change its audit type, such as `credential_removed`; else ''. */
  readonly change: string;
}

export interface DetailFacts {
  /** RFC 9396 `type`. */
  readonly type: string;
  /** 0 without one; infinite where it cannot be read as a number. */
  readonly amount: number;
  /** ISO 4217, or ''. */
  readonly currency: string;
  /** RFC 9396 `actions`. */
  readonly actions: readonly string[];
  /** RFC 9396 `locations`. */
  readonly locations: readonly string[];
}

export interface ClientFacts {
  /** Its `client_id`. */
  readonly id: string;
  /** One of the organisation's own, which asks for no consent. */
  readonly firstParty: boolean;
}

export interface PersonFacts {
  /** The account's id, its `sub`. */
  readonly id: string;
  /** In lower case. */
  readonly username: string;
  /** Groups the account is in. */
  readonly groups: readonly string[];
  /** Whole days since the account was made. */
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
  /** Who runs the network, or ''. */
  readonly organisation: string;
  /** Loopback, private, link-local or unique local. */
  readonly private: boolean;
  /** On the operator's own list. */
  readonly listed: boolean;
  /** A VPN, proxy, Tor exit or hosting network, as far as the operator's list says so. */
  readonly anonymising: boolean;
}

export interface DeviceFacts {
  /** This person has signed in in this browser before, and it was vouched for (docs/risk.md). */
  readonly known: boolean;
  /** The person asked for it to be remembered, and has not revoked it. */
  readonly remembered: boolean;
  /** Its family, such as `Firefox`, or ''. */
  readonly browser: string;
  /** Its family, such as `Windows`, or ''. */
  readonly os: string;
  /** `desktop`, `mobile`, `tablet`, `bot` or `unknown`. */
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
  /** This person has not signed in with this kind of device. */
  readonly newDevice: boolean;
  /** Nor from this network. */
  readonly newNetwork: boolean;
  /** Nor from this country. */
  readonly newCountry: boolean;
  /** Farther from the last sign-in than anybody travels in the time since. */
  readonly impossibleTravel: boolean;
  /** An hour of the day at which this person does not sign in. */
  readonly unusualHour: boolean;
  /** The browser says it is another than it was when the session began. */
  readonly userAgentChanged: boolean;
  /** Failed attempts in the last hour on this account. */
  readonly failuresOfAccount: number;
  /** Failed attempts in the last hour from this address. */
  readonly failuresOfAddress: number;
  /** Failed attempts in the last hour from this network. */
  readonly failuresOfNetwork: number;
  /** The network is on the operator's list, or one of those for hiding in. */
  readonly listedNetwork: boolean;
  /** Days since the last sign-in before this one; -1: there was none. */
  readonly dormantDays: number;
  /** The session's cookie comes from another network or browser than it was last proved from. */
  readonly sessionElsewhere: boolean;
  /** A token is used in a way that disagrees with its client: another network and another program than it was issued to. */
  readonly tokenElsewhere: boolean;
}
