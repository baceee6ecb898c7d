import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Core, createCore } from '../../src/app.ts';
import { clientAddCommand, clientListCommand, clientRemoveCommand } from '../../src/cli/client.ts';
import { controlHandlers } from '../../src/cli/database-command.ts';
import { run } from '../../src/cli/run.ts';
import { userStatusCommand } from '../../src/cli/user-status.ts';
import { demoClient, demoConfig } from '../../src/config/demo.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ControlServer, callControl, controlPath, serveControl } from '../../src/control.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { hashClientSecret } from '../../src/services/clients.ts';
import { fakeTerminal } from './terminal.ts';

const client = `clientId: shop
name: The Shop
redirectUris: [https://shop.example.com/callback]
`;
let folder: string;
let file: string;
let core: Core;
let control: ControlServer;

/** Beside a process that holds the embedded database, as `stile start` does. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stile-client-'));
  file = join(folder, 'stile.json');
  const config = { ...demoConfig(), dataDirectory: join(folder, 'data'), log: { level: 'silent' } };
  writeFileSync(file, JSON.stringify(config));
  const loaded = loadConfig({ file, env: {}, newKey: () => new Uint8Array(32).fill(1) });
  core = await createCore({ ...loaded, purpose: 'stile start' });
  const commands = [clientAddCommand, clientRemoveCommand, clientListCommand, userStatusCommand];
  control = await serveControl(controlPath(core.config.dataDirectory), controlHandlers(core, commands));
});

afterAll(async () => {
  await control.close();
  await core.close();
  rmSync(folder, { recursive: true });
});

async function stile(args: readonly string[], input = '') {
  for (const name of ['STILE_KEYS', 'DATABASE_URL', 'SMTP_URL']) vi.stubEnv(name, '');
  const terminal = fakeTerminal({ input });
  const code = await run([...args, '--config', file], terminal);
  return { code, output: terminal.output.join('\n'), notes: terminal.notes.join('\n') };
}

const add = (text: string, ...more: string[]) => stile(['client', 'add', '--file', '-', ...more], text);

test('a client is registered beside a running process; its secret is shown once and kept as a hash', async () => {
  const { code, output, notes } = await add(client);
  expect({ code, notes }).toEqual({
    code: 0,
    notes: 'The secret is shown only now; only its hash is kept.',
  });
  const [, secret = ''] = /^client id {6}shop\nclient secret {2}([\w-]{43})$/.exec(output) ?? [];
  const stored = await core.stores.clients.byId('shop');
  expect(stored?.secretHash).toBe(hashClientSecret(secret));
  expect(JSON.stringify(stored)).not.toContain(secret);
  expect((await stile(['client', 'list'])).output).toBe('shop  confidential  The Shop');
});

test('from a file, as JSON; a public client has no secret', async () => {
  const path = join(folder, 'app.json');
  writeFileSync(
    path,
    JSON.stringify({ clientId: 'app', firstParty: true, redirectUris: ['com.example.app:/back'] }),
  );
  expect(await stile(['client', 'add', '--file', path, '--public'])).toEqual({
    code: 0,
    output: 'client id      app',
    notes: '',
  });
  expect((await core.stores.clients.byId('app'))?.secretHash).toBeNull();
  expect((await stile(['client', 'list'])).output.split('\n')[0]).toBe('app  public');
});

test('a secret of one’s own is given as its hash, and none is shown', async () => {
  const secretHash = hashClientSecret('chosen elsewhere');
  const { output } = await add(`${client.replace('shop', 'own')}secretHash: ${secretHash}\n`);
  expect(output).toBe('client id      own');
  expect((await core.stores.clients.byId('own'))?.secretHash).toBe(secretHash);
});

test('every fault is named, and nothing is registered', async () => {
  const { code, notes } = await add(
    `clientId: bad\nredirectUris: ['https://*.example.com']\nscopes: [nothing]\ndefaultAcrValues: [none]\n`,
  );
  expect(code).toBe(1);
  expect(notes.split('\n')).toEqual([
    'stile: the client cannot be registered:',
    '  defaultAcrValues[0]: no level is called "none"',
    '  redirectUris[0]: must be exact: no wildcards',
    '  scopes[0]: no scope is called "nothing"',
    '  name: the consent page needs a name (or set firstParty)',
  ]);
  expect(await core.stores.clients.byId('bad')).toBeUndefined();
});

test.each([
  [client.replace('shop', demoClient.clientId), [], 'a configured client has this id'],
  [client.replace('shop', 'stile-account'), [], 'is the account page’s own'],
  [`${client}secretHash: ${hashClientSecret('x')}`, ['--public'], 'a public client has no secretHash'],
  ['- a list', [], 'a client is a set of settings'],
  ['clientId: [', [], 'the client cannot be registered'],
  [`${client}colour: red`, [], 'colour: there is no such setting'],
])('%j %j is refused', async (text, options, fault) => {
  const { code, notes } = await add(text, ...options);
  expect(code).toBe(1);
  expect(notes).toContain(fault);
});

test('the running process checks for itself, by its own configuration', async () => {
  const path = controlPath(core.config.dataDirectory);
  const raw = { clientId: 'sly', redirectUris: ['http://example.com/'], firstParty: true };
  await expect(callControl(path, 'client.add', { raw, public: false })).rejects.toMatchObject({
    code: 'bad_request',
    message: expect.stringContaining('must be https'),
  });
  await expect(callControl(path, 'client.add', { raw: 1 })).rejects.toMatchObject({ code: 'bad_request' });
  expect(await core.stores.clients.byId('sly')).toBeUndefined();
});

test('one is removed; one that is not there is said to be', async () => {
  expect(await stile(['client', 'remove', 'app'])).toMatchObject({
    code: 0,
    output: 'Removed app; every token it had has ended.',
  });
  expect(await stile(['client', 'remove', 'app'])).toMatchObject({
    code: 1,
    notes: 'stile: the database holds no client "app"',
  });
  expect((await stile(['client', 'list'])).output).not.toContain('app');
});

test('an account is disabled and enabled by username or address', async () => {
  await createAccount(core.services, { username: 'maria', email: 'maria@example.com' });
  expect(await stile(['user', 'disable', 'Maria'])).toMatchObject({
    code: 0,
    output: 'Disabled maria; every session and token of the account has ended.',
  });
  expect(await core.services.accounts.byIdentifier('maria')).toMatchObject({ status: 'disabled' });
  expect((await stile(['user', 'enable', 'maria@example.com'])).output).toBe('Enabled maria.');
  expect(await core.services.accounts.byIdentifier('maria')).toMatchObject({ status: 'active' });
  expect(await stile(['user', 'disable', 'nobody'])).toEqual({
    code: 1,
    output: '',
    notes: 'stile: there is no account "nobody"',
  });
});

test.each([
  [['client', 'add'], 'stile client add needs --file'],
  [['client', 'remove'], 'stile client remove needs a client id'],
  [['client', 'rename'], 'there is no command "client rename"'],
  [['user', 'enable'], 'stile user enable needs a username'],
])('%j is refused with exit code 2', async (args, fault) => {
  expect(await stile(args)).toMatchObject({ code: 2, notes: `stile: ${fault}\nTry \`stile help\`.` });
});
