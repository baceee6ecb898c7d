import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Core, createCore } from '../../src/app.ts';
import { controlHandlers } from '../../src/cli/database-command.ts';
import { run } from '../../src/cli/run.ts';
import { addAccount } from '../../src/cli/user-add.ts';
import { userCodeCommand } from '../../src/cli/user-code.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ControlServer, callControl, controlPath, serveControl } from '../../src/control.ts';
import { setAccountStatus } from '../../src/services/accounts.ts';
import { adminCodeFactor } from '../../src/services/admin-code.ts';
import { fakeTerminal } from './terminal.ts';

const password = 'a gate in the hedge';
let folder: string;
let file: string;
let core: Core;
let control: ControlServer | undefined;

/** As `stile start` does: holds the embedded database, and takes commands. */
async function open(): Promise<void> {
  const loaded = loadConfig({ file, env: {}, newKey: () => new Uint8Array(32).fill(1) });
  core = await createCore({ ...loaded, purpose: 'stile start' });
  const path = controlPath(core.config.dataDirectory);
  control = await serveControl(path, controlHandlers(core, [userCodeCommand]));
}

async function close(): Promise<void> {
  await control?.close();
  await core.close();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stile-code-'));
  file = join(folder, 'stile.json');
  writeFileSync(
    file,
    JSON.stringify({ demo: true, dataDirectory: join(folder, 'data'), log: { level: 'silent' } }),
  );
  for (const name of ['STILE_KEYS', 'DATABASE_URL', 'SMTP_URL']) vi.stubEnv(name, '');
  await open();
  await addAccount(core, { username: 'maria', password });
  await addAccount(core, { username: 'olof', email: 'olof@example.com', password });
});

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function userCode(...args: string[]) {
  const terminal = fakeTerminal();
  const code = await run(['user', 'code', ...args, '--config', file], terminal);
  return { code, out: terminal.output.join('\n'), note: terminal.notes.join('\n') };
}

/** Does the code it printed verify for the account? */
async function verifies(username: string, printed: string): Promise<boolean> {
  const account = await core.services.accounts.byIdentifier(username);
  const code = /^code {2}(\d{8})$/.exec(printed)?.[1] ?? '';
  const found = await adminCodeFactor(core.services, { accountId: account?.id ?? null, code }).verify();
  return typeof found === 'object';
}

test('beside a running process, which makes it, the code is printed and nothing is lost', async () => {
  const { code, out, note } = await userCode('Maria');
  expect(code).toBe(0);
  expect(await verifies('maria', out)).toBe(true);
  expect(note).toContain('For maria: works once, for 15 minutes.');
  expect(note).not.toContain('verified address');
});

test('where an address may confirm, the administrator is told', async () => {
  const { out, note } = await userCode('olof@example.com');
  expect(await verifies('olof', out)).toBe(true);
  expect(note).toContain('The account has a verified address');
});

test('nobody, a disabled account and too many codes are explained', async () => {
  expect(await userCode('nobody')).toEqual({
    code: 1,
    out: '',
    note: 'stile: there is no account "nobody"',
  });
  expect((await userCode()).code).toBe(2);
  await addAccount(core, { username: 'pia', password });
  const account = await core.services.accounts.byIdentifier('pia');
  for (let made = 0; made < 5; made += 1) expect((await userCode('pia')).code).toBe(0);
  expect((await userCode('pia')).note).toContain('Too many attempts.');
  await setAccountStatus(core.services, account?.id ?? '', { status: 'disabled' });
  expect(await userCode('pia')).toEqual({
    code: 1,
    out: '',
    note: 'stile: the account "pia" is disabled',
  });
});

test('the running process checks what it is asked', async () => {
  const path = controlPath(core.config.dataDirectory);
  await expect(callControl(path, 'user.code', { identifier: 'maria' })).rejects.toMatchObject({
    code: 'bad_request',
  });
});

test('with nobody running, the command works on the database itself', async () => {
  await close();
  const { code, out } = await userCode('maria');
  expect(code).toBe(0);
  await open();
  expect(await verifies('maria', out)).toBe(true);
});
