import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Method } from '../../src/domain/proofs.ts';
import {
  addressBucket,
  consecutiveOnly,
  emailBucket,
  factorBucket,
  factorPrefix,
  familiarityFor,
  familiarityFrom,
  isFilled,
  networkOf,
  reopenedBy,
} from '../../src/domain/throttle.ts';

const methods: readonly Method[] = ['password', 'totp', 'passkey', 'email', 'admin_code'];

describe('the network an address is counted as', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s is counted as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('all addresses of an IPv6 /64 are counted together, and no two networks are', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const half = fc.tuple(group, group, group, group);
    fc.assert(
      fc.property(half, half, half, (one, other, host) => {
        const same = networkOf([...one, ...host].join(':')) === networkOf([...one, ...other].join(':'));
        const apart = networkOf([...one, ...host].join(':')) === networkOf([...other, ...host].join(':'));
        expect(same).toBe(true);
        expect(apart).toBe(one.join() === other.join());
      }),
    );
  });
});

describe('what is counted together', () => {
  test('a flood by strangers fills one bucket for each account and factor, and no known browser’s', () => {
    const names = methods.flatMap((method) =>
      ['a', 'b'].flatMap((owner) =>
        [null, 'x', 'y'].map((browser) => factorBucket({ owner, browser, method })),
      ),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test('a prefix names the buckets of one owner’s factor, whatever the browser, and no others', () => {
    const id = fc.stringMatching(/^[\w-]{1,22}$/);
    const method = fc.constantFrom(...methods);
    fc.assert(
      fc.property(id, id, fc.option(id), method, method, (one, other, browser, asked, counted) => {
        const bucket = factorBucket({ owner: other, browser, method: counted });
        expect(bucket.startsWith(factorPrefix(one, asked))).toBe(one === other && asked === counted);
      }),
    );
  });

  test('addresses, codes sent and factors are never counted together', () => {
    expect(
      new Set([
        addressBucket('a'),
        emailBucket('a'),
        factorBucket({ owner: 'a', browser: null, method: 'email' }),
      ]).size,
    ).toBe(3);
  });
});

describe('a filled bucket', () => {
  const limit = { attempts: 10, window: 900, consecutive: 100 };
  test.each([
    [9, 9, false],
    [10, 10, true],
    [1, 99, false],
    [1, 100, true],
  ])('after %i in the window and %i in a row: %s', (inWindow, consecutive, filled) => {
    expect(isFilled({ open: true, inWindow, consecutive }, limit)).toBe(filled);
  });

  test('a limit on failures in a row alone is not filled by a window', () => {
    expect(isFilled({ open: true, inWindow: 1_000_000, consecutive: 99 }, consecutiveOnly(limit))).toBe(
      false,
    );
    expect(isFilled({ open: true, inWindow: 1, consecutive: 100 }, consecutiveOnly(limit))).toBe(true);
  });
});

describe('who is a stranger, and what reopens', () => {
  test('a password shown once does not make a browser known for the second factor', () => {
    expect(familiarityFrom('password')).not.toContain(familiarityFor('totp'));
    expect(familiarityFrom('email')).not.toContain(familiarityFor('totp'));
  });

  test.each(['totp', 'passkey'] as const)(
    'a browser in which %s was used is known for every factor',
    (used) => {
      for (const method of methods) expect(familiarityFrom(used)).toContain(familiarityFor(method));
    },
  );

  test('a browser that gave the password is known for the password', () => {
    expect(familiarityFrom('password')).toContain(familiarityFor('password'));
  });

  test.each(['totp', 'passkey'] as const)('%s reopens every factor, in any browser', (method) => {
    expect(reopenedBy(method, [])).toEqual(methods);
  });

  test('a known browser reopens what it is known for: with any factor, but never the second by the first alone', () => {
    expect(reopenedBy('password', ['any', 'possession'])).toEqual(methods);
    expect(reopenedBy('password', ['any'])).not.toContain('totp');
    expect(reopenedBy('password', ['any'])).toContain('password');
    expect(reopenedBy('email', ['any'])).not.toContain('totp');
  });

  test('a password or an emailed code reopens nothing for a stranger', () => {
    expect(reopenedBy('password', [])).toEqual([]);
    expect(reopenedBy('email', [])).toEqual([]);
  });
});
