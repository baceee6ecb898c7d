import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Core, createCore } from '../../src/app.ts';
import { controlHandlers } from '../../src/cli/database-command.ts';
import { run } from '../../src/cli/run.ts';
import { userAddCommand } from '../../src/cli/user-add.ts';
import { userGroupsCommand } from '../../src/cli/user-groups.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ControlServer, controlPath, serveControl } from '../../src/control.ts';
import { fakeTerminal } from './terminal.ts';

let folder: string;
let file: string;
let core: Core;
let control: ControlServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stile-groups-'));
  file = join(folder, 'stile.json');
  const settings = { demo: true, dataDirectory: join(folder, 'data'), log: { level: 'silent' } };
  writeFileSync(file, JSON.stringify(settings));
  for (const name of ['STILE_KEYS', 'DATABASE_URL', 'SMTP_URL']) vi.stubEnv(name, '');
  const loaded = loadConfig({ file, env: {}, newKey: () => new Uint8Array(32).fill(1) });
  core = await createCore({ ...loaded, purpose: 'stile start' });
  const handlers = controlHandlers(core, [userAddCommand, userGroupsCommand]);
  control = await serveControl(controlPath(core.config.dataDirectory), handlers);
}, 180_000);

afterAll(async () => {
  await control.close();
  await core.close();
  rmSync(folder, { recursive: true });
});

async function user(...args: string[]) {
  const terminal = fakeTerminal({ input: 'a gate in the hedge' });
  const code = await run(['user', ...args, '--config', file], terminal);
  return { code, text: [...terminal.output, ...terminal.notes].join('\n') };
}

const groupsOf = async (name: string) => (await core.services.accounts.byIdentifier(name))?.groups;

test('an account is added to groups, each once', async () => {
  const groups = ['--group', 'staff', '--group', 'payments', '--group', 'staff'];
  expect((await user('add', 'maria', '--password-stdin', ...groups)).code).toBe(0);
  expect(await groupsOf('maria')).toEqual(['payments', 'staff']);
});

test('groups are shown, replaced and taken away, and each change is in the audit', async () => {
  await user('add', 'olof', '--password-stdin');
  expect((await user('groups', 'olof')).text).toBe('olof is in no group.');
  expect((await user('groups', 'olof', 'staff', 'eu/admins')).text).toBe('olof: eu/admins, staff');
  expect((await user('groups', 'olof')).text).toBe('olof: eu/admins, staff');
  await user('groups', 'olof', '--none');
  expect(await groupsOf('olof')).toEqual([]);
  const { rows } = await core.db.query<{ data: { groups: string[] } }>(
    `SELECT "data" FROM "audit_event" WHERE "type" = 'account_groups' ORDER BY "id"`,
  );
  expect(rows.map(({ data }) => data.groups)).toEqual([['eu/admins', 'staff'], []]);
});

test('a name that a policy could not hold, nobody’s account, and a contradiction are refused', async () => {
  await user('add', 'nina', '--password-stdin', '--group', 'staff');
  const refused = await user('groups', 'nina', "st'aff");
  expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('group is not valid') });
  expect((await user('groups', 'nina', 'staff', '--none')).code).toBe(2);
  expect(await groupsOf('nina')).toEqual(['staff']);
  const { code, text } = await user('groups', 'nobody', 'staff');
  expect(code).toBe(1);
  expect(text).toContain('there is no account "nobody"');
});
