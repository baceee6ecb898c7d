/**
 * How unlike a person a sign-in is: the model of Freeman, Jain, Dürmuth, Biggio and Giacinto, "Who Are You? A Statistical
 * Approach to Measuring User Authenticity" (NDSS 2016), without data on attacks:
 *
 *     S(u, x) = p(u | attack) / p(u | legitimate) · ∏ p(x_k) / p(x_k | u)
 *
 * over two features, network and program, each with levels h from the exact value to the general. What a person is likely
 * to use is interpolated over them, p(x | u) = ∑ λ_h p(x | h) p(h | u), and because p(x | h) = p(x) / p(h), a feature's ratio
 * is 1 / ∑ λ_h p(h | u) / p(h). The weights λ are those Wiefling, Jørgensen, Thunem and Lo Iacono (ACM TOPS 2022) found for
 * 3.3 million people. Unknown levels drop out and the weights of the others grow.
 */
import type { Feature, FeatureCounts, FeatureScore, Overall, RiskInput, Visit } from './risk.ts';

const groups: readonly (readonly (readonly [feature: Feature, weight: number])[])[] = [
  [
    ['address', 0.6],
    ['asn', 0.3],
    ['country', 0.1],
  ],
  [
    ['agent', 0.5387],
    ['browser', 0.268],
    ['os', 0.1882],
    ['device', 0.0051],
  ],
];

/**
 * How many sign-ins everybody's habits count for in one person's. A value the person never used is `(n + prior) / prior`
 * times less likely of them than of anybody, whether many others use it or none: Wiefling's edge case, in which what is
 * rare with everybody passed for harmless, does not arise.
 */
const prior = 1;

export type ScoreInput = Pick<RiskInput, 'now' | 'history' | 'overall'> & {
  readonly network: Pick<RiskInput['network'], 'shown'>;
};

export interface Score {
  /** 0 to 1: S / (1 + S), the probability of an attack were one as likely as not beforehand. Grows with S. */
  readonly score: number;
  readonly features: readonly FeatureScore[];
}

/** Without a history every ratio is 1, and the score 2/3: nothing speaks for the person, nothing against. */
export function score({ now, network, history, overall }: ScoreInput): Score {
  const scored = groups.map((levels) => scoreGroup(levels, now, { history, overall }));
  const ratios = scored.map(({ ratio }) => ratio);
  const odds = ratios.reduce((product, ratio) => product * ratio, activity(history.length, overall));
  return {
    score: odds / (1 + odds),
    features: scored
      .flatMap(({ features }) => features)
      .map((each) => (each.feature === 'address' ? { ...each, value: network.shown } : each)),
  };
}

/**
 * p(u | attack) / p(u | legitimate): everybody is attacked alike, and signs in as often as the history says, to which the
 * average is added because it is bounded. From 2 without a history towards 0.
 */
function activity(signIns: number, { signIns: all, people }: Overall): number {
  const average = Math.max(1, all / Math.max(1, people));
  return (2 * average) / (signIns + average);
}

interface Known {
  readonly history: readonly Visit[];
  readonly overall: Overall;
}

interface GroupScore {
  readonly ratio: number;
  readonly features: readonly FeatureScore[];
}

function scoreGroup(levels: (typeof groups)[number], now: Visit, known: Known): GroupScore {
  let [weights, likeness] = [0, 0];
  const features: FeatureScore[] = [];
  for (const [feature, weight] of levels) {
    const value = featureValue(now, feature);
    if (value === '') continue;
    const overall = probability(known.overall.features[feature], value);
    const own = ownProbability(feature, now, { history: known.history, overall });
    weights += weight;
    likeness += (weight * own) / overall;
    features.push({ feature, value, overall, own });
  }
  return { ratio: weights === 0 ? 1 : weights / likeness, features };
}

function ownProbability(
  feature: Feature,
  now: Visit,
  { history, overall }: { readonly history: readonly Visit[]; readonly overall: number },
): number {
  const { known, same } = comparisons[feature];
  let [seen, equal] = [0, 0];
  for (const visit of history) {
    if (!known(visit)) continue;
    seen += 1;
    if (same(visit, now)) equal += 1;
  }
  return (equal + prior * overall) / (seen + prior);
}

/** Freeman's smoothing: as many values are yet to be seen as were. Above 0, at most 1. */
function probability({ total, distinct, counts }: FeatureCounts, value: string): number {
  const count = Math.min(Math.max(1, counts.get(value) ?? 1), Math.max(1, total));
  return count / (total + distinct + 1);
}

interface Comparison {
  readonly known: (visit: Visit) => boolean;
  /** Of two visits in which it is known. */
  readonly same: (one: Visit, other: Visit) => boolean;
}

/** What `featureValue` says, without making texts of a whole history. */
const comparisons: Readonly<Record<Feature, Comparison>> = {
  address: { known: ({ address }) => address !== '', same: (one, other) => one.address === other.address },
  asn: { known: ({ asn }) => asn !== 0, same: (one, other) => one.asn === other.asn },
  country: { known: ({ country }) => country !== '', same: (one, other) => one.country === other.country },
  agent: {
    known: ({ agent }) => agent.browser !== '',
    same: ({ agent: one }, { agent: other }) =>
      one.browser === other.browser && one.version === other.version && one.os === other.os,
  },
  browser: {
    known: ({ agent }) => agent.browser !== '',
    same: ({ agent: one }, { agent: other }) => one.browser === other.browser,
  },
  os: {
    known: ({ agent }) => agent.os !== '',
    same: ({ agent: one }, { agent: other }) => one.os === other.os,
  },
  device: {
    known: ({ agent }) => agent.kind !== 'unknown',
    same: ({ agent: one }, { agent: other }) => one.kind === other.kind,
  },
};

/** A feature's value as text; '': unknown. */
export function featureValue({ address, asn, country, agent }: Visit, feature: Feature): string {
  switch (feature) {
    case 'address':
      return address;
    case 'asn':
      return asn === 0 ? '' : `AS${asn}`;
    case 'country':
      return country;
    case 'agent':
      return agent.browser === '' ? '' : `${agent.browser} ${agent.version}, ${agent.os}`;
    case 'browser':
      return agent.browser;
    case 'os':
      return agent.os;
    case 'device':
      return agent.kind === 'unknown' ? '' : agent.kind;
  }
}
