/**
 * Network addresses as numbers of 128 bits: IPv4 is where IPv6 maps it (::ffff:0:0/96, RFC 4291 section 2.5.5.2), so that
 * an address has one form however it is written.
 */

const MAPPED = 0xffffn << 32n;
const TOP = 1n << 128n;

/** An IPv4 or IPv6 address, with or without a zone (RFC 4007); undefined: it is neither. */
export function parseAddress(text: string): bigint | undefined {
  const bare = text.length > 100 ? '' : (text.split('%')[0] ?? '');
  if (!bare.includes(':')) {
    const four = parseIpv4(bare);
    return four === undefined ? undefined : MAPPED | four;
  }
  return parseIpv6(bare);
}

export function isIpv4(address: bigint): boolean {
  return address >> 32n === MAPPED >> 32n;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (!parts?.every((part) => part <= 255)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  const [head = '', tail] = halves;
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  if (halves.length > 2 || left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array<bigint>(missing).fill(0n), ...right];
  return all.reduce((sum, group) => (sum << 16n) | group, 0n);
}

function groups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const four = parts.at(-1)?.includes('.') ? parseIpv4(parts.pop() ?? '') : null;
  if (four === undefined || !parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  const plain = parts.map((part) => BigInt(`0x${part}`));
  return four === null ? plain : [...plain, four >> 16n, four & 0xffffn];
}

/** As it is written for people: dotted IPv4, else eight groups of hexadecimal digits. */
export function formatAddress(address: bigint): string {
  if (isIpv4(address)) return [24n, 16n, 8n, 0n].map((at) => (address >> at) & 0xffn).join('.');
  return Array.from({ length: 8 }, (_, at) =>
    ((address >> BigInt(112 - 16 * at)) & 0xffffn).toString(16),
  ).join(':');
}

/** What one household or machine has: the IPv4 address itself, the /64 of an IPv6 address. */
export function hostOf(address: bigint): string {
  return isIpv4(address) ? formatAddress(address) : `${formatAddress((address >> 64n) << 64n)}/64`;
}

/** The neighbourhood of an address: /24, of IPv6 the /48 that a site is given (RFC 6177). */
export function networkOf(address: bigint): string {
  const bits = isIpv4(address) ? 8n : 80n;
  return `${formatAddress((address >> bits) << bits)}/${isIpv4(address) ? 24 : 48}`;
}

/** First and last address of a range. */
export type Range = readonly [first: bigint, last: bigint];

/** A range in CIDR notation, or a single address; undefined: it is neither. Bits after the prefix do not count. */
export function parseRange(text: string): Range | undefined {
  const [, base = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const width = base.includes(':') ? 128 : 32;
  const prefix = length === undefined ? width : Number(length);
  if (prefix > width) return undefined;
  const free = BigInt(width - prefix);
  const first = (address >> free) << free;
  return [first, first | ((1n << free) - 1n)];
}

/** Ranges to ask by binary search: sorted, those that meet joined. */
export type RangeSet = readonly Range[];

export function rangeSet(ranges: readonly Range[]): RangeSet {
  const sorted = [...ranges].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const joined: [bigint, bigint][] = [];
  for (const [first, last] of sorted) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1n) before[1] = last > before[1] ? last : before[1];
    else joined.push([first, last]);
  }
  return joined;
}

export function inRanges(set: RangeSet, address: bigint): boolean {
  let [low, high] = [0, set.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [first, last] = set[middle] ?? [TOP, TOP];
    if (address < first) high = middle - 1;
    else if (address > last) low = middle + 1;
    else return true;
  }
  return false;
}

/** Addresses that say nothing of where somebody is: RFC 1122, 1918, 3927, 4193, 4291, 6598. */
const closed = rangeSet(
  ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12']
    .concat(['192.168.0.0/16', '::/127', 'fc00::/7', 'fe80::/10'])
    .flatMap((text) => [parseRange(text) ?? []].filter((range): range is Range => range.length === 2)),
);

/** Loopback, private, shared, link-local or unique local. */
export function isPrivate(address: bigint): boolean {
  return inRanges(closed, address);
}
