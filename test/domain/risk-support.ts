import fc from 'fast-check';
import { nobody } from '../../src/domain/risk/overall.ts';
import type { Feature, FeatureCounts, Overall, RiskInput, Visit } from '../../src/domain/risk/risk.ts';
import { featureValue } from '../../src/domain/risk/score.ts';

/** A Friday, 12:00 UTC. */
export const NOON = Date.UTC(2026, 10, 27, 12) / 1000;
export const DAY = 86_400;

export const firefox = { browser: 'Firefox', version: 128, os: 'Windows', kind: 'desktop' } as const;
export const london = { latitude: 51.5, longitude: -0.1, radiusKm: 20 };
export const sydney = { latitude: -33.9, longitude: 151.2, radiusKm: 50 };

export function visit(changes: Partial<Visit> = {}): Visit {
  return {
    at: NOON,
    address: 'address-1',
    network: 'network-1',
    asn: 64496,
    country: 'GB',
    place: null,
    device: 'device-1',
    agent: firefox,
    session: '',
    ...changes,
  };
}

export function input(changes: Partial<RiskInput> = {}): RiskInput {
  return {
    now: visit(),
    network: { shown: '192.0.2.0/24', private: false, listed: false, anonymising: false },
    device: { known: true, remembered: false },
    history: [],
    lastSignInAt: null,
    overall: nobody,
    failures: { account: 0, address: 0, network: 0 },
    session: null,
    token: null,
    ...changes,
  };
}

/** A sign-in a day, the last one yesterday. */
export function daily(count: number, changes: Partial<Visit> = {}): Visit[] {
  return Array.from({ length: count }, (_, index) => visit({ at: NOON - DAY * (index + 1), ...changes }));
}

/** What is frequent among these visits of so many people. */
export function overallOf(visits: readonly Visit[], people: number): Overall {
  const features = Object.fromEntries(
    Object.keys(nobody.features).map((feature) => [feature, countsOf(visits, feature as Feature)]),
  ) as Record<Feature, FeatureCounts>;
  return { features, signIns: visits.length, people };
}

function countsOf(visits: readonly Visit[], feature: Feature): FeatureCounts {
  const counts = new Map<string, number>();
  for (const each of visits) {
    const value = featureValue(each, feature);
    if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return {
    total: [...counts.values()].reduce((sum, count) => sum + count, 0),
    distinct: counts.size,
    counts,
  };
}

const few = (name: string) => fc.constantFrom('', `${name}-1`, `${name}-2`, `${name}-3`);

export const anyVisit: fc.Arbitrary<Visit> = fc.record({
  at: fc.oneof(fc.integer({ min: NOON - 300 * DAY, max: NOON }), fc.constantFrom(NOON, NOON - DAY)),
  address: few('address'),
  network: few('network'),
  asn: fc.constantFrom(0, 64496, 64497),
  country: fc.constantFrom('', 'GB', 'NO'),
  place: fc.constantFrom(null, london, sydney),
  device: few('device'),
  agent: fc.record({
    browser: fc.constantFrom('', 'Firefox', 'Chrome'),
    version: fc.constantFrom(0, 127, 128),
    os: fc.constantFrom('', 'Windows', 'Android', 'Linux'),
    kind: fc.constantFrom('desktop', 'mobile', 'unknown'),
  }),
  session: few('session'),
});

export const anyInput: fc.Arbitrary<RiskInput> = fc
  .record({
    now: anyVisit,
    history: fc.array(anyVisit, { maxLength: 30 }),
    others: fc.array(anyVisit, { maxLength: 60 }),
    people: fc.integer({ min: 0, max: 20 }),
    shut: fc.boolean(),
    known: fc.boolean(),
    lastSignInAt: fc.option(fc.integer({ min: NOON - 900 * DAY, max: NOON })),
    session: fc.option(anyVisit),
    token: fc.option(anyVisit),
    failures: fc.record({ account: fc.nat(2000), address: fc.nat(2000), network: fc.nat(2000) }),
  })
  .map(({ others, people, shut, known, ...rest }) =>
    input({
      ...rest,
      network: { shown: '192.0.2.0/24', private: shut, listed: false, anonymising: false },
      device: { known, remembered: false },
      overall: overallOf(others, people),
    }),
  );
