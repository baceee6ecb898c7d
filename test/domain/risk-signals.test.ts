import { describe, expect, test } from 'vitest';
import { assessRisk, riskFacts, unassessed } from '../../src/domain/risk/assess.ts';
import type { RiskInput, Signal, Visit } from '../../src/domain/risk/risk.ts';
import { hourDensity } from '../../src/domain/risk/times.ts';
import { DAY, daily, firefox, input, london, NOON, sydney, visit } from './risk-support.ts';

const evidenceOf = (signal: Signal, given: RiskInput) =>
  assessRisk(given).evidence.find((each) => each.signal === signal);
const speaks = (signal: Signal, given: RiskInput) => evidenceOf(signal, given)?.present;
const from = (changes: Partial<Visit>, history: readonly Visit[] = daily(3)) =>
  input({ now: visit(changes), history });
const closed = { shown: '10.0.0.0/24', private: true, listed: false, anonymising: false };

describe('new device', () => {
  test.each([
    { known: false, remembered: false, present: true },
    { known: true, remembered: false, present: false },
    { known: false, remembered: true, present: false },
  ])('known $known, remembered $remembered: $present', ({ present, ...device }) => {
    expect(speaks('new_device', input({ device }))).toBe(present);
  });
});

describe('new network', () => {
  test('another neighbourhood in another autonomous system is new; one of the two alone is not', () => {
    expect(speaks('new_network', from({ network: 'n', asn: 1 }))).toBe(true);
    expect(speaks('new_network', from({ network: 'n' }))).toBe(false);
    expect(speaks('new_network', from({ asn: 1 }))).toBe(false);
  });

  test('where no autonomous system is known, the neighbourhood decides', () => {
    expect(speaks('new_network', from({ network: 'n', asn: 0 }, daily(3, { asn: 0 })))).toBe(true);
    expect(speaks('new_network', from({ asn: 0 }, daily(3, { asn: 0 })))).toBe(false);
  });

  test('a private or unknown network, or nothing to compare it with, is no evidence', () => {
    expect(speaks('new_network', { ...from({ network: 'n', asn: 1 }), network: closed })).toBe(false);
    expect(speaks('new_network', from({ network: '', asn: 0 }))).toBe(false);
    expect(speaks('new_network', from({ network: 'n', asn: 1 }, []))).toBe(false);
    expect(speaks('new_network', from({ network: 'n', asn: 1 }, daily(3, { network: '' })))).toBe(false);
  });
});

describe('new country', () => {
  test('speaks of a country never signed in from, and says how often it was', () => {
    expect(evidenceOf('new_country', from({ country: 'AU' }))).toMatchObject({
      present: true,
      values: { country: 'AU', before: 0, of: 3 },
    });
    expect(speaks('new_country', from({}))).toBe(false);
  });

  test('an unknown country is no evidence, at either end', () => {
    expect(speaks('new_country', from({ country: '' }))).toBe(false);
    expect(speaks('new_country', from({ country: 'AU' }, daily(3, { country: '' })))).toBe(false);
    expect(speaks('new_country', { ...from({ country: 'AU' }), network: closed })).toBe(false);
  });
});

describe('impossible travel', () => {
  const travel = (now: Partial<Visit>, before: Partial<Visit>) =>
    input({ now: visit(now), history: [visit(before), visit({ at: NOON - 9 * DAY, place: sydney })] });

  test('London to Sydney in five hours is too fast, in twenty-four it is not', () => {
    const flight = travel({ place: sydney }, { at: NOON - 5 * 3600, place: london });
    expect(evidenceOf('impossible_travel', flight)).toMatchObject({ present: true, values: { hours: 5 } });
    expect(evidenceOf('impossible_travel', flight)?.values['km']).toBeCloseTo(16_920, -2);
    expect(speaks('impossible_travel', travel({ place: sydney }, { at: NOON - DAY, place: london }))).toBe(
      false,
    );
  });

  test('what the databases vouch for no better than the distance is no travel', () => {
    const vague = { ...london, radiusKm: 1000 };
    const oslo = { latitude: 59.9, longitude: 10.8, radiusKm: 200 };
    expect(speaks('impossible_travel', travel({ place: oslo }, { at: NOON - 600, place: vague }))).toBe(
      false,
    );
    expect(speaks('impossible_travel', travel({ place: oslo }, { at: NOON - 600, place: london }))).toBe(
      true,
    );
  });

  test('a short hop in no time at all is two databases that disagree', () => {
    const near = { ...london, latitude: 52.4 };
    expect(speaks('impossible_travel', travel({ place: near }, { at: NOON, place: london }))).toBe(false);
  });

  test('without coordinates at both ends never speaks', () => {
    expect(speaks('impossible_travel', from({ country: 'AU', place: sydney }))).toBe(false);
    expect(speaks('impossible_travel', from({ country: 'AU' }, daily(3, { place: london })))).toBe(false);
  });

  test('is judged from the latest place, across the date line, too', () => {
    const [fiji, samoa] = [179, -172].map((longitude) => ({ latitude: -15, longitude, radiusKm: 10 }));
    const hop = travel({ place: samoa ?? null }, { at: NOON - 2 * 3600, place: fiji ?? null });
    expect(evidenceOf('impossible_travel', hop)).toMatchObject({ present: false });
    expect(evidenceOf('impossible_travel', hop)?.values['km']).toBeLessThan(1000);
    const history = [visit({ at: NOON - 60 }), visit({ at: NOON - 5 * 3600, place: london })];
    expect(speaks('impossible_travel', input({ now: visit({ place: sydney }), history }))).toBe(true);
  });
});

