import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Core, createCore } from '../../src/app.ts';
import { controlHandlers } from '../../src/cli/database-command.ts';
import { refuseDemoAccount } from '../../src/cli/production.ts';
import { run } from '../../src/cli/run.ts';
import { addAccount, userAddCommand } from '../../src/cli/user-add.ts';
import { demoAccount } from '../../src/config/demo.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ControlServer, controlPath, serveControl } from '../../src/control.ts';
import { fakeTerminal } from './terminal.ts';

const password = 'a gate in the hedge';
let folder: string;
let file: string;
let core: Core;
let control: ControlServer | undefined;

/** As `stile start` does: holds the embedded database. */
async function open(): Promise<void> {
  const loaded = loadConfig({ file, env: {}, newKey: () => new Uint8Array(32).fill(1) });
  core = await createCore({ ...loaded, purpose: 'stile start' });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stile-user-'));
  file = join(folder, 'stile.json');
  writeFileSync(
    file,
    JSON.stringify({ demo: true, dataDirectory: join(folder, 'data'), log: { level: 'silent' } }),
  );
  for (const name of ['STILE_KEYS', 'DATABASE_URL', 'SMTP_URL']) vi.stubEnv(name, '');
  await open();
});

afterAll(async () => {
  await control?.close();
  await core.close();
  rmSync(folder, { recursive: true });
});

async function userAdd(args: readonly string[], answers: { secrets?: string[]; input?: string }) {
  const terminal = fakeTerminal(answers);
  const code = await run(['user', 'add', ...args, '--config', file], terminal);
  return { code, text: [...terminal.output, ...terminal.notes].join('\n') };
}

test('a second command that cannot speak to the holder names it, and changes nothing', async () => {
  const { code, text } = await userAdd(['maria', '--password-stdin'], { input: password });
  expect(code).toBe(1);
  expect(text).toMatch(new RegExp(`in use by \`stile start\` \\(process ${process.pid} on `));
  expect(await core.services.accounts.byIdentifier('maria')).toBeUndefined();
});

test('beside a running process, which does it, nothing is lost', async () => {
  const path = controlPath(core.config.dataDirectory);
  control = await serveControl(path, controlHandlers(core, [userAddCommand]));
  const args = ['Maria', '--email', 'Maria@example.com', '--name', 'Maria Lind'];
  expect(await userAdd(args, { secrets: [password, password] })).toEqual({ code: 0, text: 'Added maria.' });
  expect(await core.services.accounts.byIdentifier('maria@example.com')).toMatchObject({
    username: 'maria',
    name: 'Maria Lind',
    emailVerifiedAt: expect.any(Number),
  });
});

test('what the process refuses, the command explains', async () => {
  expect(await userAdd(['maria', '--password-stdin'], { input: password })).toEqual({
    code: 1,
    text: 'stile: That username or address is taken. Choose another.',
  });
  expect(await userAdd(['olof', '--password-stdin'], { input: 'short' })).toMatchObject({
    code: 1,
    text: expect.stringContaining('too short'),
  });
  expect(await userAdd(['ol of', '--password-stdin'], { input: password })).toMatchObject({ code: 1 });
});

test('passwords that differ, and nobody to ask, add nothing', async () => {
  expect(await userAdd(['olof'], { secrets: [password, 'another one'] })).toEqual({
    code: 1,
    text: 'stile: the two differ; nothing was added',
  });
  expect((await userAdd(['olof'], {})).text).toContain('use --password-stdin');
  expect(await core.services.accounts.byIdentifier('olof')).toBeUndefined();
});

test('production refuses a database with the demo account in use', async () => {
  await expect(refuseDemoAccount(core)).resolves.toBeUndefined();
  const { username, email, password: known } = demoAccount;
  await addAccount(core, { username, email, password: known });
  await expect(refuseDemoAccount(core)).rejects.toThrow('whose password everybody knows');
});

test('with nobody running, the command works on the database itself', async () => {
  await control?.close();
  await core.close();
  expect(await userAdd(['olof', '--password-stdin'], { input: password })).toEqual({
    code: 0,
    text: 'Added olof.',
  });
  await open();
  expect(await core.services.accounts.byIdentifier('olof')).toMatchObject({ username: 'olof' });
  expect(await core.services.accounts.byIdentifier('maria')).toMatchObject({ username: 'maria' });
});
