/** Where addresses are, by the operator's databases and lists; files that change are read again. */
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Config } from '../config/schema.ts';
import { formatAddress, isPrivate, parseAddress } from '../domain/address.ts';
import { memoised } from '../domain/memo.ts';
import {
  isListFile,
  isOnList,
  listLines,
  type NetworkEntry,
  type NetworkList,
  networkList,
  parseNetworkEntry,
} from '../domain/network-list.ts';
import type { Located, NetworkLookup } from '../services/ports/machine.ts';
import { type Mmdb, openMmdb } from './mmdb.ts';

export interface FollowedNetwork extends NetworkLookup {
  /** Reads again what has changed; what cannot be read stays as it was, and is said in the log. Never throws. */
  refresh(): Promise<void>;
}

export interface NetworkLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

type Settings = Config['network'];

/** One file, what it holds, and the state it was read in. */
interface Source<T> {
  readonly setting: string;
  readonly file: string;
  readonly parse: (bytes: Buffer) => T;
  content: T;
  state: string;
}

/** Throws with a line for each file that is not there or not sound, by the name of its setting. */
export async function openNetwork(settings: Settings, log: NetworkLog): Promise<FollowedNetwork> {
  const faults: string[] = [];
  const open = async <T>(setting: string, file: string, parse: (bytes: Buffer) => T) => {
    try {
      return [await openSource(setting, file, parse)];
    } catch (error) {
      faults.push(`network.${setting}: ${file}: ${reasonOf(error)}`);
      return [];
    }
  };
  const database = (setting: 'countryDatabase' | 'asnDatabase' | 'cityDatabase') => {
    const file = fileOf(settings[setting]);
    return file === undefined ? [] : open(setting, file, openMmdb);
  };
  const lists = async (setting: 'listed' | 'anonymising') => {
    const files = settings[setting].filter(isListFile);
    return (await Promise.all(files.map((file) => open(setting, file, parseList)))).flat();
  };
  const [[country], [asn], [city]] = [
    await database('countryDatabase'),
    await database('asnDatabase'),
    await database('cityDatabase'),
  ];
  const [listed, anonymising] = [await lists('listed'), await lists('anonymising')];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const databases = { country, asn, city };
  const both = {
    listed: () => joined(settings.listed, listed),
    anonymising: () => joined(settings.anonymising, anonymising),
  };
  const locating = () => {
    const lists: Lists = { listed: both.listed(), anonymising: both.anonymising() };
    return memoised(10_000, (address) => locate(databases, lists, address));
  };
  let of = locating();
  return {
    of: (address) => of(address),
    refresh: async () => {
      for (const source of [country, asn, city]) if (source) await refresh(source, log);
      for (const source of [...listed, ...anonymising]) await refresh(source, log);
      of = locating();
    },
  };
}

const bundled = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';

function fileOf(named: string | undefined): string | undefined {
  if (named === undefined || named === 'none') return undefined;
  return named === 'bundled' ? createRequire(import.meta.url).resolve(bundled) : named;
}

async function openSource<T>(setting: string, file: string, parse: (bytes: Buffer) => T): Promise<Source<T>> {
  const state = await stateOf(file);
  return { setting, file, parse, state, content: parse(await readFile(file)) };
}

/** Changes whenever the file does. */
async function stateOf(file: string): Promise<string> {
  const { ino, size, mtimeMs } = await stat(file);
  return `${ino} ${size} ${mtimeMs}`;
}

async function refresh<T>(source: Source<T>, log: NetworkLog): Promise<void> {
  const { setting, file } = source;
  try {
    const state = await stateOf(file);
    if (state === source.state) return;
    // Remembered first: what is not sound is said once, not every minute.
    source.state = state;
    source.content = source.parse(await readFile(file));
    log.info({ setting: `network.${setting}`, file }, 'a network file was read again');
  } catch (error) {
    const facts = { setting: `network.${setting}`, file, reason: reasonOf(error) };
    log.warn(facts, 'a network file cannot be read; what it held before still counts');
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'MODULE_NOT_FOUND') return 'there is no such file';
  if (code !== undefined) return `it cannot be read (${String(code)})`;
  return error instanceof Error ? error.message : 'it cannot be read';
}

/** A line that is neither a range nor an autonomous system is a fault: half a list would pass for a whole one. */
function parseList(bytes: Buffer): readonly NetworkEntry[] {
  return listLines(bytes.toString('utf8')).map(({ line, entry }) => {
    const parsed = parseNetworkEntry(entry);
    if (!parsed) throw new Error(`line ${line} is neither CIDR, an address nor an AS number`);
    return parsed;
  });
}

function joined(
  entries: readonly string[],
  sources: readonly Source<readonly NetworkEntry[]>[],
): NetworkList {
  const inline = entries
    .filter((entry) => !isListFile(entry))
    .flatMap((entry) => parseNetworkEntry(entry) ?? []);
  return networkList([...inline, ...sources.flatMap(({ content }) => content)]);
}

interface Databases {
  readonly country: Source<Mmdb> | undefined;
  readonly asn: Source<Mmdb> | undefined;
  readonly city: Source<Mmdb> | undefined;
}

interface Lists {
  readonly listed: NetworkList;
  readonly anonymising: NetworkList;
}

const nowhere: Located = {
  address: '',
  country: '',
  asn: 0,
  organisation: '',
  private: false,
  listed: false,
  anonymising: false,
  place: null,
};

function locate(databases: Databases, lists: Lists, text: string): Located {
  const address = parseAddress(text);
  if (address === undefined) return nowhere;
  const written = formatAddress(address);
  const closed = isPrivate(address);
  const find = (source: Source<Mmdb> | undefined) => (closed ? undefined : source?.content.find(written));
  const [country, asn, city] = [find(databases.country), find(databases.asn), find(databases.city)];
  const number = asn?.asn || country?.asn || city?.asn || 0;
  return {
    address: written,
    country: city?.country || country?.country || '',
    asn: number,
    organisation: asn?.organisation || country?.organisation || '',
    private: closed,
    listed: isOnList(lists.listed, address, number),
    anonymising: isOnList(lists.anonymising, address, number),
    place: city?.place ?? null,
  };
}
