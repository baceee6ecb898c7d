/**
 * A synthetic set of sign-ins, the same for a seed. Its assumptions are guesses, stated here and in docs/risk.md, not
 * measurements: what is measured on it says how the score behaves under them, and nothing of people.
 *
 * - Nine people in ten live in one country, the others in seven; a country has six access networks of unequal size.
 * - A person signs in 2 to 120 times in 90 days, most seldom: two thirds at home, a quarter over a mobile network whose
 *   addresses are shared by thousands, a tenth at work, one in seventy abroad. One home address in forty sign-ins is new.
 * - A person has one to three devices, of the usual browsers by share; one sign-in in a hundred is in a new one. Browsers
 *   update every thirty days.
 * - One row in twenty is an attack that failed, from hosting networks of the world, with a frequent browser.
 */
import { columns, joinLine } from './risk-rows.ts';

export type Chance = () => number;

/** Mulberry32: 0 to 1, the same for a seed. */
export function seeded(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<T>(chance: Chance, list: readonly T[]): T | undefined {
  return list[Math.floor(chance() * list.length)];
}

/** Of `count`, the first ones oftener. */
function unequal(chance: Chance, count: number): number {
  return Math.floor(count * chance() ** 2.2);
}

const countries = ['NO', 'SE', 'DK', 'DE', 'GB', 'PL', 'US', 'ES'];
const cities = 6;
const begin = Date.UTC(2026, 0, 5);
const day = 86_400_000;
const days = 90;

interface Device {
  readonly browser: string;
  readonly version: number;
  readonly os: string;
  readonly kind: string;
}

const programs: readonly (readonly [share: number, device: Device])[] = [
  [0.3, { browser: 'Chrome', version: 140, os: 'Windows 10', kind: 'desktop' }],
  [0.22, { browser: 'Mobile Safari', version: 26, os: 'iOS 26.1', kind: 'mobile' }],
  [0.16, { browser: 'Chrome Mobile', version: 140, os: 'Android 16', kind: 'mobile' }],
  [0.1, { browser: 'Edge', version: 140, os: 'Windows 10', kind: 'desktop' }],
  [0.09, { browser: 'Safari', version: 26, os: 'Mac OS X 10.15', kind: 'desktop' }],
  [0.06, { browser: 'Firefox', version: 142, os: 'Windows 10', kind: 'desktop' }],
  [0.04, { browser: 'Samsung Internet', version: 28, os: 'Android 15', kind: 'mobile' }],
  [0.03, { browser: 'Firefox', version: 142, os: 'Ubuntu', kind: 'desktop' }],
];

function program(chance: Chance): Device {
  let left = chance();
  for (const [share, device] of programs) {
    left -= share;
    if (left <= 0) return device;
  }
  return { browser: 'Opera', version: 120, os: 'Windows 10', kind: 'desktop' };
}

interface Place {
  readonly address: string;
  readonly country: string;
  readonly city: string;
  readonly asn: number;
}

function address(chance: Chance, first: number): string {
  const octet = () => Math.floor(chance() * 254) + 1;
  return [first, octet(), octet(), octet()].join('.');
}

function accessAt(chance: Chance, country: number, city: number): Place {
  const network = unequal(chance, 6);
  const place = { country: countries[country] ?? '', city: `${countries[country]}-${city}` };
  return {
    ...place,
    address: address(chance, 20 + country * 6 + network),
    asn: 1000 + country * 10 + network,
  };
}

interface Person {
  readonly id: number;
  readonly country: number;
  readonly city: number;
  home: Place;
  readonly work: Place;
  devices: Device[];
}

function person(chance: Chance, id: number, works: readonly Place[]): Person {
  const country = chance() < 0.9 ? 0 : 1 + unequal(chance, countries.length - 1);
  const city = unequal(chance, cities);
  const devices = Array.from({ length: 1 + unequal(chance, 3) }, () => program(chance));
  const home = accessAt(chance, country, city);
  return { id, country, city, home, work: pick(chance, works) ?? home, devices };
}

function placeOf(chance: Chance, who: Person): Place {
  if (chance() < 1 / 70)
    return accessAt(chance, 1 + unequal(chance, countries.length - 1), unequal(chance, cities));
  const where = chance();
  if (where < 0.25) return mobile(chance, who);
  if (where < 0.35) return who.work;
  if (chance() < 1 / 40) who.home = accessAt(chance, who.country, who.city);
  return who.home;
}

/** Its addresses stand for many people each, and their city is the operator's. */
function mobile(chance: Chance, { country }: Person): Place {
  const shared = Math.floor(chance() * 2000);
  const text = [100 + country, 64, Math.floor(shared / 250), (shared % 250) + 1].join('.');
  return {
    address: text,
    country: countries[country] ?? '',
    city: `${countries[country]}-0`,
    asn: 2000 + country,
  };
}

function attackFrom(chance: Chance): Place {
  const country = Math.floor(chance() * countries.length);
  const place = { country: countries[country] ?? '', city: `${countries[country]}-0` };
  return { ...place, address: address(chance, 190 + country), asn: 9000 + country * 3 + unequal(chance, 3) };
}

/** Lines of the set, the head first, in the order of time. */
export function* syntheticLines({ people = 4000, seed = 1 } = {}): Generator<string> {
  const chance = seeded(seed);
  const works = Array.from({ length: people / 40 }, () => accessAt(chance, 0, unequal(chance, cities)));
  const all = Array.from({ length: people }, (_, index) => person(chance, index + 1, works));
  const visits = all.flatMap((who) =>
    Array.from({ length: 2 + unequal(chance, 119) }, () => ({ who, at: begin + momentOf(chance) })),
  );
  const attacks = Array.from({ length: visits.length / 20 }, () => ({
    who: all[Math.floor(chance() * people)] as Person,
    at: begin + momentOf(chance),
    attack: true,
  }));
  const rows = [...visits, ...attacks].sort((one, other) => one.at - other.at);
  yield joinLine(columns);
  for (const [index, row] of rows.entries()) yield line(chance, index, row);
}

/** Mostly by day. */
function momentOf(chance: Chance): number {
  const hour = (7 + 15 * ((chance() + chance()) / 2)) % 24;
  return Math.floor(chance() * days) * day + hour * 3_600_000;
}

interface Moment {
  readonly who: Person;
  readonly at: number;
  readonly attack?: boolean;
}

function line(chance: Chance, index: number, { who, at, attack = false }: Moment): string {
  if (!attack && chance() < 0.01) who.devices = [...who.devices.slice(-2), program(chance)];
  const place = attack ? attackFrom(chance) : placeOf(chance, who);
  const used = attack ? program(chance) : (pick(chance, who.devices) ?? program(chance));
  const version = used.version + Math.floor((at - begin) / (30 * day));
  const { browser, os, kind } = used;
  const agent = `${browser} ${version}`;
  return joinLine([
    index,
    new Date(at).toISOString().replace('T', ' ').slice(0, 23),
    who.id,
    '',
    place.address,
    place.country,
    '-',
    place.city,
    place.asn,
    `Mozilla/5.0 (${os}) ${browser}/${version}.0 (KHTML, like Gecko)`,
    agent,
    os,
    kind,
    attack ? 'False' : 'True',
    attack ? 'True' : 'False',
    'False',
  ]);
}
