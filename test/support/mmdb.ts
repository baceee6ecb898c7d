/** Writes MaxMind DB files for tests: small, IPv6 with IPv4 where the format puts it (::/96), records of 32 bits. */
import { isIpv4, parseRange } from '../../src/domain/address.ts';

type Value = string | number | { readonly [key: string]: Value };

/** A database in which each network, in CIDR notation, has its record. */
export function writeMmdb(records: Readonly<Record<string, Value>>): Buffer {
  const nodes: [Branch, Branch][] = [[null, null]];
  const data: Buffer[] = [];
  let length = 0;
  for (const [network, record] of Object.entries(records)) {
    const encoded = encode(record);
    insert(nodes, bitsOf(network), { at: length });
    data.push(encoded);
    length += encoded.length;
  }
  const tree = Buffer.alloc(nodes.length * 8);
  nodes.flat().forEach((branch, index) => {
    tree.writeUInt32BE(pointer(branch, nodes.length), index * 4);
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...data, metadata(nodes.length)]);
}

type Branch = null | number | { readonly at: number };

function pointer(branch: Branch, count: number): number {
  if (branch === null) return count;
  return typeof branch === 'number' ? branch : count + 16 + branch.at;
}

function bitsOf(network: string): readonly (0 | 1)[] {
  const range = parseRange(network);
  if (!range) throw new Error(`${network} is no network`);
  const [first, last] = range;
  const four = isIpv4(first);
  const address = four ? first & 0xffffffffn : first;
  const width = 128 - (last - first + 1n).toString(2).length + 1;
  return [...address.toString(2).padStart(128, '0')].slice(0, width).map((bit) => (bit === '1' ? 1 : 0));
}

function insert(nodes: [Branch, Branch][], bits: readonly (0 | 1)[], leaf: Branch): void {
  let at = 0;
  bits.forEach((bit, depth) => {
    const node = nodes[at] as [Branch, Branch];
    if (depth === bits.length - 1) {
      node[bit] = leaf;
      return;
    }
    const next = node[bit];
    if (typeof next === 'number') {
      at = next;
    } else {
      node[bit] = nodes.push([null, null]) - 1;
      at = node[bit] as number;
    }
  });
}

const TEXT = 2;
const DOUBLE = 3;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;

function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(TEXT, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number')
    return Number.isInteger(value) && value >= 0 ? whole(UINT32, value, 4) : double(value);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(MAP, entries.length),
    ...entries.flatMap(([key, each]) => [encode(key), encode(each)]),
  ]);
}

/** Sizes below 29 are in the octet itself, up to 284 in the next one. */
function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}

function whole(type: number, value: number, octets: number): Buffer {
  const bytes = Buffer.alloc(octets);
  bytes.writeUIntBE(value, 0, octets);
  return Buffer.concat([control(type, octets), bytes]);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control(DOUBLE, 8), bytes]);
}

function metadata(nodeCount: number): Buffer {
  const fields: readonly (readonly [string, Buffer])[] = [
    ['node_count', whole(UINT32, nodeCount, 4)],
    ['record_size', whole(UINT16, 32, 2)],
    ['ip_version', whole(UINT16, 6, 2)],
    ['database_type', encode('Test')],
    ['languages', Buffer.from([0x00, 0x04])],
    ['binary_format_major_version', whole(UINT16, 2, 2)],
    ['binary_format_minor_version', whole(UINT16, 0, 2)],
    ['build_epoch', Buffer.from([0x04, 0x02, 0x60, 0x00, 0x00, 0x00])],
    ['description', encode({})],
  ];
  return Buffer.concat([
    Buffer.from('abcdef4d61784d696e642e636f6d', 'hex'),
    control(MAP, fields.length),
    ...fields.flatMap(([key, value]) => [encode(key), value]),
  ]);
}
