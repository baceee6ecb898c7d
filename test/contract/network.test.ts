import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { type FollowedNetwork, openNetwork } from '../../src/infra/network.ts';
import { writeMmdb } from '../support/mmdb.ts';

type Settings = Parameters<typeof openNetwork>[0];

let folder: string;
const said: string[] = [];
const log = {
  info: (_: object, message: string) => void said.push(message),
  warn: (_: object, message: string) => void said.push(message),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stile-network-'));
});
afterAll(() => rm(folder, { recursive: true }));

const open = (settings: Partial<Settings>): Promise<FollowedNetwork> =>
  openNetwork(configSchema.parse({ network: settings }).network, log);

/** Put in place as a whole, as an updater should. */
async function put(name: string, content: Buffer | string): Promise<string> {
  const file = join(folder, name);
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
  return file;
}

const london = {
  country: { iso_code: 'GB' },
  location: { latitude: 51.5, longitude: -0.1, accuracy_radius: 20 },
};

describe('the database that comes along', () => {
  test('knows countries of IPv4 and IPv6, also of IPv4 mapped into IPv6', async () => {
    const network = await open({});
    expect(network.of('8.8.8.8')).toEqual({
      address: '8.8.8.8',
      country: 'US',
      asn: 0,
      organisation: '',
      private: false,
      listed: false,
      anonymising: false,
      place: null,
    });
    for (const text of ['::ffff:8.8.8.8', '::ffff:808:808', '2001:4860:4860::8888'])
      expect(network.of(text).country).toBe('US');
  });

  test('says nothing of private addresses and of what is no address', async () => {
    const network = await open({});
    for (const text of ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1', '::ffff:192.168.0.1'])
      expect(network.of(text)).toMatchObject({ country: '', private: true });
    for (const text of ['', 'unknown', '1.2.3.4.5', '[::1]'])
      expect(network.of(text)).toMatchObject({ address: '', country: '', private: false });
  });

  test('may be left out', async () => {
    expect((await open({ countryDatabase: 'none' })).of('8.8.8.8').country).toBe('');
  });
});

describe('the operator’s own databases', () => {
  test('give autonomous systems, coordinates and a country that counts before the other', async () => {
    const network = await open({
      asnDatabase: await put(
        'asn.mmdb',
        writeMmdb({
          '8.8.8.0/24': { autonomous_system_number: 64496, autonomous_system_organization: 'Example' },
        }),
      ),
      cityDatabase: await put('city.mmdb', writeMmdb({ '8.8.0.0/16': london, '2001:db8::/32': london })),
    });
    expect(network.of('8.8.8.8')).toMatchObject({
      country: 'GB',
      asn: 64496,
      organisation: 'Example',
      place: { latitude: 51.5, longitude: -0.1, radiusKm: 20 },
    });
    expect(network.of('8.8.9.1')).toMatchObject({ asn: 0, place: { radiusKm: 20 } });
    expect(network.of('2001:db8::7').country).toBe('GB');
    expect(network.of('8.9.0.1')).toMatchObject({ country: 'US', place: null });
  });

  test('in the forms of other makers', async () => {
    const records = {
      '192.0.2.0/24': { country_code: 'NO', asn: 'AS64500', as_name: 'Nord' },
      '198.51.100.0/24': { country: 'SE', latitude: 59.3, longitude: 18.1 },
      '203.0.113.0/24': { country: 'Sweden', location: { latitude: 'north', longitude: 4 }, asn: 'many' },
    };
    const file = await put('other.mmdb', writeMmdb(records));
    const network = await open({ countryDatabase: file, asnDatabase: file, cityDatabase: file });
    expect(network.of('192.0.2.1')).toMatchObject({ country: 'NO', asn: 64500, organisation: 'Nord' });
    expect(network.of('198.51.100.1')).toMatchObject({
      country: 'SE',
      place: { latitude: 59.3, radiusKm: 50 },
    });
    expect(network.of('203.0.113.1')).toMatchObject({ country: '', asn: 0, place: null });
  });

  test('a file that is not there, no database or cut short is named, all at once', async () => {
    const whole = writeMmdb({ '0.0.0.0/1': london, '128.0.0.0/1': london });
    const settings = {
      countryDatabase: join(folder, 'none.mmdb'),
      asnDatabase: await put('text.mmdb', 'not a database'),
      cityDatabase: await put('cut.mmdb', Buffer.concat([whole.subarray(0, 8), whole.subarray(-200)])),
      listed: [await put('bad.txt', '192.0.2.0/24\n\nexample.com # no address\n')],
    };
    const failed = open(settings);
    await expect(failed).rejects.toThrow(/network\.countryDatabase: .*none\.mmdb: there is no such file/);
    await expect(failed).rejects.toThrow(/network\.asnDatabase: .*text\.mmdb: it is no MaxMind DB file/);
    await expect(failed).rejects.toThrow(/network\.cityDatabase: .*cut\.mmdb: it is cut short/);
    await expect(failed).rejects.toThrow(/network\.listed: .*bad\.txt: line 3 is neither/);
  });
});

describe('lists', () => {
  test('hold ranges, addresses and autonomous systems, inline and in files', async () => {
    const file = await put('vpn.txt', '# exits\n203.0.113.7\nas64496\n2001:db8::/32 # one provider\n');
    const network = await open({
      asnDatabase: await put('asn.mmdb', writeMmdb({ '8.8.8.0/24': { autonomous_system_number: 64496 } })),
      listed: ['192.0.2.0/24'],
      anonymising: [file, '198.51.100.1'],
    });
    expect(network.of('192.0.2.200')).toMatchObject({ listed: true, anonymising: false });
    for (const text of ['203.0.113.7', '8.8.8.8', '2001:db8:1::1', '198.51.100.1', '::ffff:203.0.113.7'])
      expect(network.of(text)).toMatchObject({ listed: false, anonymising: true });
    expect(network.of('203.0.113.8').anonymising).toBe(false);
  });
});

describe('a file that changes', () => {
  test('is read again', async () => {
    const city = await put('moving.mmdb', writeMmdb({ '192.0.2.0/24': london }));
    const list = await put('moving.txt', '192.0.2.1');
    const network = await open({ cityDatabase: city, listed: [list] });
    await put('moving.mmdb', writeMmdb({ '192.0.2.0/24': { country: { iso_code: 'NO' } } }));
    await put('moving.txt', '192.0.2.22 # another');
    expect(network.of('192.0.2.22')).toMatchObject({ country: 'GB', listed: false });
    await network.refresh();
    expect(network.of('192.0.2.22')).toMatchObject({ country: 'NO', listed: true });
    expect(network.of('192.0.2.1').listed).toBe(false);
  });

  test('to nonsense, or goes away, leaves what was there, and is said once', async () => {
    const file = await put('spoilt.mmdb', writeMmdb({ '192.0.2.0/24': london }));
    const network = await open({ cityDatabase: file });
    said.length = 0;
    await put('spoilt.mmdb', 'half a file');
    await network.refresh();
    await network.refresh();
    expect(network.of('192.0.2.1').country).toBe('GB');
    expect(said).toEqual(['a network file cannot be read; what it held before still counts']);
    await put('spoilt.mmdb', writeMmdb({ '192.0.2.0/24': { country: 'NO' } }));
    await network.refresh();
    expect(network.of('192.0.2.1').country).toBe('NO');
  });
});
