/**
 * The facts as data: their kinds, what each is when it is not known, and how long its lists may be. The compiler holds it
 * to `facts.ts`; the expression language, the facts in a file and the documentation follow from it.
 */
import type { DetailFacts, PolicyFacts } from './facts.ts';

export interface TextFact {
  readonly kind: 'text';
  readonly rest: string;
  /** The only values there are. */
  readonly values?: readonly string[];
}
export interface NumberFact {
  readonly kind: 'number';
  readonly rest: number;
  /** What stands for something that is no number; default: `rest`. */
  readonly odd?: number;
}
export interface FlagFact {
  readonly kind: 'flag';
}
export interface ListFact {
  readonly kind: 'list';
  readonly of: 'text' | 'detail';
  /** Entries, at most. */
  readonly most: number;
}
export type FactType = TextFact | NumberFact | FlagFact | ListFact;

type TypeOf<T> = T extends string
  ? TextFact
  : T extends number
    ? NumberFact
    : T extends boolean
      ? FlagFact
      : ListFact;
/** Distributes over nothing: `boolean` and unions of texts are one kind each. */
type TypesOf<G> = { readonly [F in keyof G]-?: [G[F]] extends [boolean] ? FlagFact : TypeOf<G[F]> };

/** Characters a text may have. */
export const LONGEST_TEXT = 2000;

const text: TextFact = { kind: 'text', rest: '' };
const flag: FlagFact = { kind: 'flag' };
const count: NumberFact = { kind: 'number', rest: 0 };
/** -1: there is none. */
const since: NumberFact = { kind: 'number', rest: -1 };
/** What cannot be read is taken for the largest. */
const amount: NumberFact = { kind: 'number', rest: 0, odd: Number.POSITIVE_INFINITY };
const oneOf = (first: string, ...others: readonly string[]): TextFact => ({
  kind: 'text',
  rest: first,
  values: [first, ...others],
});
const texts = (most: number): ListFact => ({ kind: 'list', of: 'text', most });

export const factTypes: { readonly [G in keyof PolicyFacts]: TypesOf<PolicyFacts[G]> } = {
  request: {
    event: oneOf('authorization', 'refresh', 'account_change'),
    scopes: texts(200),
    resources: texts(50),
    details: { kind: 'list', of: 'detail', most: 50 },
    amount,
    acrValues: texts(50),
    maxAge: since,
    silent: flag,
    change: text,
  },
  client: { id: text, firstParty: flag },
  account: { id: text, username: text, groups: texts(1000), ageDays: count, factors: texts(50) },
  session: { exists: flag, age: since, authAge: since, elevated: flag },
  network: {
    address: text,
    country: text,
    asn: count,
    organisation: text,
    private: flag,
    listed: flag,
    anonymising: flag,
  },
  device: {
    known: flag,
    remembered: flag,
    browser: text,
    os: text,
    kind: oneOf('unknown', 'desktop', 'mobile', 'tablet', 'bot'),
  },
  time: { hour: count, weekday: { kind: 'number', rest: 1 }, date: { kind: 'text', rest: '1970-01-01' } },
  risk: {
    known: flag,
    score: count,
    newDevice: flag,
    newNetwork: flag,
    newCountry: flag,
    impossibleTravel: flag,
    unusualHour: flag,
    userAgentChanged: flag,
    failuresOfAccount: count,
    failuresOfAddress: count,
    failuresOfNetwork: count,
    listedNetwork: flag,
    dormantDays: since,
    sessionElsewhere: flag,
    tokenElsewhere: flag,
  },
};

export const detailTypes: TypesOf<DetailFacts> = {
  type: text,
  amount,
  currency: text,
  actions: texts(50),
  locations: texts(50),
};

export type FactGroup = keyof PolicyFacts;
export const factGroups = Object.keys(factTypes) as readonly FactGroup[];

/** The facts of a group by name. */
export function factsOf(group: FactGroup): Readonly<Record<string, FactType>> {
  return factTypes[group];
}

export function isFactGroup(name: string): name is FactGroup {
  return Object.hasOwn(factTypes, name);
}
