import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Core, createCore } from '../../src/app.ts';
import { controlHandlers } from '../../src/cli/database-command.ts';
import { policyVersionCommands } from '../../src/cli/policy-versions.ts';
import { run } from '../../src/cli/run.ts';
import { demoConfig } from '../../src/config/demo.ts';
import { loadConfig } from '../../src/config/load.ts';
import { callControl, controlPath, serveControl } from '../../src/control.ts';
import { freshDatabase, noPostgres, type TestDatabase } from '../support/database.ts';
import { fakeTerminal } from './terminal.ts';

const POLICY = `rules:
  - name: large
    when: request.amount > 1000 && !device.known
    require: { acr: [phr], maxAge: 300 }
    reason: Large amounts need a passkey.
  - name: watched
    when: request.amount > 500
    deny: true
    reason: Too large.
    mode: observe
`;
let folder: string;
let config: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stile-policy-cli-'));
  config = at('stile.json');
  const demo = { ...demoConfig(), dataDirectory: at('data'), log: { level: 'silent' } };
  writeFileSync(config, JSON.stringify(demo));
  writeFileSync(at('p.yaml'), POLICY);
  writeFileSync(at('bad.yaml'), POLICY.replace('amount > 1000', 'amont > 1000').replace('phr', 'phx'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const keys = `k:${Buffer.alloc(32, 7).toString('base64')}`;
let databaseUrl = '';

async function stile(...args: string[]) {
  vi.stubEnv('STILE_KEYS', keys);
  vi.stubEnv('DATABASE_URL', databaseUrl);
  vi.stubEnv('SMTP_URL', '');
  const terminal = fakeTerminal();
  const code = await run([...args, '--config', config], terminal);
  return { code, output: terminal.output.join('\n'), notes: terminal.notes.join('\n') };
}

describe('stile policy check', () => {
  test('says what a sound policy is', async () => {
    const { code, output } = await stile('policy', 'check', at('p.yaml'));
    expect(code).toBe(0);
    expect(output).toMatch(/sound[\s\S]*version {4}[0-9a-f]{12}[\s\S]*rules {6}2, 1 of them only observed/);
  });

  test('says everything that is wrong, each with file, line and column', async () => {
    const { code, notes } = await stile('policy', 'check', at('bad.yaml'));
    expect(code).toBe(1);
    expect(notes.split('\n')).toEqual([
      'There are 2 faults in the policy:',
      `  ${at('bad.yaml')}:3:19: rules[0].when: request has no fact "amont"; did you mean "amount"?`,
      `  ${at('bad.yaml')}:4:22: rules[0].require.acr[0]: no level is called "phx"; did you mean "phr"?`,
    ]);
  });

  test('needs no secrets of a production configuration', async () => {
    const file = at('production.json');
    writeFileSync(file, JSON.stringify({ issuer: 'https://id.example.com' }));
    const terminal = fakeTerminal();
    expect(await run(['policy', 'check', at('p.yaml'), '--config', file], terminal)).toBe(0);
  });
});

test('stile policy explain: each rule, each part of it and the facts it looked at, and the verdict', async () => {
  writeFileSync(at('facts.yaml'), 'request: { amount: 1500 }\ndevice: { known: true }\n');
  const near = await stile('policy', 'explain', at('p.yaml'), '--facts', at('facts.yaml'));
  expect(near).toMatchObject({ code: 0, notes: '' });
  expect(near.output.split('\n')).toEqual([
    'no   large: require phr, proved in the last 300 s',
    '       yes  request.amount > 1000    (request.amount is 1500)',
    '       no   !device.known    (device.known is true)',
    'yes  watched: deny, only observed',
    '       yes  request.amount > 500    (request.amount is 1500)',
    'verdict',
    '  nothing is added',
  ]);
  writeFileSync(at('facts.yaml'), 'request: { amount: .inf }\n');
  const { output } = await stile('policy', 'explain', at('p.yaml'), '--facts', at('facts.yaml'));
  expect(output).toMatch(/request.amount is infinite/);
  expect(output).toMatch(
    /verdict\n {2}require phr, proved in the last 300 s: Large amounts need a passkey. \(large\)$/,
  );
});

test('stile policy explain says which facts of a file there are not', async () => {
  writeFileSync(at('facts.yaml'), 'request: { amont: 1500 }\n');
  const { code, notes } = await stile('policy', 'explain', at('p.yaml'), '--facts', at('facts.yaml'));
  expect(code).toBe(1);
  expect(notes).toContain(
    `${at('facts.yaml')}:1:12: request.amont: there is no such setting; did you mean "amount"?`,
  );
});

describe('stile policy test', () => {
  test('0 where all tests hold, those of the example too', async () => {
    for (const name of ['harbour-bank.yaml', 'harbour-bank.test.yaml'])
      copyFileSync(new URL(`../../examples/policies/${name}`, import.meta.url), at(name));
    const { code, output } = await stile('policy', 'test', at('harbour-bank.test.yaml'));
    expect([code, output]).toEqual([0, expect.stringMatching(/14 of 14 tests hold$/)]);
  });

  const failing = `policy: p.yaml
tests:
  - name: asks for a passkey
    facts: { request: { amount: 1500 } }
    expect:
      rules: [large, watched]
      require: [{ acr: [phr] }]
    nearMisses:
      - device: { known: true }
`;

  test('1 where one does not: what differs, on which line, and what nothing tries', async () => {
    writeFileSync(at('p.test.yaml'), failing);
    const { code, output } = await stile('policy', 'test', at('p.test.yaml'));
    expect(code).toBe(1);
    expect(output.split('\n')).toEqual([
      'FAIL  asks for a passkey',
      `      ${at('p.test.yaml')}:7: require`,
      '        - expected  [{"acr":["phr"]}]',
      '        + actual    [{"acr":["phr"],"maxAge":300}]',
      `      ${at('p.test.yaml')}:9: nearMisses[0] still matches ["watched"]`,
      '0 of 1 tests hold',
    ]);
  });

  test('as JSON', async () => {
    writeFileSync(at('p.test.yaml'), failing);
    const { code, output } = await stile('policy', 'test', at('p.test.yaml'), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(output)).toMatchObject({
      passed: 0,
      failed: 1,
      results: [{ name: 'asks for a passkey', line: 3, differences: [{ line: 7 }, { line: 9 }] }],
    });
  });
});

describe.skipIf(noPostgres)('a policy in the database', () => {
  let core: Core;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    databaseUrl = database.url;
    const loaded = loadConfig({ file: config, env: { DATABASE_URL: databaseUrl, STILE_KEYS: keys } });
    core = await createCore(loaded);
  });
  afterAll(async () => {
    await core.close();
    await database.drop();
    databaseUrl = '';
  });

  const inForce = async () => {
    await core.policy.poll();
    return core.policy.current().rules.map(({ name }) => name);
  };

  test('is applied, listed, shown and rolled back', async () => {
    expect(await stile('policy', 'list')).toMatchObject({ notes: 'The database holds no policy.' });
    expect(await stile('policy', 'show')).toMatchObject({ code: 1 });
    const applied = await stile('policy', 'apply', at('p.yaml'), '--note', 'the first');
    expect(applied).toMatchObject({
      code: 0,
      output: 'Version 1 is in force; running servers take it within seconds.',
    });
    expect(await inForce()).toEqual(['large', 'watched']);
    writeFileSync(at('empty.yaml'), 'rules: []\n');
    await stile('policy', 'apply', at('empty.yaml'));
    expect(await inForce()).toEqual([]);
    const { output } = await stile('policy', 'list');
    expect(output).toMatch(/^\* 2 {2}\S+Z {2}\S+\n {2}1 {2}\S+Z {2}\S+ {2}the first$/);
    expect(await stile('policy', 'show', '1')).toMatchObject({ output: POLICY.trimEnd() });
    expect(await stile('policy', 'show')).toMatchObject({ output: 'rules: []' });
    expect(await stile('policy', 'rollback', '1')).toMatchObject({ code: 0 });
    expect(await inForce()).toHaveLength(2);
    expect(await stile('policy', 'rollback', '9')).toMatchObject({
      code: 1,
      notes: expect.stringContaining('There is no such version of the policy.'),
    });
  });

  test('a faulty one is refused before it is kept, and by the process that keeps it', async () => {
    const before = (await core.stores.policies.list()).length;
    expect(await stile('policy', 'apply', at('bad.yaml'))).toMatchObject({
      code: 1,
      notes: expect.stringContaining(':3:19: rules[0].when: '),
    });
    const [apply] = policyVersionCommands;
    const input = { text: readFileSync(at('bad.yaml'), 'utf8'), note: null, by: 'alex' };
    await expect(apply?.run(core, input)).rejects.toMatchObject({ code: 'policy_invalid' });
    expect(await core.stores.policies.list()).toHaveLength(before);
  });

  test('a large one goes through the process that holds an embedded database, too', async () => {
    const path = controlPath(folder);
    const control = await serveControl(path, controlHandlers(core, policyVersionCommands));
    const rule = (index: number) =>
      `  - { name: r${index}, when: request.amount > ${index}, notify: true, reason: "${'ä'.repeat(190)}" }\n`;
    const text = `rules:\n${Array.from({ length: 900 }, (_, index) => rule(index)).join('')}`;
    await callControl(path, 'policy.apply', { text, note: null, by: 'alex' });
    await control.close();
    expect(core.policy.current().rules).toHaveLength(900);
  });
});

test('where the configuration names a file, nothing is applied or rolled back', async () => {
  const file = at('with-file.json');
  const demo = { ...demoConfig(), dataDirectory: at('data2'), policy: { file: 'p.yaml' } };
  writeFileSync(file, JSON.stringify(demo));
  for (const args of [
    ['apply', at('p.yaml')],
    ['rollback', '1'],
  ]) {
    vi.stubEnv('STILE_KEYS', keys);
    const terminal = fakeTerminal();
    expect(await run(['policy', ...args, '--config', file], terminal)).toBe(1);
    expect(terminal.notes.join()).toMatch(/The configuration names a policy file/);
  }
});

test.each([
  [['policy'], 'there is no command "policy"'],
  [['policy', 'frob'], 'there is no command "policy frob"'],
  [['policy', 'explain', 'p.yaml'], 'needs --facts'],
  [['policy', 'show', 'x'], '"x" is no version'],
  [['policy', 'show', '1', '2'], 'one argument too many'],
  [['policy', 'check'], 'needs a file'],
])('wrong usage: %j', async (args, message) => {
  const terminal = fakeTerminal();
  expect(await run(args, terminal)).toBe(2);
  expect(terminal.notes.join()).toContain(message);
});
