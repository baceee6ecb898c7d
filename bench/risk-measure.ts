/**
 * The measure of Freeman et al. and Wiefling et al.: how many sign-ins of people are asked for more when so many attacks
 * are. An attacker has the password and comes as
 *
 * - naive: from an address known for attacks, with its own browser;
 * - VPN: from somebody else's address in the person's country, with a browser that is frequent;
 * - targeted: from somebody else's address in the person's city and access network, with the person's own browser.
 */
import { nobody } from '../src/domain/risk/overall.ts';
import type { Agent, Feature, FeatureCounts, Overall, Visit } from '../src/domain/risk/risk.ts';
import { featureValue, score } from '../src/domain/risk/score.ts';
import type { Row } from './risk-rows.ts';
import { type Chance, pick, seeded } from './risk-synthetic.ts';

export const attackers = ['naive', 'VPN', 'targeted'] as const;
export type Attacker = (typeof attackers)[number];

export interface Measured {
  /** Scores, unsorted. */
  readonly people: number[];
  readonly attacks: Readonly<Record<Attacker, number[]>>;
  readonly rows: number;
}

export interface MeasureOptions {
  readonly seed?: number;
  /** Judges one person in so many; all count among everybody. */
  readonly every?: number;
}

const kept = 100;

interface Event {
  readonly person: string;
  readonly city: string;
  readonly visit: Visit;
}

/** Judges every sign-in but a person's first by what came before it, and three attacks on the same person beside it. */
export async function measure(
  rows: AsyncIterable<Row>,
  { seed = 7, every = 1 }: MeasureOptions = {},
): Promise<Measured> {
  const chance = seeded(seed);
  const pools = createPools(chance);
  const everybody = createCounts();
  const histories = new Map<string, Visit[]>();
  const measured: Measured = { people: [], attacks: { naive: [], VPN: [], targeted: [] }, rows: 0 };
  let count = 0;
  for await (const row of rows) {
    count += 1;
    const event = eventOf(row);
    if (row['Is Attack IP'] === 'True') pools.attack(event);
    if (row['Login Successful'] !== 'True' || row['Is Account Takeover'] === 'True') continue;
    const history = histories.get(event.person) ?? [];
    if (Number(event.person.slice(-9)) % every === 0) {
      if (history.length > 0) judge({ event, history, overall: everybody.now(), pools, measured });
      histories.set(event.person, [event.visit, ...history].slice(0, kept));
    }
    everybody.add(event, histories);
    pools.add(event);
  }
  return { ...measured, rows: count };
}

interface Judging {
  readonly event: Event;
  readonly history: readonly Visit[];
  readonly overall: Overall;
  readonly pools: Pools;
  readonly measured: Measured;
}

function judge({ event, history, overall, pools, measured }: Judging): void {
  const scoreOf = (now: Visit) => score({ now, history, overall, network: { shown: '' } }).score;
  measured.people.push(scoreOf(event.visit));
  for (const attacker of attackers) {
    const attack = pools.attackOn(event, attacker);
    if (attack) measured.attacks[attacker].push(scoreOf(attack));
  }
}

interface Pools {
  add(event: Event): void;
  attack(event: Event): void;
  attackOn(victim: Event, attacker: Attacker): Visit | undefined;
}

/** Samples of what was seen, from which attackers take what they can have. */
function createPools(chance: Chance): Pools {
  const pools = new Map<string, { seen: number; events: Event[] }>();
  const put = (name: string, most: number, event: Event) => {
    const pool = pools.get(name) ?? { seen: 0, events: [] };
    pools.set(name, pool);
    pool.seen += 1;
    const at = pool.events.length < most ? pool.events.length : Math.floor(chance() * pool.seen);
    if (at < most) pool.events[at] = event;
  };
  const any = (name: string, victim: Event) => {
    for (let tries = 0; tries < 10; tries += 1) {
      const found = pick(chance, pools.get(name)?.events ?? []);
      if (found && found.person !== victim.person) return found.visit;
    }
    return undefined;
  };
  const where = ({ city, visit: { country, asn } }: Event) => ({
    country: `country ${country}`,
    city: `city ${city} ${asn}`,
  });
  return {
    add: (event) => {
      put('all', 10_000, event);
      put(where(event).country, 2000, event);
      put(where(event).city, 200, event);
    },
    attack: (event) => put('attack', 10_000, event),
    attackOn: (victim, attacker) => {
      const { at } = victim.visit;
      if (attacker === 'naive') {
        const from = pools.has('attack')
          ? pick(chance, pools.get('attack')?.events ?? [])?.visit
          : any('all', victim);
        return from && { ...from, at };
      }
      const { country, city } = where(victim);
      const from = (attacker === 'targeted' && any(city, victim)) || any(country, victim);
      const agent = attacker === 'targeted' ? victim.visit.agent : any('all', victim)?.agent;
      return from && agent ? { ...from, agent, at } : undefined;
    },
  };
}

function createCounts(): { now(): Overall; add(event: Event, people: ReadonlyMap<string, unknown>): void } {
  const names = Object.keys(nobody.features) as Feature[];
  const counts = Object.fromEntries(names.map((name) => [name, new Map<string, number>()])) as Record<
    Feature,
    Map<string, number>
  >;
  const totals = Object.fromEntries(names.map((name) => [name, 0])) as Record<Feature, number>;
  let signIns = 0;
  const persons = new Set<string>();
  const of = (name: Feature): FeatureCounts => ({
    total: totals[name],
    distinct: counts[name].size,
    counts: counts[name],
  });
  return {
    now: () => ({
      features: {
        address: of('address'),
        asn: of('asn'),
        country: of('country'),
        agent: of('agent'),
        browser: of('browser'),
        os: of('os'),
        device: of('device'),
      },
      signIns,
      people: persons.size,
    }),
    add: ({ person, visit }) => {
      signIns += 1;
      persons.add(person);
      for (const name of names) {
        const value = featureValue(visit, name);
        if (value === '') continue;
        totals[name] += 1;
        counts[name].set(value, (counts[name].get(value) ?? 0) + 1);
      }
    },
  };
}

function eventOf(row: Row): Event {
  const browser = /^(.*?)\s*(\d+)?[\d.]*$/.exec(row['Browser Name and Version']);
  const [system = ''] = row['OS Name and Version'].split(/ (?=\d)/);
  const kinds: readonly Agent['kind'][] = ['desktop', 'mobile', 'tablet', 'bot'];
  return {
    person: row['User ID'],
    city: `${row['Country']}|${row['Region']}|${row['City']}`,
    visit: {
      at: Math.floor(Date.parse(`${row['Login Timestamp'].replace(' ', 'T')}Z`) / 1000),
      address: row['IP Address'],
      network: '',
      asn: Number(row['ASN']) || 0,
      country: row['Country'],
      place: null,
      device: '',
      agent: {
        browser: browser?.[1] ?? '',
        version: Number(browser?.[2] ?? 0),
        os: system,
        kind: kinds.find((kind) => kind === row['Device Type']) ?? 'unknown',
      },
      session: '',
    },
  };
}

/** Shares of attacks that are to be asked for more. */
export const shares = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995] as const;

/** Share of people's sign-ins that score as high as the attacks of which `share` do. */
export function reauthentication({ people, attacks }: Measured, attacker: Attacker, share: number): number {
  const sorted = attacks[attacker].toSorted((one, other) => one - other);
  const threshold = sorted[Math.floor(sorted.length * (1 - share))] ?? Number.POSITIVE_INFINITY;
  return people.filter((each) => each >= threshold).length / Math.max(1, people.length);
}
