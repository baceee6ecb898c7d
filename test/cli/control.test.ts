import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ControlServer, callControl, controlPath, serveControl } from '../../src/control.ts';
import { StileError } from '../../src/domain/errors.ts';

let folder: string;
let path: string;
let server: ControlServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stile-control-'));
  path = join(folder, 'control.sock');
  writeFileSync(path, 'left behind');
  server = await serveControl(path, {
    double: async (input) => Number(input) * 2,
    nothing: async () => undefined,
    refuse: async () => {
      throw new StileError('account_exists', { detail: 'username' });
    },
    fail: async () => {
      throw new Error('secret=hunter2');
    },
  });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = createConnection(path, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

test('a command is answered, whatever was left at the path before', async () => {
  expect(await callControl(path, 'double', 21)).toBe(42);
  expect(await callControl(path, 'nothing', {})).toBeNull();
  expect(await Promise.all([1, 2, 3].map((n) => callControl(path, 'double', n)))).toEqual([2, 4, 6]);
});

test('only the owner may reach it', () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a failure of the catalogue arrives as itself, any other without its message', async () => {
  await expect(callControl(path, 'refuse', {})).rejects.toMatchObject({
    code: 'account_exists',
    message: 'username',
  });
  await expect(callControl(path, 'fail', {})).rejects.toMatchObject({
    code: 'internal',
    message: 'internal',
  });
  await expect(callControl(path, 'toString', {})).rejects.toMatchObject({ code: 'not_found' });
});

test('malformed and oversized lines end in bad_request, and the server goes on', async () => {
  for (const line of ['{\n', '\n', '[]\n', '"x"\n', `${'x'.repeat(1_100_000)}`]) {
    expect(await raw(line)).toBe('{"ok":false,"code":"bad_request","message":"bad_request"}\n');
  }
  expect(await callControl(path, 'double', 1)).toBe(2);
});

test('nobody there is unavailable', async () => {
  await server.close();
  await expect(callControl(path, 'double', 1)).rejects.toMatchObject({ code: 'unavailable' });
});

test('the path is as short as it can be said: sockets have a limit', () => {
  expect(controlPath(join(process.cwd(), '.stile'))).toBe('.stile/control.sock');
  expect(controlPath('/srv/stile')).toBe('/srv/stile/control.sock');
});
