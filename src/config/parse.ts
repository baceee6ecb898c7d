/**
 * From the text of a configuration file to a checked configuration, or to everything wrong with it. Pure.
 */
import { parseDocument } from 'yaml';
import { configFaults } from './check.ts';
import type { Fault, FaultPath } from './faults.ts';
import { type ClientConfig, type Config, configSchema } from './schema.ts';
import { client as clientSchema } from './schema-access.ts';
import { yamlExcess } from './yaml-limits.ts';

export type Parsed =
  | { readonly config: Config; readonly faults: readonly [] }
  | { readonly config?: undefined; readonly faults: readonly Fault[] };

/** Reads YAML, of which JSON is a part. */
export function parseText(text: string): { raw: unknown } | { faults: Fault[] } {
  const excess = yamlExcess(text);
  if (excess) return { faults: [{ path: [], message: `${excess.message} at line ${excess.line}` }] };
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    const messages = document.errors.map(
      ({ message }) => message.split('\n')[0]?.replace(/:$/, '') ?? message,
    );
    return { faults: messages.map((message) => ({ path: [], message })) };
  }
  const raw: unknown = document.toJS({ maxAliasCount: 100 });
  return { raw: raw ?? {} };
}

/**
 * Checks what a file says. Where parts have the wrong shape, the rest is still checked as a whole, so that nobody
 * has to correct a file ten times.
 */
export function parseConfig(raw: unknown): Parsed {
  const first = configSchema.safeParse(raw);
  if (first.success) {
    const faults = configFaults(first.data);
    return faults.length === 0 ? { config: first.data, faults: [] } : { faults };
  }
  return { faults: distinct(faultsWithSalvage(raw)) };
}

const rounds = 8;

/** Shape faults, then what remains without the faulty parts is checked, too. */
function faultsWithSalvage(raw: unknown): Fault[] {
  const faults: Fault[] = [];
  let rest = salvageable(raw);
  for (let round = 0; round < rounds; round++) {
    const result = configSchema.safeParse(rest.value);
    if (result.success) return [...faults, ...checkRest(result.data, rest)];
    const issues = result.error.issues.flatMap(faultsOf);
    faults.push(...issues.map((fault) => ({ ...fault, path: original(rest, fault.path) })));
    rest = without(rest, result.error.issues);
  }
  return faults;
}

interface Rest {
  readonly value: unknown;
  /** For lists with elements left out: the place each one had. */
  readonly places: Readonly<Record<string, readonly number[]>>;
  /** Sections that were left out, in whole or in part. */
  readonly incomplete: ReadonlySet<string>;
}

function salvageable(raw: unknown): Rest {
  return { value: raw, places: {}, incomplete: new Set() };
}

type Issue = { readonly code: string; readonly path: readonly PropertyKey[] };

function without(rest: Rest, issues: readonly Issue[]): Rest {
  if (!isObject(rest.value)) return { ...rest, value: {}, incomplete: new Set(sections) };
  const value = { ...rest.value };
  const places = { ...rest.places };
  const incomplete = new Set(rest.incomplete);
  const tops = new Set(issues.map(({ path }) => path[0]));
  for (const top of tops) {
    if (typeof top !== 'string') continue;
    incomplete.add(top);
    const list = value[top];
    const indexes = new Set(issues.filter(({ path }) => path[0] === top).map(({ path }) => path[1]));
    if (Array.isArray(list) && top !== 'levels' && !indexes.has(undefined)) {
      const before = places[top] ?? list.map((_, index) => index);
      value[top] = list.filter((_, index) => !indexes.has(index));
      places[top] = before.filter((_, index) => !indexes.has(index));
    } else {
      delete value[top];
    }
  }
  for (const key of issues.flatMap((issue) => (issue.path.length === 0 ? unknownKeys(issue) : [])))
    delete value[key];
  return { value, places, incomplete };
}

const sections = Object.keys(configSchema.shape);

/** Faults across the remaining parts, less those that only the missing parts cause. */
function checkRest(config: Config, rest: Rest): Fault[] {
  const { incomplete } = rest;
  return configFaults(config)
    .filter(({ path }) => !incomplete.has(String(path[0])) || Array.isArray(config[path[0] as keyof Config]))
    .filter(({ message }) => !(incomplete.has('levels') && message.startsWith('no level')))
    .filter(
      ({ message }) =>
        !((incomplete.has('resources') || incomplete.has('scopes')) && /^no (scope|resource) /.test(message)),
    )
    .filter(
      ({ path }) => !(incomplete.has('demo') && ['issuer', 'listen', 'clients'].includes(String(path[0]))),
    )
    .filter(({ path }) => !(incomplete.has('issuer') && path.includes('rpId')))
    .map((fault) => ({ ...fault, path: original(rest, fault.path) }));
}

function original({ places }: Rest, path: FaultPath): FaultPath {
  const [top, index, ...deeper] = path;
  const place = typeof index === 'number' ? places[String(top)]?.[index] : undefined;
  return place === undefined || top === undefined ? path : [top, place, ...deeper];
}

function faultsOf(issue: Issue & { readonly message: string }): Fault[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  const keys = unknownKeys(issue);
  if (keys.length > 0)
    return keys.map((key) => ({ path: [...path, key], message: 'there is no such setting' }));
  return [{ path, message: issue.message.replace(/^Invalid input: /, '') }];
}

function unknownKeys(issue: object): string[] {
  const keys: unknown =
    'code' in issue && issue.code === 'unrecognized_keys' && 'keys' in issue && issue.keys;
  return Array.isArray(keys) ? keys.map(String) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function distinct(faults: readonly Fault[]): Fault[] {
  const seen = new Set<string>();
  return faults.filter(({ path, message }) => {
    const key = JSON.stringify([path, message]);
    return !seen.has(key) && seen.add(key);
  });
}

/** Checks one client, in the words of the configuration, as if it stood in this configuration. */
export function parseClient(
  config: Config,
  raw: unknown,
): { readonly client: ClientConfig } | { readonly faults: readonly Fault[] } {
  const parsed = clientSchema.safeParse(raw);
  if (!parsed.success) return { faults: parsed.error.issues.flatMap(faultsOf) };
  const taken = config.clients.some(({ clientId }) => clientId === parsed.data.clientId);
  const faults = configFaults({ ...config, clients: [parsed.data] })
    .filter(({ path }) => path[0] === 'clients' && path[1] === 0)
    .map(({ path, message }) => ({ path: path.slice(2), message }));
  const all = taken
    ? [{ path: ['clientId'], message: 'a configured client has this id' }, ...faults]
    : faults;
  return all.length > 0 ? { faults: all } : { client: parsed.data };
}
