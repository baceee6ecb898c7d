import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../src/cli/failures.ts';
import { run } from '../../src/cli/run.ts';
import { timeOf } from '../../src/cli/span.ts';
import { formatKey } from '../../src/config/secrets.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { type AuditWorld, auditWorld, othersDone } from '../support/audit.ts';
import { noPostgres } from '../support/database.ts';
import { startStile, type TestStile } from '../support/stile.ts';
import { fakeTerminal } from './terminal.ts';

describe.skipIf(noPostgres)('stile audit', () => {
  let stile: TestStile;
  let world: AuditWorld;
  let folder: string;
  let ada: string;
  let old: string[];

  /** Beside a server that runs on the same database. */
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stile-audit-'));
    stile = await startStile();
    const { db, services, clock } = stile.core;
    world = await auditWorld(db, stile.core.keys);
    const account = await createAccount(services, { username: 'ada', password: 'a long enough password' });
    ada = account.id;
    old = await world.write(2, { at: clock.now() - 40 * 86_400, accountId: 'bob' });
    await world.write(3, { at: clock.now(), accountId: 'bob' });
    await othersDone(stile.core.db);
    await stile.running.app.audit.seal();
    writeFileSync(
      join(folder, 'stile.json'),
      JSON.stringify({ demo: true, issuer: stile.issuer, dataDirectory: folder }),
    );
  });
  afterAll(async () => {
    await stile.stop();
    rmSync(folder, { recursive: true });
  });

  async function audit(...args: string[]) {
    for (const name of ['STILE_CONFIG', 'SMTP_URL']) vi.stubEnv(name, '');
    vi.stubEnv('DATABASE_URL', stile.database.url);
    vi.stubEnv('STILE_KEYS', formatKey('test', Buffer.alloc(32, 7)));
    const terminal = fakeTerminal();
    const config = args.includes('--file') ? [] : ['--config', join(folder, 'stile.json')];
    const code = await run(['audit', ...args, ...config], terminal);
    return {
      code,
      output: terminal.output,
      text: terminal.output.join('\n'),
      notes: terminal.notes.join('\n'),
    };
  }

  async function exported(...args: string[]): Promise<string> {
    const path = join(folder, 'export.jsonl');
    const { code, output } = await audit('export', ...args);
    expect(code).toBe(0);
    writeFileSync(path, `${output.join('\n')}\n`);
    return path;
  }

  test('verify says that the chain holds, and what it cannot show', async () => {
    const { code, text } = await audit('verify');
    expect(code).toBe(0);
    expect(text).toContain('The chain holds: 6 seals up to number 6.');
    expect(text).toMatch(/Checkpoint 6 of .*, signed by this server\./);
    expect(text).toContain('2 events dated over five minutes before being sealed');
    expect(text).toContain('keep checkpoints elsewhere and compare (--anchor)');
    expect(text).toContain('there are none just now');
  });

  test('an unsealed tail is counted', async () => {
    const { db } = stile.core;
    await db.transaction(async () => {
      await db.query('SELECT 1 FROM "audit_sealer" FOR UPDATE');
      const [id] = await writeElsewhere();
      expect((await audit('verify')).text).toMatch(/- Unsealed events: 1 just now, the oldest \d+ s old\./);
      await db.query('DELETE FROM "audit_event" WHERE "id" = $1', [id]);
    });
  });

  test('checkpoint prints the newest, and verify compares one kept elsewhere, from a file or as it is', async () => {
    const [jws = ''] = (await audit('checkpoint')).output;
    expect(jws.split('.')).toHaveLength(3);
    const file = join(folder, 'anchors');
    writeFileSync(file, `${jws}\n${jws}\n`);
    for (const anchor of [jws, file]) {
      const { code, text } = await audit('verify', '--anchor', anchor);
      expect(code).toBe(0);
      expect(text).toContain('after the checkpoint kept elsewhere');
    }
    expect(await audit('verify', '--anchor', `${jws}x`)).toMatchObject({ code: 1 });
  });

  test('an export verifies without a database, with the keys kept elsewhere', async () => {
    const path = await exported();
    const keys = join(folder, 'keys.json');
    const printed = (await audit('keys')).text;
    expect(printed).not.toContain('"d"');
    writeFileSync(keys, printed);
    const good = await audit('verify', '--file', path, '--keys', keys);
    expect(good).toMatchObject({ code: 0, text: expect.stringContaining('6 seals up to number 6') });
    const unsigned = await audit('verify', '--file', path);
    expect(unsigned).toMatchObject({ code: 0, text: expect.stringContaining('its signature NOT checked') });
    writeFileSync(path, readFileSync(path, 'utf8').replace('"stepUp":false', '"stepUp":true'));
    const edited = await audit('verify', '--file', path, '--keys', keys);
    expect(edited).toMatchObject({
      code: 1,
      text: expect.stringContaining('is not what was sealed (event_changed)'),
    });
    expect(edited.text).toContain('The chain does NOT hold: 1 fault in 6 seals');
  });

  test.each([
    ['a line taken out', (lines: string[]) => lines.toSpliced(3, 1), 'seal_missing'],
    [
      'two lines in each other’s place',
      (lines: string[]) => lines.toSpliced(2, 2, lines[3] ?? '', lines[2] ?? ''),
      'seal_missing',
    ],
    ['the checkpoint taken out', (lines: string[]) => lines.slice(0, -2), 'not_covered'],
    ['the end taken out', (lines: string[]) => lines.toSpliced(-3, 1), 'truncated'],
    [
      'an event taken out',
      (lines: string[]) =>
        lines.map((line, n) => (n === 4 ? line.replace(/"event":\{.*\}\}/, '"event":null}') : line)),
      'event_removed',
    ],
    [
      'an event called left out',
      (lines: string[]) =>
        lines.map((line, n) =>
          n === 4 ? line.replace(/"event":\{.*\}\}/, '"event":null,"omitted":true}') : line,
        ),
      'event_removed',
    ],
    ['a line that is none', (lines: string[]) => [...lines, '{}'], 'unreadable'],
  ])('an export is found out: %s', async (_, change, kind) => {
    const path = await exported();
    writeFileSync(path, change(readFileSync(path, 'utf8').split('\n')).join('\n'));
    const { code, text } = await audit('verify', '--file', path);
    expect(code).toBe(1);
    expect(text).toContain(`(${kind})`);
  });

  test('an export by time or person has the others’ seals without what they are of, and verifies', async () => {
    const since = await exported('--since', '30d');
    const lines = readFileSync(since, 'utf8');
    for (const id of old) expect(lines).toContain(`"eventId":"${id}"`);
    expect(lines.match(/"omitted":true/g)).toHaveLength(2);
    expect(await audit('verify', '--file', since)).toMatchObject({
      code: 0,
      text: expect.stringContaining('2 events left out of this export'),
    });
    const hers = readFileSync(await exported('--person', 'ADA'), 'utf8');
    expect(hers).toContain(ada);
    expect(hers).not.toContain('bob');
    expect(await audit('verify', '--file', join(folder, 'export.jsonl'))).toMatchObject({ code: 0 });
    const before = readFileSync(await exported('--until', '30d'), 'utf8');
    expect(before.match(/"omitted":true/g)).toHaveLength(4);
  });

  test('an export from the middle begins after the last checkpoint before it', async () => {
    const { db, clock } = stile.core;
    await db.query('UPDATE "audit_checkpoint" SET "time" = "time" - 7200');
    await world.write(1, { at: clock.now(), accountId: 'bob' });
    await othersDone(stile.core.db);
    await stile.running.app.audit.seal();
    const path = await exported('--since', '1h');
    const [header = '', first = ''] = readFileSync(path, 'utf8').split('\n');
    expect(JSON.parse(header)).toMatchObject({ export: { from: { seq: 6 }, selected: true } });
    expect(JSON.parse(first)).toMatchObject({ seal: { seq: 7 } });
    expect((await audit('verify', '--file', path)).code).toBe(0);
    const [jws = ''] = (await audit('checkpoint')).output;
    expect((await audit('verify', '--file', path, '--anchor', jws)).code).toBe(0);
  });

  test('OCSF is one event a line', async () => {
    const { output } = await audit('export', '--format', 'ocsf', '--person', 'ada');
    expect(output.map((line) => JSON.parse(line))).toMatchObject([
      { class_uid: 3001, activity_id: 1, user: { uid: ada }, metadata: { event_code: 'account_created' } },
    ]);
  });

  test.each([
    [['export', '--format', 'csv'], 2, '--format is jsonl or ocsf'],
    [['export', '--since', 'yesterday'], 2, '--since is a time such as 30d'],
    [['export', '--person', 'nobody'], 1, 'there is no account "nobody"'],
    [['verify', '--keys', 'x'], 2, '--keys is for --file'],
    [['verify', '--file', '/nowhere'], 1, '/nowhere cannot be read'],
    [['verify', '--since', '1d'], 2, 'stile audit verify takes no --since'],
  ])('%j is refused', async (args, code, words) => {
    expect(await audit(...args)).toMatchObject({ code, notes: expect.stringContaining(words) });
  });

  /** While this test's transaction holds the sealer. */
  async function writeElsewhere(): Promise<string[]> {
    const { openDatabase } = await import('../../src/infra/db.ts');
    const db = await openDatabase({ url: stile.database.url }, { log: { warn: () => {} } });
    const written = await (await auditWorld(db, stile.core.keys)).write(1, { at: stile.core.clock.now() });
    await db.close();
    return written;
  }
});

describe('times', () => {
  test.each([
    ['30d', 1_800_000_000 - 30 * 86_400],
    ['12h', 1_800_000_000 - 43_200],
    ['15m', 1_800_000_000 - 900],
    ['2026-01-31', 1_769_817_600],
    ['2026-01-31T12:00:00Z', 1_769_860_800],
  ])('%s', (text, time) => {
    expect(timeOf('since', text, 1_800_000_000)).toBe(time);
  });

  test.each(['', '30', '30y', 'x', '-1d', '2026-13-01'])('%j is none', (text) => {
    expect(() => timeOf('since', text, 1_800_000_000)).toThrow(UsageError);
  });
});
