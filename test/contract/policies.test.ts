import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp, createCore } from '../../src/app.ts';
import { ConfigError } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { StileError } from '../../src/domain/errors.ts';
import { completeFacts } from '../../src/domain/policy/prepared-facts.ts';
import { createLog } from '../../src/infra/log.ts';
import { applyPolicy, rollBackPolicy } from '../../src/services/policies.ts';
import { freshDatabase, noPostgres, type TestDatabase } from '../support/database.ts';
import { startStile, type TestStile } from '../support/stile.ts';

const rules = (...names: string[]) =>
  `rules: [${names.map((name) => `{ name: ${name}, when: request.silent, deny: true, reason: Because. }`).join(', ')}]\n`;
const faulty = 'rules: [{ name: a, when: request.silnt, deny: true, reason: Because. }]\n';

type Core = TestStile['core'];
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const inForce = ({ policy }: Core) => policy.current().rules.map(({ name }) => name);

describe.skipIf(noPostgres)('a policy in the database', () => {
  let one: TestStile;
  let two: TestStile;

  beforeAll(async () => {
    one = await startStile();
    two = await startStile({ database: one.database, issuer: one.issuer });
  });
  afterAll(async () => {
    await two.stop();
    await one.stop();
  });

  const apply = ({ core }: TestStile, text: string) =>
    applyPolicy({ ...core.services, policies: core.stores.policies }, { text, note: null, by: 'alex' });

  test('without one there are no rules', () => {
    expect(one.core.policy.current()).toEqual({ version: 'none', timeZone: 'UTC', rules: [] });
  });

  test('a first one that cannot be loaded leaves none in force', async () => {
    await apply(two, faulty);
    await two.core.policy.poll();
    expect(two.core.policy.current().version).toBe('none');
    await two.core.db.query('DELETE FROM "policy_version"');
  });

  test('every process takes a new version when it looks, and an earlier one when it is rolled back to', async () => {
    await apply(one, rules('a'));
    await apply(one, rules('a', 'b'));
    for (const { core } of [one, two]) {
      await core.policy.poll();
      expect(inForce(core)).toEqual(['a', 'b']);
    }
    const deps = { ...one.core.services, policies: one.core.stores.policies };
    await rollBackPolicy(deps, { id: 1, by: 'alex' });
    await two.core.policy.poll();
    expect(inForce(two.core)).toEqual(['a']);
    await expect(rollBackPolicy(deps, { id: 99, by: 'alex' })).rejects.toMatchObject({
      code: 'policy_not_found',
    });
  });

  test('one that cannot be loaded leaves the one before it in force, and the log says why', async () => {
    await apply(one, rules('x'));
    const lines: string[] = [];
    const log = createLog({ level: 'info', to: { write: (line: string) => void lines.push(line) } });
    const three = await startStile({ database: one.database, issuer: one.issuer, log });
    const before = inForce(three.core);
    await apply(one, faulty);
    await three.core.policy.poll();
    expect(inForce(three.core)).toEqual(before);
    expect(lines.filter((line) => line.includes('was not taken')).map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        reason: expect.stringMatching(/:1:34: rules\[0\]\.when: request has no fact "silnt"/),
      }),
    ]);
    await apply(one, rules('c'));
    await three.core.policy.poll();
    expect(inForce(three.core)).toEqual(['c']);
    await three.stop();
  });

  test('a server does not start on one that cannot be loaded; commands that could mend it do', async () => {
    await apply(one, faulty);
    const input = {
      config: one.core.config,
      secrets: { keys: [{ id: 'test', key: Buffer.alloc(32, 7) }], databaseUrl: one.database.url },
      version: 'test',
    };
    await expect(createApp(input)).rejects.toMatchObject({ code: 'policy_unavailable' });
    const core = await createCore(input);
    expect(() => core.policy.current()).toThrow(StileError);
    await apply(one, rules('d'));
    await core.policy.poll();
    expect(inForce(core)).toEqual(['d']);
    await core.close();
  });

  test('each change is an event, with who made it', async () => {
    const { rows } = await one.core.db.query(
      'SELECT "data" FROM "audit_event" WHERE "type" = $1 ORDER BY "id"',
      ['policy_changed'],
    );
    expect(rows.slice(1, 4).map(({ data }) => data)).toEqual([
      { id: 1, by: 'alex', change: 'applied', hash: hashOf(rules('a')) },
      { id: 2, by: 'alex', change: 'applied', hash: hashOf(rules('a', 'b')) },
      { id: 1, by: 'alex', change: 'rolled_back', hash: hashOf(rules('a')) },
    ]);
  });

  test('a text that was changed in the table alone is not taken, nor rolled back to', async () => {
    const id = await apply(one, rules('sound'));
    await one.core.policy.poll();
    const next = await apply(one, rules('next'));
    const change = 'UPDATE "policy_version" SET "text" = $2 WHERE "id" = ANY ($1)';
    await one.core.db.query(change, [[id, next], rules('foisted')]);
    await one.core.policy.poll();
    expect(inForce(one.core)).toEqual(['sound']);
    const deps = { ...one.core.services, policies: one.core.stores.policies };
    await expect(rollBackPolicy(deps, { id, by: 'alex' })).rejects.toMatchObject({ code: 'policy_invalid' });
    await expect(startStile({ database: one.database, issuer: one.issuer })).rejects.toMatchObject({
      code: 'policy_unavailable',
    });
    await apply(one, rules('foisted'));
    await one.core.policy.poll();
    expect(inForce(one.core)).toEqual(['foisted']);
  });
});

