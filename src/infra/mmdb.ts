/** MaxMind DB files, as MaxMind, DB-IP, IPinfo and ip-location-db fill them. The only user of mmdb-lib. */
import { Reader } from 'mmdb-lib';
import type { Place } from '../domain/risk/risk.ts';

/** What a record says; '', 0 and null: nothing. */
export interface Entry {
  readonly country: string;
  readonly asn: number;
  readonly organisation: string;
  readonly place: Place | null;
}

export interface Mmdb {
  /** Dotted IPv4 or IPv6. Undefined: it is not in there, or cannot be read. Never throws. */
  find(address: string): Entry | undefined;
}

/** Octets between the tree and the data. */
const separator = 16;

/** Throws when the bytes are no sound database; a few lookups show whether the tree is whole. */
export function openMmdb(bytes: Buffer): Mmdb {
  const reader = readerOf(bytes);
  const { searchTreeSize, ipVersion } = reader.metadata;
  if (!(searchTreeSize > 0 && searchTreeSize + separator < bytes.length)) throw new Error('it is cut short');
  const octets = Array.from({ length: 64 }, (_, at) => at * 4 + 1);
  for (const octet of octets) {
    reader.get(`${octet}.${octet}.1.1`);
    if (ipVersion === 6) reader.get(`2${octet.toString(16).padStart(3, '0')}::1`);
  }
  return {
    find: (address) => {
      try {
        const record: unknown = reader.get(address);
        return isObject(record) ? entryOf(record) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

function readerOf(bytes: Buffer): Reader<never> {
  try {
    return new Reader(bytes);
  } catch (error) {
    throw new Error('it is no MaxMind DB file', { cause: error });
  }
}

type Fields = Readonly<Record<string, unknown>>;

function entryOf(record: Fields): Entry {
  return {
    country: countryOf(record),
    asn: asnOf(record),
    organisation: textOf(
      record['autonomous_system_organization'] ?? record['as_name'] ?? record['as_organization'],
    ),
    place: placeOf(record),
  };
}

function countryOf(record: Fields): string {
  const nested = isObject(record['country']) ? record['country']['iso_code'] : record['country'];
  const code = textOf(record['country_code'] ?? nested);
  return /^[A-Z]{2}$/.test(code) ? code : '';
}

function asnOf(record: Fields): number {
  const given = record['autonomous_system_number'] ?? record['asn'];
  const number = typeof given === 'string' ? Number(given.replace(/^AS/i, '')) : given;
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** A city is known no better than to some kilometres, whatever the database leaves unsaid. */
const usualRadiusKm = 50;

function placeOf(record: Fields): Place | null {
  const at = isObject(record['location']) ? record['location'] : record;
  const [latitude, longitude] = [numberOf(at['latitude'], 90), numberOf(at['longitude'], 180)];
  if (latitude === undefined || longitude === undefined) return null;
  return { latitude, longitude, radiusKm: numberOf(at['accuracy_radius'], 20_000) ?? usualRadiusKm };
}

function numberOf(given: unknown, most: number): number | undefined {
  const number = typeof given === 'string' && given !== '' ? Number(given) : given;
  return typeof number === 'number' && Math.abs(number) <= most ? number : undefined;
}

function textOf(given: unknown): string {
  return typeof given === 'string' ? given.slice(0, 100) : '';
}

function isObject(given: unknown): given is Fields {
  return typeof given === 'object' && given !== null;
}
