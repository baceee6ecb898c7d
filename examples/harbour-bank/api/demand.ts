/** What a transfer demands of the person's authentication, and how that is said (RFC 9470, RFC 6750). */
import type { AccessToken, ImpliedAcrValues } from './access-token.ts';

export interface Demand {
  /** Any one of these acr values, or one that implies it. */
  readonly acr: readonly string[];
  /** Oldest acceptable `auth_time`, in seconds. */
  readonly maxAge: number;
}

interface Tier {
  /** Cents, inclusive. */
  readonly upTo: number;
  readonly demand?: Demand;
}

const tiers: readonly Tier[] = [
  { upTo: 100_00 },
  { upTo: 1_000_00, demand: { acr: ['urn:stile:acr:mfa'], maxAge: 900 } },
  { upTo: Number.POSITIVE_INFINITY, demand: { acr: ['phr'], maxAge: 300 } },
];

/** Seconds by which the clocks of issuer and API may differ. */
const LEEWAY = 10;

/** undefined: the sign-in is enough. */
export function demandFor(cents: number): Demand | undefined {
  return tiers.find(({ upTo }) => cents <= upTo)?.demand;
}

type Shortfall = 'acr' | 'age';

/**
 * What the token lacks; undefined: nothing. A stronger acr serves for one it implies. Freshness is judged by the
 * token's own `auth_time`, whichever acr it carries.
 */
export function shortfall(
  demand: Demand,
  token: Pick<AccessToken, 'acr' | 'authTime'>,
  { implied, now }: { implied: ImpliedAcrValues; now: number },
): Shortfall | undefined {
  const { acr, authTime } = token;
  const held = acr === undefined ? [] : [acr, ...(Object.hasOwn(implied, acr) ? (implied[acr] ?? []) : [])];
  if (!demand.acr.some((value) => held.includes(value))) return 'acr';
  if (authTime === undefined || now - authTime > demand.maxAge + LEEWAY) return 'age';
  return undefined;
}

const explanations: Readonly<Record<Shortfall, string>> = {
  acr: 'A stronger authentication is required',
  age: 'A more recent authentication is required',
};

/** The step-up challenge of RFC 9470 section 3. */
export function stepUpChallenge(demand: Demand, lack: Shortfall): string {
  return bearer({
    error: 'insufficient_user_authentication',
    error_description: explanations[lack],
    acr_values: demand.acr.join(' '),
    max_age: String(demand.maxAge),
  });
}

/** A `Bearer` challenge; every parameter is a quoted string (RFC 9110 section 11.2). */
export function bearer(parameters: Readonly<Record<string, string>>): string {
  const list = Object.entries(parameters).map(
    ([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&')}"`,
  );
  return `Bearer ${list.join(', ')}`;
}
