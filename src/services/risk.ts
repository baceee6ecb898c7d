/** Judging a visit by the person's history: one read, then the pure core. And what is kept of sign-ins and failures. */
import { hostOf, networkOf, parseAddress } from '../domain/address.ts';
import { memoised } from '../domain/memo.ts';
import type { DeviceFacts, NetworkFacts } from '../domain/policy/facts.ts';
import { assessRisk } from '../domain/risk/assess.ts';
import { nobody } from '../domain/risk/overall.ts';
import type { Overall, Risk, Visit } from '../domain/risk/risk.ts';
import type { Clock, NetworkLookup, Random, Vault } from './ports/machine.ts';
import type { SignInStore } from './ports/sign-ins.ts';
import { type AgentHeaders, agentOf } from './user-agent.ts';

export interface RiskDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly addressKeys: AddressKeys;
  readonly network: NetworkLookup;
  readonly signIns: SignInStore;
  readonly overall: OverallCounts;
}

/** A request by somebody who is, or says to be, a person with an account. */
export interface VisitRequest {
  readonly accountId: string;
  /** The session in which it is made, if there is one. */
  readonly sessionUid: string | null;
  readonly address: string;
  readonly headers: AgentHeaders;
  /** Of the browser's cookie. */
  readonly browserHash: string | null;
}

export interface SignInRequest extends VisitRequest {
  /** The person asked for this browser to be remembered, and has not revoked it. */
  readonly remembered: boolean;
  /** Where and by what the token that is used now was issued; null: no token is used, or that is not known. */
  readonly token: Visit | null;
}

export interface Assessment {
  readonly risk: Risk;
  readonly network: NetworkFacts;
  readonly device: DeviceFacts;
  /** To be remembered when the sign-in succeeds. */
  readonly visit: Visit;
}

/** Sign-ins kept of one person. */
export const mostVisits = 100;
/** Seconds for which a failure counts. */
export const failureWindow = 3600;
/** A flood is counted no further. */
const mostFailures = 1000;

/** Undefined: there is no such account. One statement on the database. */
export async function assessSignIn(deps: RiskDeps, request: SignInRequest): Promise<Assessment | undefined> {
  const { visit, network } = visitOf(deps, request);
  const facts = await load(deps, request.accountId, visit);
  if (!facts) return undefined;
  const { history, proved, lastSignInAt, failures } = facts;
  const known = isOneOf(visit, history);
  const device = { known, remembered: request.remembered };
  const risk = assessRisk({
    now: visit,
    network: { ...network, shown: shownNetwork(network.address) },
    device,
    history,
    lastSignInAt,
    overall: deps.overall.current(),
    failures,
    session: proved,
    token: request.token,
  });
  const { browser, os, kind } = visit.agent;
  return { risk, network, device: { ...device, browser, os, kind }, visit };
}

/** Whether the person has signed in in this browser before, as it is known now. */
export async function isFamiliar(
  deps: Pick<RiskDeps, 'signIns'>,
  accountId: string,
  visit: Visit,
): Promise<boolean> {
  const facts = await load(deps, accountId, visit);
  return facts !== undefined && isOneOf(visit, facts.history);
}

function isOneOf(visit: Visit, history: readonly Visit[]): boolean {
  return visit.device !== '' && history.some(({ device }) => device === visit.device);
}

function load({ signIns }: Pick<RiskDeps, 'signIns'>, accountId: string, visit: Visit) {
  return signIns.load({
    accountId,
    address: visit.address,
    network: visit.network,
    session: visit.session,
    failuresSince: visit.at - failureWindow,
    most: { visits: mostVisits, failures: mostFailures },
  });
}

/** What a request looks like now. Its address is kept as two keyed hashes, of itself and of its /24 or /48. */
export function visitOf(
  deps: Pick<RiskDeps, 'clock' | 'addressKeys' | 'network'>,
  request: Omit<VisitRequest, 'accountId'>,
): { readonly visit: Visit; readonly network: NetworkFacts } {
  const { place, ...network } = deps.network.of(request.address);
  const visit: Visit = {
    at: deps.clock.now(),
    ...deps.addressKeys(network.address),
    asn: network.asn,
    country: network.country,
    place: place && coarse(place),
    device: request.browserHash ?? '',
    agent: agentOf(request.headers),
    session: request.sessionUid ?? '',
  };
  return { visit, network };
}

/** What is stored of an address: keyed hashes of itself and of its /24 or /48; '' of what is none. */
export type AddressKeys = (text: string) => Pick<Visit, 'address' | 'network'>;

export function createAddressKeys({ mac }: Pick<Vault, 'mac'>): AddressKeys {
  return memoised(10_000, (text) => {
    const address = parseAddress(text);
    if (address === undefined) return { address: '', network: '' };
    return {
      address: mac(hostOf(address), 'risk-address'),
      network: mac(networkOf(address), 'risk-network'),
    };
  });
}

/** The /24 or /48, for administrators. */
function shownNetwork(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? '' : networkOf(address);
}

/** A tenth of a degree is about eleven kilometres: enough for travel, too little for a street. */
function coarse({ latitude, longitude, radiusKm }: NonNullable<Visit['place']>): Visit['place'] {
  const tenth = (degrees: number): number => Math.round(degrees * 10) / 10;
  return { latitude: tenth(latitude), longitude: tenth(longitude), radiusKm: Math.round(radiusKm) };
}

/**
 * Keeps what a successful sign-in looked like, in its transaction; the person's oldest beyond `mostVisits` go. `sessionUid`:
 * of the session as it is from now on.
 */
export async function rememberSignIn(
  deps: Pick<RiskDeps, 'random' | 'signIns'>,
  signIn: {
    readonly accountId: string;
    readonly sessionUid: string | null;
    readonly visit: Visit;
    /** See domain/risk/vouched: what is not is kept, and is never familiar. */
    readonly vouched: boolean;
  },
): Promise<void> {
  const { accountId, vouched } = signIn;
  const visit = { ...signIn.visit, session: signIn.sessionUid ?? '' };
  const id = deps.random.sortableId();
  await deps.signIns.add({ id, accountId, visit, vouched, most: mostVisits });
}

/** Counts a failed attempt, by account where one is known, by address and by network. Waits for nobody. */
export async function rememberFailure(
  deps: Pick<RiskDeps, 'clock' | 'random' | 'addressKeys' | 'signIns'>,
  failure: { readonly accountId: string | null; readonly address: string },
): Promise<void> {
  await deps.signIns.addFailure({
    id: deps.random.sortableId(),
    at: deps.clock.now(),
    accountId: failure.accountId,
    ...deps.addressKeys(failure.address),
  });
}

/** Everybody's habits, counted by each process now and then. */
export interface OverallCounts {
  /** The last counted; at first nobody's. */
  current(): Overall;
  /** Epoch seconds of the last count; 0: never. */
  countedAt(): number;
  /** Counts again where the last count is old. */
  refresh(): Promise<void>;
}

/** Seconds. */
const recountAfter = 900;
/** The newest sign-ins that are looked at, and the values kept of each feature: what is rarer counts as seen once. */
const sample = { signIns: 50_000, values: 2000 };

export function createOverallCounts(deps: Pick<RiskDeps, 'clock' | 'signIns'>): OverallCounts {
  let counted: Overall = nobody;
  let at = 0;
  return {
    current: () => counted,
    countedAt: () => at,
    refresh: async () => {
      const now = deps.clock.now();
      if (at !== 0 && now - at < recountAfter) return;
      counted = await deps.signIns.overall(sample);
      at = now;
    },
  };
}
