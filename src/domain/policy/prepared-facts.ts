/**
 * Facts made ready for evaluation: every member there, of its kind and within its bounds. A missing or odd one is taken for
 * unknown; an amount that is no number is taken for the largest, as JSON keeps infinity as null.
 */
import {
  detailTypes,
  type FactGroup,
  type FactType,
  factGroups,
  factsOf,
  LONGEST_TEXT,
} from './fact-types.ts';
import type { PolicyFacts } from './facts.ts';

type Values = Readonly<Record<string, unknown>>;
type Shape = readonly { readonly name: string; readonly type: FactType; readonly rest: unknown }[];

/** A class for each group, with its members always in one order: what the evaluator finds quickest. */
function recordClass(types: Readonly<Record<string, FactType>>) {
  const shape: Shape = Object.entries(types).map(([name, type]) => ({ name, type, rest: restOf(type) }));
  return class {
    [name: string]: unknown;

    constructor(values: Values, path: string, faults: string[]) {
      for (const { name, type, rest } of shape) {
        const value = values[name];
        this[name] = value === undefined ? rest : read(value, type, { path, name, faults });
      }
    }
  };
}

/** What is not known. A list is shared, so nobody may add to it. */
function restOf(type: FactType): unknown {
  if (type.kind === 'flag') return false;
  return type.kind === 'list' ? Object.freeze([]) : type.rest;
}

export const DetailRecord = recordClass(detailTypes);

/** Group → the class of its values. */
export const factRecords = Object.fromEntries(
  factGroups.map((group) => [group, recordClass(factsOf(group))]),
) as Readonly<Record<FactGroup, ReturnType<typeof recordClass>>>;

/** Of groups of which nothing is known, of which there are most in what was recorded: one for all. */
const atRest = Object.fromEntries(
  factGroups.map((group) => [group, new factRecords[group]({}, group, [])]),
) as Readonly<Record<FactGroup, object>>;

/** What `prepareFacts` makes. Nobody changes its groups: they may be others', too. */
export class PreparedFacts {
  [group: string]: unknown;
  /** What is too large to evaluate; a condition on such facts fails, and what fails matches. */
  readonly fault: string | undefined;

  /** @param others Groups that are ready, in the place of those that `facts` has not. */
  constructor(facts: Partial<Record<FactGroup, unknown>>, others?: PreparedFacts) {
    const faults: string[] = [];
    for (const group of factGroups) {
      const values = facts[group];
      this[group] =
        values === undefined
          ? (others?.[group] ?? atRest[group])
          : new factRecords[group](asValues(values), group, faults);
    }
    this.fault = faults[0] ?? others?.fault;
  }
}

/** The same object where it is ready already. Never throws. */
export function prepareFacts(facts: PolicyFacts | PreparedFacts): PreparedFacts & PolicyFacts {
  const ready = facts instanceof PreparedFacts ? facts : new PreparedFacts(asValues(facts));
  return ready as PreparedFacts & PolicyFacts;
}

/** The same facts at another time. */
export function atTime(facts: PolicyFacts | PreparedFacts, time: PolicyFacts['time']): PolicyFacts {
  return new PreparedFacts({ time }, prepareFacts(facts)) as PreparedFacts & PolicyFacts;
}

/** Facts of which only some are known; the others at rest. Plain data. */
export function completeFacts(partial: unknown): PolicyFacts {
  return plain(new PreparedFacts(asValues(partial)));
}

function plain(prepared: PreparedFacts): PolicyFacts {
  const groups = factGroups.map((group) => [group, { ...(prepared[group] as Values) }]);
  const facts = Object.fromEntries(groups) as PolicyFacts;
  const details = facts.request.details.map((detail) => ({ ...detail }));
  return { ...facts, request: { ...facts.request, details } };
}

interface Place {
  readonly path: string;
  readonly name: string;
  readonly faults: string[];
}

function read(value: unknown, type: FactType, place: Place): unknown {
  switch (type.kind) {
    case 'flag':
      return value === true;
    case 'number':
      return readNumber(value, type);
    case 'text':
      return typeof value === 'string' ? bounded(value, place) : type.rest;
    case 'list':
      return readList(value, type, place);
  }
}

function readNumber(value: unknown, { rest, odd = rest }: { rest: number; odd?: number }): number {
  return typeof value === 'number' && !Number.isNaN(value) ? value : odd;
}

function readList(value: unknown, type: FactType & { kind: 'list' }, place: Place): unknown[] {
  if (!Array.isArray(value)) return [];
  if (value.length > type.most) {
    place.faults.push(`${place.path}.${place.name} has more than ${type.most} entries`);
    return [];
  }
  return type.of === 'text' ? readTexts(value, place) : readDetails(value, place);
}

function readTexts(list: readonly unknown[], place: Place): string[] {
  const found: string[] = [];
  for (const each of list) if (typeof each === 'string') found.push(bounded(each, place));
  return found;
}

function readDetails(list: readonly unknown[], { path, name, faults }: Place): object[] {
  return list.map((each) => new DetailRecord(asValues(each), `${path}.${name}`, faults));
}

function bounded(text: string, { path, name, faults }: Place): string {
  if (text.length > LONGEST_TEXT) faults.push(`${path}.${name} has more than ${LONGEST_TEXT} characters`);
  return text;
}

const nothing: Values = {};

function asValues(value: unknown): Values {
  return typeof value === 'object' && value !== null ? (value as Values) : nothing;
}
