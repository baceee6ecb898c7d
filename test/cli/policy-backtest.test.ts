import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { formatKey } from '../../src/config/secrets.ts';
import type { BacktestReport } from '../../src/domain/backtest/report.ts';
import type { Simulation } from '../../src/domain/backtest/simulate.ts';
import type { RuleStats } from '../../src/domain/backtest/stats.ts';
import { createAuditStore } from '../../src/infra/stores/audit.ts';
import { decision } from '../domain/backtest/support.ts';
import { credentials, proofBy } from '../domain/support.ts';
import { eventOf, othersDone } from '../support/audit.ts';
import { createClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, signIn } from '../support/people.ts';
import { random } from '../support/rows.ts';
import { startStile, type TestStile } from '../support/stile.ts';
import { fakeTerminal } from './terminal.ts';

const DRAFT = `rules:
  - name: second-factor
    when: client.id == "web" && request.event == "authorization"
    require: { acr: ["urn:stile:acr:mfa"] }
    reason: The web client needs a second factor.
  - name: <b>no</b>
    when: '"treasury" in account.groups'
    deny: true
    reason: Not now.
`.replace('<b>no</b>', 'no-treasury');

describe.skipIf(noPostgres)('stile policy backtest, of what a server recorded', () => {
  let stile: TestStile;
  let folder: string;
  let ada: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stile-backtest-'));
    stile = await startStile();
    const { db, clock } = stile.core;
    const store = createAuditStore(db);
    const now = clock.now();
    const recorded = (account: string, more: Parameters<typeof decision>[0] = {}) =>
      eventOf({
        id: random.sortableId(),
        at: now - 3 * 86_400,
        type: 'authorization',
        accountId: account,
        data: { decision: { ...decision(more), now: now - 3 * 86_400 } },
      } as Parameters<typeof eventOf>[0]);
    const at = (age: number) => now - 3 * 86_400 - age;
    const password = { ...proofBy('password'), at: at(600) };
    const web = { client: { id: 'web' } };
    await store.append(
      recorded('ben', {
        facts: { ...web, account: { id: 'ben', username: 'ben<script>' } },
        proofs: [password],
        credentials: [credentials.password, credentials.totp],
        policy: {
          version: 'then',
          matched: [{ rule: 'watched', mode: 'observe', effect: 'deny' }],
          clauses: [],
          deny: false,
        },
      }),
    );
    await store.append(
      recorded('cleo', {
        facts: { ...web, account: { id: 'cleo', username: 'cleo', groups: ['treasury'] } },
        proofs: [password],
      }),
    );
    ada = await addPerson(stile, 'ada');
    await signIn(await createClient(stile), 'ada');
    await othersDone(stile.core.db);
    await stile.running.app.audit.seal();
    writeFileSync(
      join(folder, 'stile.json'),
      JSON.stringify({ demo: true, issuer: stile.issuer, dataDirectory: folder }),
    );
    writeFileSync(join(folder, 'draft.yaml'), DRAFT);
  });
  afterAll(async () => {
    await stile.stop();
    rmSync(folder, { recursive: true });
  });

  async function policy(...args: string[]) {
    for (const name of ['STILE_CONFIG', 'SMTP_URL']) vi.stubEnv(name, '');
    vi.stubEnv('DATABASE_URL', stile.database.url);
    vi.stubEnv('STILE_KEYS', formatKey('test', Buffer.alloc(32, 7)));
    const terminal = fakeTerminal();
    const code = await run([...args, '--config', at('stile.json')], terminal);
    const { output, notes, progressed } = terminal;
    return { code, output, text: output.join('\n'), notes: notes.join('\n'), progressed };
  }

  const backtest = (...args: string[]) => policy('policy', 'backtest', '--policy', at('draft.yaml'), ...args);

  async function report(...args: string[]): Promise<BacktestReport> {
    const { code, text } = await backtest('--json', ...args);
    expect(code).toBe(0);
    return JSON.parse(text) as BacktestReport;
  }

  test('a real sign-in that would have needed a second factor is found, with its session', async () => {
    const { decisions, changes, people, samples, clients } = await report('--since', '1d');
    expect(decisions).toMatchObject({ counted: 1, authorizations: 1, unreadable: 0 });
    expect(changes).toMatchObject({ extraPrompts: 0, extraBlocks: 1 });
    expect(people.lockedOut).toMatchObject({ count: 1, some: [{ account: ada, username: 'ada' }] });
    expect(clients).toMatchObject([{ name: 'web', decisions: 1, extraBlocks: 1 }]);
    const [sample] = samples.extraBlocks;
    const { rows } = await stile.core.db.query<{ session_uid: string }>(
      `SELECT "session_uid" FROM "audit_event" WHERE "id" = $1`,
      [sample?.event],
    );
    expect(sample?.session).toBe(rows[0]?.session_uid);
    expect(sample?.session).not.toBeNull();
  });

  test('the summary fits a terminal, and tells progress beside it', async () => {
    const { code, output, text, progressed } = await backtest();
    expect(code).toBe(0);
    expect(output.filter((line) => line.length > 80)).toEqual([]);
    expect(text).toMatch(/prompts +0 +1 +1 +0/);
    expect(text).toMatch(/blocks +0 +2 +2 +0/);
    expect(text).toContain('LOCKED OUT for lack of a factor: 1 people');
    expect(text).toMatch(/second-factor +3 +0 +1 +1 +0/);
    expect(text).toMatch(/Matched then, and not in the draft:\n {2}watched {2}1/);
    expect(progressed).toEqual(['3 decisions …', '']);
  });

  test('--list prints every decision that changes', async () => {
    const { output } = await backtest('--list');
    const lines = output.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { account: 'ben', client: 'web', before: 'passes', after: 'prompted', changes: ['extraPrompts'] },
      { account: 'cleo', after: 'denied', lockedOut: false, alone: ['no-treasury'] },
      { account: ada, after: 'lockedOut', lockedOut: true, rules: ['second-factor'] },
    ]);
  });

  test('of an export comes the same', async () => {
    const { output } = await policy('audit', 'export');
    writeFileSync(at('export.jsonl'), `${output.join('\n')}\n`);
    expect(await report('--file', at('export.jsonl'))).toEqual(await report());
    expect(await report('--file', at('export.jsonl'), '--since', '1d')).toEqual(
      await report('--since', '1d'),
    );
  });

  test('--html writes a page that only its owner may read, and that nothing can be written into', async () => {
    const { code, notes } = await backtest('--html', at('report.html'));
    expect(code).toBe(0);
    expect(notes).toContain(at('report.html'));
    const page = readFileSync(at('report.html'), 'utf8');
    expect(statSync(at('report.html')).mode & 0o077).toBe(0);
    expect(page).toContain('ben&lt;script&gt;');
    expect(page).not.toContain('<script');
    expect(page.match(/(?:src|href|url)\s*[=(]/g)).toBeNull();
  });

  test('what cannot be read or makes no sense is said', async () => {
    expect(await backtest('--file', at('none.jsonl'))).toMatchObject({
      code: 1,
      notes: expect.stringContaining('none.jsonl cannot be read'),
    });
    expect(await backtest('--html', at('none/report.html'))).toMatchObject({ code: 1 });
    expect((await backtest('--html', at('none/report.html'))).notes).toContain('cannot be written');
    for (const args of [
      ['--since', 'soon'],
      ['--since', '1d', '--until', '2d'],
      ['--json', '--list'],
    ])
      expect(await backtest(...args)).toMatchObject({ code: 2 });
    expect(await policy('policy', 'backtest')).toMatchObject({ code: 2 });
    expect((await backtest('--since', '2020-01-01', '--until', '2020-01-02')).text).toContain(
      'There are no recorded decisions',
    );
  });

  test('stats count the rules of then by day', async () => {
    const { text, output } = await policy('policy', 'stats');
    expect(text).toMatch(/watched +observe +deny +1/);
    expect(output.filter((line) => line.length > 80)).toEqual([]);
    const { text: json } = await policy('policy', 'stats', '--json');
    const stats = JSON.parse(json) as RuleStats;
    expect(stats.decisions).toBe(3);
    expect(stats.rules).toMatchObject([{ rule: 'watched', matched: 1, perDay: [{ matched: 1 }] }]);
  });

  test('simulate shows who is asked for what, and who could not answer', async () => {
    const { code, text, output } = await policy('policy', 'simulate', '--policy', at('draft.yaml'));
    expect(code).toBe(0);
    expect(output.filter((line) => line.length > 80)).toEqual([]);
    expect(text).toMatch(/^web +mfa LOCKED +mfa \+totp +mfa \+key +mfa ok$/m);
    expect(text).toMatch(/^group treasury +DENIED/m);
    expect(text).toMatch(/Nothing is asked for:[\s\S]*impossibleTravel/);
    writeFileSync(at('facts.yaml'), 'client: { id: web }\n');
    const { text: json } = await policy(
      'policy',
      'simulate',
      '--policy',
      at('draft.yaml'),
      '--facts',
      at('facts.yaml'),
      '--json',
    );
    const [plain] = (JSON.parse(json) as Simulation).rows;
    expect(plain).toMatchObject({
      fact: '',
      cells: [
        { verdict: 'lockedOut', acr: 'urn:stile:acr:mfa', rules: ['second-factor'] },
        { verdict: 'prompted', prove: ['totp'] },
        { verdict: 'prompted', prove: ['passkey'] },
        { verdict: 'met' },
      ],
    });
  });
});