describe.skipIf(noPostgres)('a policy in a file', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  const folder = mkdtempSync(join(tmpdir(), 'stile-policy-'));
  const [config, policy] = [join(folder, 'stile.json'), join(folder, 'policy.yaml')];
  afterAll(async () => {
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  const load = (text: string) => {
    const settings = { dataDirectory: join(folder, 'data'), policy: { file: 'policy.yaml' } };
    writeFileSync(config, JSON.stringify({ demo: true, log: { level: 'silent' }, ...settings }));
    writeFileSync(policy, text);
    const env = { DATABASE_URL: database.url, STILE_KEYS: `k:${Buffer.alloc(32, 7).toString('base64')}` };
    return loadConfig({ file: config, env });
  };
  const faultsOf = (text: string) => {
    try {
      load(text);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
    }
    return [];
  };

  test('is found beside the configuration, and its faults are the configuration’s, each at its place', () => {
    expect(load(rules('a')).policy?.policy.rules).toHaveLength(1);
    expect(faultsOf(`${faulty}nope: 1\n`)).toEqual([
      {
        path: 'policy.yaml:1:34',
        message: 'rules[0].when: request has no fact "silnt"; did you mean "silent"?',
      },
      { path: 'policy.yaml:2:1', message: 'nope: there is no such setting' },
    ]);
    rmSync(policy);
    expect(() => loadConfig({ file: config, env: {} })).toThrow('policy.yaml cannot be read');
  });

  test('is read again when told; a faulty or missing one leaves the one before it in force', async () => {
    const core = await createCore(load(rules('a')));
    expect(inForce(core)).toEqual(['a']);
    writeFileSync(policy, rules('a', 'b'));
    await core.policy.reload();
    expect(inForce(core)).toEqual(['a', 'b']);
    writeFileSync(policy, faulty);
    await core.policy.reload();
    expect(inForce(core)).toEqual(['a', 'b']);
    rmSync(policy);
    await core.policy.reload();
    expect(inForce(core)).toEqual(['a', 'b']);
    expect(core.policy.current().rules[0]?.matches(completeFacts({ request: { silent: true } }))).toBe(true);
    await core.close();
  });

  test('is the policy, whatever the database holds', async () => {
    const core = await createCore(load(rules('a')));
    const deps = { ...core.services, policies: core.stores.policies };
    await applyPolicy(deps, { text: rules('z'), note: null, by: 'alex' });
    await core.policy.poll();
    expect(inForce(core)).toEqual(['a']);
    await core.close();
  });

  test('is read again by a running server on SIGHUP, and the server goes on', async () => {
    load(rules('a'));
    const settings = { demo: true, issuer: 'http://localhost:1', listen: { port: 0 } };
    const more = { dataDirectory: join(folder, 'data'), policy: { file: 'policy.yaml' } };
    writeFileSync(config, JSON.stringify({ ...settings, ...more }));
    const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
    const args = [here('../../src/cli.ts'), 'start', '--config', config];
    const keys = `k:${Buffer.alloc(32, 7).toString('base64')}`;
    const server = fork(here('../support/run-ts.mjs'), args, {
      env: { ...process.env, DATABASE_URL: database.url, STILE_KEYS: keys },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const said = (stream: NodeJS.ReadableStream | null, text: string) => lineWith(stream, text);
    await said(server.stderr, 'Ctrl-C stops it');
    const replaced = said(server.stdout, 'is in force');
    writeFileSync(policy, rules('a', 'b'));
    server.kill('SIGHUP');
    expect(JSON.parse(await replaced)).toMatchObject({ rules: 2 });
    const kept = said(server.stdout, 'was not taken');
    writeFileSync(policy, faulty);
    server.kill('SIGHUP');
    expect(JSON.parse(await kept)).toMatchObject({ reason: expect.stringContaining('no fact "silnt"') });
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  }, 90_000);
});

/** The first line with the text. */
async function lineWith(stream: NodeJS.ReadableStream | null, text: string): Promise<string> {
  if (!stream) throw new Error('there is no output');
  const lines = createInterface({ input: stream });
  for await (const line of lines) {
    if (!line.includes(text)) continue;
    lines.close();
    return line;
  }
  throw new Error(`nobody said ${text}`);
}