describe('unusual hour', () => {
  const at = (hour: number) => NOON + (hour - 12) * 3600;

  test('at three in the morning of somebody who signs in at noon', () => {
    expect(speaks('unusual_hour', input({ now: visit({ at: at(3) }), history: daily(12) }))).toBe(true);
    expect(speaks('unusual_hour', input({ now: visit({ at: at(13) }), history: daily(12) }))).toBe(false);
  });

  test('midnight is next to eleven in the evening', () => {
    const late = daily(12, {}).map((each) => ({ ...each, at: each.at + 11 * 3600 - DAY }));
    expect(speaks('unusual_hour', input({ now: visit({ at: at(24) }), history: late }))).toBe(false);
    expect(speaks('unusual_hour', input({ now: visit({ at: at(13) }), history: late }))).toBe(true);
  });

  test('who signs in at all hours has no unusual one', () => {
    const spread = Array.from({ length: 24 }, (_, hour) =>
      visit({ at: NOON - DAY * (hour + 1) + hour * 3600 }),
    );
    for (const { at: each } of spread)
      expect(
        hourDensity(
          each,
          spread.map((one) => one.at),
        ),
      ).toBeCloseTo(1, 1);
  });

  test('needs ten sign-ins on five days', () => {
    const few = input({ now: visit({ at: at(3) }), history: daily(9) });
    const once = input({
      now: visit({ at: at(3) }),
      history: daily(30).map((one) => ({ ...one, at: NOON })),
    });
    expect(speaks('unusual_hour', few)).toBe(false);
    expect(speaks('unusual_hour', once)).toBe(false);
  });
});

describe('user agent changed', () => {
  const turned = (agent: Partial<Visit['agent']>, device = 'device-1') =>
    speaks('user_agent_changed', from({ agent: { ...firefox, ...agent }, device }));

  test('another program, another system or an earlier version in the same browser', () => {
    expect(turned({ browser: 'Chrome' })).toBe(true);
    expect(turned({ os: 'macOS' })).toBe(true);
    expect(turned({ version: 127 })).toBe(true);
  });

  test('a browser that no longer says what it is', () => {
    expect(turned({ browser: '', version: 0, os: '' })).toBe(true);
    expect(turned({ os: '' })).toBe(false);
  });

  test('an update, or another browser is none', () => {
    expect(turned({ version: 129 })).toBe(false);
    expect(turned({ browser: 'Chrome' }, 'device-2')).toBe(false);
    expect(turned({ browser: 'Chrome' }, '')).toBe(false);
  });

  test('the desktop site asked for on a phone is the same system in disguise', () => {
    const phone = daily(3, { agent: { ...firefox, os: 'Android', kind: 'mobile' } });
    const now = { agent: { ...firefox, os: 'Linux' } } as const;
    expect(speaks('user_agent_changed', from(now, phone))).toBe(false);
  });

  test('is judged by the latest visit, not by an old one', () => {
    const history = [
      ...daily(1, { agent: { ...firefox, version: 128 } }),
      visit({ at: NOON - 90 * DAY, agent: { ...firefox, version: 150 } }),
    ];
    expect(speaks('user_agent_changed', from({}, history))).toBe(false);
  });
});

test('of two visits in one second always the same one counts, however they are ordered', () => {
  const [one, other] = [
    visit({ at: NOON - DAY }),
    visit({ at: NOON - DAY, agent: { ...firefox, os: 'macOS' } }),
  ];
  const given = (history: Visit[]) => evidenceOf('user_agent_changed', input({ history }));
  expect(given([one, other])).toEqual(given([other, one]));
});

