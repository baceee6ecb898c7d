import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assessRisk } from '../../src/domain/risk/assess.ts';
import { nobody } from '../../src/domain/risk/overall.ts';
import type { Visit } from '../../src/domain/risk/risk.ts';
import { featureValue, score } from '../../src/domain/risk/score.ts';
import { anyInput, daily, firefox, input, overallOf, visit } from './risk-support.ts';

const chrome = { browser: 'Chrome', version: 130, os: 'Android', kind: 'mobile' } as const;
const stranger: Partial<Visit> = {
  address: 'address-9',
  network: 'network-9',
  asn: 64511,
  country: 'AU',
  agent: chrome,
};
/** Ten people at home, of whom one uses another browser in another country, and one is the stranger. */
const everybody = overallOf(
  Array.from({ length: 10 }, (_, person) => [
    ...daily(8, { address: `home-${person}`, network: `home-${person}`, asn: 64496 + (person % 3) }),
    ...daily(2, { address: `away-${person}`, agent: chrome, country: 'NO', ...(person < 3 ? stranger : {}) }),
  ]).flat(),
  10,
);
const scoreOf = (now: Partial<Visit>, history: readonly Visit[]) =>
  score(input({ now: visit(now), history, overall: everybody })).score;

describe('the score', () => {
  test('is low where everything is as ever, higher for a new address, highest for a stranger', () => {
    const history = daily(20);
    const same = scoreOf({}, history);
    const address = scoreOf({ address: 'address-2' }, history);
    const country = scoreOf({ address: 'address-2', asn: 1, country: 'NO' }, history);
    const all = scoreOf(stranger, history);
    expect([same < 0.2, same < address, address < country, country < all, all > 0.95]).toEqual(
      Array(5).fill(true),
    );
  });

  test('follows the formula, worked out by hand', () => {
    // One of four sign-ins of two people came from NO; one of this person's own two.
    const country = { total: 4, distinct: 2, counts: new Map([['NO', 1]]) };
    const overall = { ...nobody, features: { ...nobody.features, country }, signIns: 4, people: 2 };
    const bare = {
      address: '',
      asn: 0,
      agent: { ...firefox, browser: '', os: '', kind: 'unknown' as const },
    };
    const history = [visit({ ...bare, country: 'NO' }), visit({ ...bare, country: 'GB' })];
    const risk = score(input({ now: visit({ ...bare, country: 'NO' }), history, overall }));
    const among = 1 / (4 + 2 + 1);
    const own = (1 + among) / (2 + 1);
    const odds = (among / own) * ((2 * 2) / (2 + 2));
    expect(risk.features).toEqual([{ feature: 'country', value: 'NO', overall: among, own }]);
    expect(risk.score).toBeCloseTo(odds / (1 + odds), 12);
  });

  test('what the person never used counts against it alike, be it rare or frequent with others', () => {
    const history = daily(20);
    const rare = scoreOf({ ...stranger, country: 'FJ' }, history);
    const frequent = scoreOf(stranger, history);
    expect(Math.abs(rare - frequent)).toBeLessThan(0.005);
  });

  test('says of each feature how likely it is of everybody and of this person, and shows no address', () => {
    const { features } = score(input({ history: daily(20), overall: everybody }));
    expect(features.map(({ feature }) => feature)).toEqual([
      'address',
      'asn',
      'country',
      'agent',
      'browser',
      'os',
      'device',
    ]);
    expect(features[0]).toMatchObject({ value: '192.0.2.0/24' });
    for (const { overall, own } of features) expect(own).toBeGreaterThan(overall);
  });

  test('without a history and without anybody says neither yes nor no', () => {
    expect(score(input({ overall: nobody })).score).toBeCloseTo(2 / 3, 12);
    const nothing = visit({
      address: '',
      asn: 0,
      country: '',
      agent: { ...firefox, browser: '', os: '', kind: 'unknown' },
    });
    expect(score(input({ now: nothing, history: daily(5) }))).toMatchObject({ features: [] });
  });
});

describe('whatever the input', () => {
  test('the score and every probability lie between 0 and 1, and are numbers', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const risk = assessRisk(given);
        expect(risk.score).toBeGreaterThan(0);
        expect(risk.score).toBeLessThan(1);
        for (const { overall, own } of risk.features) {
          for (const value of [overall, own]) expect(value > 0 && value <= 1).toBe(true);
        }
        for (const { values } of risk.evidence) expect(Object.values(values)).not.toContain(Number.NaN);
      }),
    );
  });

  test('the order of the history does not matter', () => {
    const shuffled = anyInput.chain((given) =>
      fc.tuple(
        fc.constant(given),
        fc.shuffledSubarray([...given.history], { minLength: given.history.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([given, history]) => {
        const [one, other] = [assessRisk(given), assessRisk({ ...given, history })];
        expect(other.evidence).toEqual(one.evidence);
        expect(other.score).toBeCloseTo(one.score, 12);
      }),
    );
  });

  test('a value that the person used more often never raises the score', () => {
    const features = ['address', 'asn', 'country', 'agent', 'browser', 'os', 'device'] as const;
    const changed = fc.tuple(anyInput, fc.nat(), fc.constantFrom(...features));
    fc.assert(
      fc.property(changed, ([given, at, feature]) => {
        fc.pre(given.history.length > 0);
        const index = at % given.history.length;
        const history = given.history.map((each, place) =>
          place === index ? used(each, given.now, feature) : each,
        );
        expect(score({ ...given, history }).score).toBeLessThanOrEqual(score(given).score + 1e-12);
      }),
    );
  });

  test('another sign-in just like this one never raises the score', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const history = [...given.history, given.now];
        expect(score({ ...given, history }).score).toBeLessThanOrEqual(score(given).score + 1e-12);
      }),
    );
  });
});

/** As if the visit had had this one's value, with all that goes with it, and no other value had been lost. */
function used(each: Visit, now: Visit, feature: Parameters<typeof featureValue>[1]): Visit {
  if (featureValue(now, feature) === '') return each;
  if (feature === 'address') return { ...each, address: now.address };
  if (feature === 'asn') return { ...each, asn: now.asn };
  if (feature === 'country') return { ...each, country: now.country };
  return { ...each, agent: now.agent };
}
