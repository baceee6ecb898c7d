import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { explain } from '../../src/cli/failures.ts';
import { run } from '../../src/cli/run.ts';
import { parseKeys } from '../../src/config/secrets.ts';
import { StileError } from '../../src/domain/errors.ts';
import { fakeTerminal } from './terminal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stile-cli-'));
  for (const name of ['STILE_CONFIG', 'STILE_KEYS', 'DATABASE_URL', 'SMTP_URL']) vi.stubEnv(name, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function stile(...args: string[]): Promise<{ code: number; output: string; notes: string }> {
  const terminal = fakeTerminal();
  const code = await run(args, terminal);
  return { code, output: terminal.output.join('\n'), notes: terminal.notes.join('\n') };
}

describe('usage', () => {
  test.each([[[]], [['help']], [['--help']], [['start', '--help']]])(
    '%j explains the commands',
    async (args) => {
      const { code, output } = await stile(...args);
      expect(code).toBe(0);
      expect(output).toContain('user add <username>');
    },
  );

  test.each([
    [['strat'], 'there is no command "strat"'],
    [['user', 'remove'], 'there is no command "user remove"'],
    [['toString'], 'there is no command "toString"'],
    [['check', '--email', 'x'], 'stile check takes no --email'],
    [['check', '--colour'], "Unknown option '--colour'"],
    [['check', 'file.yaml'], '"file.yaml" is one argument too many'],
    [['user', 'add'], 'stile user add needs a username'],
    [['check', '--config'], "Option '--config <value>' argument missing"],
  ])('%j is refused with exit code 2', async (args, fault) => {
    const { code, notes, output } = await stile(...args);
    expect({ code, output }).toEqual({ code: 2, output: '' });
    expect(notes).toBe(`stile: ${fault}\nTry \`stile help\`.`);
  });

  test('version is that of the package', async () => {
    expect((await stile('--version')).output).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('check', () => {
  test('a sound configuration is summed up; exit code 0', async () => {
    const file = join(folder, 'stile.yaml');
    writeFileSync(file, `demo: true\ndataDirectory: ${folder}\n`);
    const { code, output } = await stile('check', '--config', file);
    expect(code).toBe(0);
    expect(output).toContain('issuer     http://localhost:3000');
    expect(output).toContain('made at the first start');
    expect((await stile('check')).output).toContain('(no file: the demo)');
  });

  test('every fault is printed with its place; exit code 1', async () => {
    const file = join(folder, 'stile.yaml');
    writeFileSync(
      file,
      'issuer: http://id.example.com\nclients: [{ clientId: web, redirectUris: ["x"], firstParty: true }]',
    );
    const { code, notes } = await stile('check', '--config', file);
    expect(code).toBe(1);
    expect(notes.split('\n')).toEqual([
      'There are 5 faults in the configuration:',
      '  clients[0].redirectUris[0]: is no absolute address',
      '  issuer: must be https (plain http serves the demo only)',
      expect.stringContaining('  STILE_KEYS: '),
      expect.stringContaining('  DATABASE_URL: '),
      expect.stringContaining('  SMTP_URL: '),
    ]);
  });

  test('a missing file is a fault', async () => {
    const { code, notes } = await stile('check', '--config', '/nowhere.yaml');
    expect({ code, notes }).toEqual({
      code: 1,
      notes: expect.stringContaining('/nowhere.yaml: the file cannot be read'),
    });
  });

  test('a file that the configuration names and that is not there, too', async () => {
    const file = join(folder, 'network.yaml');
    writeFileSync(file, 'demo: true\nnetwork: { cityDatabase: /nowhere.mmdb, listed: [/nowhere.txt] }');
    const { code, notes } = await stile('check', '--config', file);
    expect(code).toBe(1);
    expect(notes).toContain('network.cityDatabase: /nowhere.mmdb: there is no such file');
    expect(notes).toContain('network.listed: /nowhere.txt: there is no such file');
  });
});

describe('secret', () => {
  test('prints a client secret and the hash the configuration takes', async () => {
    const { output } = await stile('secret');
    const [, secret = '', hash = ''] =
      /client secret {2}([\w-]{43})\nsecretHash {5}([\w-]{43})$/.exec(output) ?? [];
    expect(createHash('sha256').update(secret).digest('base64url')).toBe(hash);
    expect((await stile('secret')).output).not.toBe(output);
  });

  test('--key prints a key that STILE_KEYS takes', async () => {
    const { output } = await stile('secret', '--key');
    expect(parseKeys(output).faults).toEqual([]);
    expect(parseKeys(output).keys).toHaveLength(1);
  });
});

describe('failures are one sentence, without a stack', () => {
  test.each([
    [new StileError('account_exists'), 'stile: That username or address is taken. Choose another.'],
    [
      new StileError('account_invalid', { detail: 'email' }),
      'stile: The username, address or group is not valid. Correct it. (email)',
    ],
    [new StileError('unavailable', { detail: 'the database is away' }), 'stile: the database is away'],
    [
      Object.assign(new Error('listen'), { code: 'EADDRINUSE', port: 3000, address: '127.0.0.1' }),
      'stile: port 3000 on 127.0.0.1 is in use by another program; stop that one, or choose another port',
    ],
    [new Error('what'), 'stile: what'],
    ['odd', 'stile: unknown failure'],
  ])('%s', (error, line) => {
    expect(explain(error)).toEqual([line]);
  });
});
