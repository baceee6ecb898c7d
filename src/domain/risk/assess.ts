/** All signals and the score of one visit. */
import type { RiskFacts } from '../policy/facts.ts';
import { newDevice, sessionElsewhere, tokenElsewhere, userAgentChanged } from './devices.ts';
import { anonymisingNetwork, impossibleTravel, listedNetwork, newCountry, newNetwork } from './places.ts';
import type { Evidence, Risk, RiskInput, Signal } from './risk.ts';
import { score } from './score.ts';
import { dormant, failuresOf, unusualHour } from './times.ts';

const signals: readonly ((input: RiskInput) => Evidence)[] = [
  newDevice,
  newNetwork,
  newCountry,
  impossibleTravel,
  unusualHour,
  userAgentChanged,
  (input) => failuresOf('account', input),
  (input) => failuresOf('address', input),
  (input) => failuresOf('network', input),
  listedNetwork,
  anonymisingNetwork,
  dormant,
  sessionElsewhere,
  tokenElsewhere,
];

/** Total: it throws on no input. The order of the history does not matter. */
export function assessRisk(input: RiskInput): Risk {
  return { ...score(input), evidence: signals.map((signal) => signal(input)) };
}

/** Nothing was assessed. */
export const unassessed: RiskFacts = {
  known: false,
  score: 0,
  newDevice: false,
  newNetwork: false,
  newCountry: false,
  impossibleTravel: false,
  unusualHour: false,
  userAgentChanged: false,
  failuresOfAccount: 0,
  failuresOfAddress: 0,
  failuresOfNetwork: 0,
  listedNetwork: false,
  dormantDays: -1,
  sessionElsewhere: false,
  tokenElsewhere: false,
};

/** What rules can name of it. */
export function riskFacts({ score, evidence }: Risk): RiskFacts {
  const found = new Map<Signal, Evidence>(evidence.map((each) => [each.signal, each]));
  const has = (signal: Signal): boolean => found.get(signal)?.present === true;
  const count = (signal: Signal, name: string, otherwise: number): number =>
    Number(found.get(signal)?.values[name] ?? otherwise);
  return {
    known: true,
    score,
    newDevice: has('new_device'),
    newNetwork: has('new_network'),
    newCountry: has('new_country'),
    impossibleTravel: has('impossible_travel'),
    unusualHour: has('unusual_hour'),
    userAgentChanged: has('user_agent_changed'),
    failuresOfAccount: count('failures_account', 'count', 0),
    failuresOfAddress: count('failures_address', 'count', 0),
    failuresOfNetwork: count('failures_network', 'count', 0),
    listedNetwork: has('listed_network'),
    dormantDays: count('dormant', 'days', -1),
    sessionElsewhere: has('session_elsewhere'),
    tokenElsewhere: has('token_elsewhere'),
  };
}
