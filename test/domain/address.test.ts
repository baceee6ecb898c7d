import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatAddress,
  hostOf,
  inRanges,
  isPrivate,
  networkOf,
  parseAddress,
  parseRange,
  type Range,
  rangeSet,
} from '../../src/domain/address.ts';

const parsed = (text: string): bigint => parseAddress(text) ?? -1n;
const ranges = (...texts: string[]) =>
  rangeSet(texts.flatMap((text) => [parseRange(text)].filter((each): each is Range => each !== undefined)));

test('an address mapped into IPv6 is the IPv4 address, in either spelling', () => {
  for (const text of ['::ffff:192.0.2.7', '::ffff:c000:207', '::FFFF:C000:0207'])
    expect(parsed(text)).toBe(parsed('192.0.2.7'));
});

test.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  ':',
  ':::',
  '1::2::3',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8:9',
  'host',
  `${'1'.repeat(200)}`,
])('%s is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test('whatever Node takes for an IPv6 address is one, and comes back as itself', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      expect(isIPv6(text)).toBe(true);
      const address = parsed(text);
      expect(address).toBeGreaterThanOrEqual(0n);
      expect(parsed(formatAddress(address))).toBe(address);
    }),
  );
});

test('a host is an IPv4 address or a /64, its network the /24 or the /48', () => {
  expect([hostOf(parsed('192.0.2.77')), networkOf(parsed('192.0.2.77'))]).toEqual([
    '192.0.2.77',
    '192.0.2.0/24',
  ]);
  const address = parsed('2001:db8:1:2:3::4%eth0');
  expect(hostOf(address)).toBe('2001:db8:1:2:0:0:0:0/64');
  expect(networkOf(address)).toBe('2001:db8:1:0:0:0:0:0/48');
});

test.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['10.9.8.7', true],
  ['172.31.0.1', true],
  ['172.32.0.1', false],
  ['192.168.1.1', true],
  ['100.64.0.1', true],
  ['169.254.1.1', true],
  ['fd00::1', true],
  ['fe80::1', true],
  ['::ffff:10.0.0.1', true],
  ['192.0.2.1', false],
  ['2001:db8::1', false],
])('%s is private: %s', (text, expected) => {
  expect(isPrivate(parsed(text))).toBe(expected);
});

test('a set of ranges holds what one of its ranges holds', () => {
  const bits = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 12 }), fc.ipV4(), (list, text) => {
      const each = list.map(([base, length]) => parseRange(`${base}/${length}`) ?? ([0n, 0n] as const));
      const address = parsed(text);
      const expected = each.some(([first, last]) => address >= first && address <= last);
      expect(inRanges(rangeSet(each), address)).toBe(expected);
      for (const [first, last] of each)
        expect([first, last].every((edge) => inRanges(rangeSet(each), edge))).toBe(true);
    }),
  );
});

test('a range is CIDR notation or one address, in the family it is written in', () => {
  expect(inRanges(ranges('192.0.2.0/24'), parsed('::ffff:192.0.2.9'))).toBe(true);
  expect(inRanges(ranges('2001:db8::/32'), parsed('2001:db9::1'))).toBe(false);
  expect(inRanges(ranges('192.0.2.5'), parsed('192.0.2.6'))).toBe(false);
  for (const text of ['192.0.2.0/33', '::/129', '192.0.2.0/', 'x/8', '1.2.3.4/1/2'])
    expect(parseRange(text)).toBeUndefined();
});