describe('failures, lists and long absence', () => {
  test.each([
    ['failures_account', 5],
    ['failures_address', 10],
    ['failures_network', 50],
  ] as const)('%s speaks from %i in an hour', (signal, least) => {
    const of = signal.slice('failures_'.length);
    const given = (count: number) => input({ failures: { account: 0, address: 0, network: 0, [of]: count } });
    expect(evidenceOf(signal, given(least))).toMatchObject({ present: true, values: { count: least } });
    expect(speaks(signal, given(least - 1))).toBe(false);
  });

  test('a listed and an anonymising network are the operator’s to say', () => {
    const network = { ...input().network, listed: true, anonymising: true };
    expect(speaks('listed_network', input({ network }))).toBe(true);
    expect(speaks('anonymising_network', input({ network }))).toBe(true);
    expect(speaks('listed_network', input())).toBe(false);
    expect(speaks('anonymising_network', input())).toBe(false);
  });

  test('sixty days without a sign-in is a long absence, a first sign-in is none', () => {
    const last = (days: number) => input({ lastSignInAt: NOON - days * DAY });
    expect(evidenceOf('dormant', last(60))).toMatchObject({ present: true, values: { days: 60 } });
    expect(speaks('dormant', last(59))).toBe(false);
    expect(evidenceOf('dormant', input())).toMatchObject({ present: false, values: { days: -1 } });
  });
});

describe('elsewhere', () => {
  const session = (changes: Partial<Visit>) =>
    speaks('session_elsewhere', input({ now: visit(changes), session: visit() }));
  const token = (changes: Partial<Visit>) =>
    speaks('token_elsewhere', input({ now: visit(changes), token: visit() }));
  const away = { network: 'n', asn: 1 };
  const curl = { agent: { browser: 'curl', version: 8, os: '', kind: 'unknown' } } as const;

  test('a session’s cookie from another network, another browser or another program', () => {
    for (const changes of [away, { device: 'd' }, curl]) expect(session(changes)).toBe(true);
    expect(session({ address: 'address-2', agent: { ...firefox, version: 140 } })).toBe(false);
    expect(speaks('session_elsewhere', input({ now: visit(away) }))).toBe(false);
  });

  test('a cookie or token of one that no longer says what it is', () => {
    const silent = { agent: { ...firefox, browser: '', os: '' } };
    expect(session(silent)).toBe(true);
    expect(session({ device: '' })).toBe(true);
    expect(token({ ...away, ...silent })).toBe(true);
  });

  test('a token from another network by another program; either alone is usual', () => {
    expect(token({ ...away, ...curl })).toBe(true);
    expect(token(away)).toBe(false);
    expect(token(curl)).toBe(false);
    expect(speaks('token_elsewhere', input({ now: visit({ ...away, ...curl }) }))).toBe(false);
  });

  test('what is unknown or private at one end is not elsewhere', () => {
    expect(session({ network: '', asn: 0 })).toBe(false);
    const nameless = { device: '', agent: { ...firefox, browser: '', os: '' } };
    const before = input({ now: visit(), session: visit(nameless), token: visit({ ...away, ...nameless }) });
    expect([speaks('session_elsewhere', before), speaks('token_elsewhere', before)]).toEqual([false, false]);
    const inside = input({ now: visit({ ...away, ...curl }), token: visit(), network: closed });
    expect(speaks('token_elsewhere', inside)).toBe(false);
  });
});

describe('facts for rules', () => {
  test('carry the score, every signal and the counts', () => {
    const risk = assessRisk(
      input({
        now: visit({ network: 'n', asn: 1, country: 'AU', place: sydney }),
        device: { known: false, remembered: false },
        history: daily(12, { place: london }).map((each) => ({ ...each, at: each.at + DAY - 3600 })),
        lastSignInAt: NOON - 70 * DAY,
        failures: { account: 1, address: 2, network: 3 },
        network: { ...input().network, listed: true },
      }),
    );
    expect(riskFacts(risk)).toEqual({
      ...unassessed,
      known: true,
      score: risk.score,
      newDevice: true,
      newNetwork: true,
      newCountry: true,
      impossibleTravel: true,
      failuresOfAccount: 1,
      failuresOfAddress: 2,
      failuresOfNetwork: 3,
      listedNetwork: true,
      dormantDays: 70,
    });
  });

  test('no evidence holds a key or an address', () => {
    const given = input({
      now: visit({ network: 'n', asn: 1, agent: { ...firefox, os: 'macOS' } }),
      history: daily(12),
    });
    const text = JSON.stringify(assessRisk(given));
    for (const secret of ['address-1', 'network-1', 'device-1']) expect(text).not.toContain(secret);
  });
});
