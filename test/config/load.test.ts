import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { demoClient } from '../../src/config/demo.ts';
import { ConfigError } from '../../src/config/faults.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { configVersion } from '../../src/config/version.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';

const key = Buffer.alloc(32, 7).toString('base64');
const production = {
  STILE_KEYS: `k1:${key}`,
  DATABASE_URL: 'postgres://stile@db/stile',
  SMTP_URL: 'smtps://mail.example',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stile-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(content: ConfigInput | string | Record<string, unknown>): string {
  const file = join(folder, 'stile.yaml');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function faultsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

function faults(content: Parameters<typeof write>[0], env: Record<string, string> = production): string[] {
  return faultsOf(() => loadConfig({ file: write(content), env }));
}

const https = 'https://id.example.com';
const web = { clientId: 'web', name: 'Web', redirectUris: ['https://app.example.com/cb'] };

test('the secret of audit webhooks is long, or absent, and never repeated', () => {
  const read = (secret: string) =>
    faults({ issuer: 'https://id.example.com' }, { ...production, AUDIT_WEBHOOK_SECRET: secret });
  expect(read('short')).toEqual(['AUDIT_WEBHOOK_SECRET: is shorter than 32 characters']);
  const secret = 's'.repeat(32);
  expect(read(secret)).toEqual([]);
  const file = write({ issuer: 'https://id.example.com' });
  const env = { ...production, AUDIT_WEBHOOK_SECRET: secret };
  expect(loadConfig({ file, env }).secrets.auditWebhookSecret).toBe(secret);
  expect('auditWebhookSecret' in loadConfig({ file, env: production }).secrets).toBe(false);
});

describe('without a file', () => {
  test('the demo is loaded, and every check passes', () => {
    const { config } = loadConfig({ env: {} });
    expect(config.demo).toBe(true);
    expect(config.issuer).toBe('http://localhost:3000');
    expect(config.clients.map(({ clientId }) => clientId)).toEqual(['harbour-bank-web']);
  });

  test("the demo's key is made once, readable by its owner alone, and used again", () => {
    const demo = write({ demo: true, dataDirectory: join(folder, 'data') });
    let calls = 0;
    const load = (): Loaded =>
      loadConfig({ file: demo, env: {}, newKey: () => new Uint8Array(32).fill(++calls) });
    const [first, second] = [load(), load()];
    expect(first.secrets.keys).toHaveLength(1);
    expect(second.secrets).toEqual(first.secrets);
    expect(calls).toBe(1);
    expect(statSync(join(folder, 'data/keys')).mode & 0o777).toBe(0o600);
  });

  test("a damaged demo key is named, not replaced: the demo's data hang on it", () => {
    writeFileSync(join(folder, 'keys'), 'demo-1:short');
    const demo = write({ demo: true, dataDirectory: folder });
    expect(faultsOf(() => loadConfig({ file: demo, env: {}, newKey: () => new Uint8Array(32) }))).toEqual([
      expect.stringContaining('holds no key'),
    ]);
    expect(readFileSync(join(folder, 'keys'), 'utf8')).toBe('demo-1:short');
  });
});

describe('production', () => {
  test('loads a sound file in YAML, with the defaults', () => {
    const file = write('issuer: https://id.example.com\nname: Example\n');
    const { config, secrets } = loadConfig({ env: { ...production, STILE_CONFIG: file } });
    expect(config.name).toBe('Example');
    expect(config.tokens.steppedUp).toBe(300);
    expect(secrets.keys).toEqual([{ id: 'k1', key: new Uint8Array(32).fill(7) }]);
    expect(secrets.smtpUrl).toBe('smtps://mail.example');
  });

  test('--config wins over STILE_CONFIG', () => {
    const file = write({ issuer: https, name: 'Mine' });
    expect(loadConfig({ file, env: { ...production, STILE_CONFIG: '/nowhere' } }).config.name).toBe('Mine');
  });

  test('refuses plain http, missing secrets and the demo client, all at once', () => {
    const { clientSecret: _, ...demo } = demoClient;
    const found = faults({ issuer: 'http://localhost:3000', clients: [{ ...web, ...demo }] }, {});
    expect(found).toEqual([
      'issuer: must be https (plain http serves the demo only)',
      "clients[0]: is the demo's client, whose secret everybody knows",
      'STILE_KEYS: is not set (`stile secret --key` makes a key)',
      'DATABASE_URL: is not set (the embedded database serves the demo only)',
      'SMTP_URL: is not set (smtps://user:password@host)',
    ]);
  });

  test('refuses keys of the demo, of the wrong length, malformed and repeated', () => {
    const keys = `demo-1:${key},short:AAAA,nonsense,k1:${key},k1:${key}`;
    expect(faults({ issuer: https }, { ...production, STILE_KEYS: keys })).toEqual([
      'STILE_KEYS[1]: the key has 3 bytes, not 32',
      'STILE_KEYS[2]: is not of the form id:base64',
      'STILE_KEYS[4]: its id is used twice',
      'STILE_KEYS: "demo-1" is a key of the demo',
    ]);
  });

  test('a secret may come from a file, and a message never repeats its value', () => {
    const secret = join(folder, 'database');
    writeFileSync(secret, 'mysql://root:hunter2@db\n');
    const { DATABASE_URL: _, ...env } = production;
    const found = faults({ issuer: https }, { ...env, DATABASE_URL_FILE: secret });
    expect(found).toEqual(['DATABASE_URL: must begin with postgres:// or postgresql://']);
    expect(faults({ issuer: https }, { ...env, DATABASE_URL_FILE: '/nowhere' })).toEqual([
      'DATABASE_URL_FILE: the file it names cannot be read',
    ]);
  });
});

describe('every fault at once', () => {
  test('shape faults and cross checks of the rest are reported together, at their own places', () => {
    const found = faults(
      {
        issuer: https,
        naem: 'typo',
        session: { idle: 'long' },
        clients: [
          { clientId: '', redirectUris: [] },
          { ...web, redirectUris: ['http://app.example.com/cb'] },
          { ...web, scopes: ['ghost'] },
        ],
      },
      {},
    );
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^clients\[0\]\.clientId: /),
        'session.idle: expected number, received string',
        'naem: there is no such setting',
        'clients[1].redirectUris[0]: must be https (plain http on a loopback address only)',
        'clients[2].scopes[0]: no scope is called "ghost"',
        'clients[2].clientId: another client is called "web"',
        expect.stringMatching(/^STILE_KEYS: /),
        expect.stringMatching(/^DATABASE_URL: /),
        expect.stringMatching(/^SMTP_URL: /),
      ]),
    );
    expect(found).toHaveLength(9);
  });

  test('what a missing part alone would cause is not reported', () => {
    const found = faults({
      issuer: https,
      resources: [{ identifier: 'nonsense', scopes: { pay: {} } }],
      clients: [{ ...web, scopes: ['pay'] }],
    });
    expect(found).toEqual([expect.stringMatching(/^resources\[0\]\.identifier: /)]);
  });

  test('a file that is no mapping, malformed or missing is a fault, not a crash', () => {
    expect(faults('- a\n- b\n')).toHaveLength(1);
    expect(faults('issuer: [')[0]).toContain('line 1');
    expect(faults('issuer: https://a.example\nissuer: https://b.example\n')[0]).toContain('unique');
    expect(faultsOf(() => loadConfig({ file: '/nowhere.yaml', env: production }))).toEqual([
      '/nowhere.yaml: the file cannot be read',
    ]);
    expect(faults('')).toContain('issuer: must be https (plain http serves the demo only)');
  });
});

test('the version names the content, whatever the order of its keys', () => {
  const { config } = loadConfig({ env: {} });
  const turned = Object.fromEntries(Object.entries(config).reverse()) as typeof config;
  expect(configVersion(turned)).toBe(configVersion(config));
  expect(configVersion({ ...config, name: 'Other' })).not.toBe(configVersion(config));
  expect(canonicalJson({ b: [2, 1], a: { d: 1, c: null } })).toBe('{"a":{"c":null,"d":1},"b":[2,1]}');
});
