import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gate } from '../../src/cli/gate.ts';
import { run } from '../../src/cli/run.ts';
import { original, send } from '../gate/support.ts';
import { fakeTerminal } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'gate-'));
const file = join(folder, 'gate.yaml');
const HEAD = 'issuer: http://127.0.0.1:9\naudience: https://api.test\nlisten: { port: 0 }\n';
const RULES = `${HEAD}hosts: [bank.test, other.test]
rules:
  - { name: other-host, host: other.test, path: /a, public: true }
  - { name: posts, methods: [POST], path: /a, public: true }
  - { name: robots, path: /a, claims: { client_id: robot }, deny: true }
  - { name: a, path: /a, public: true }
`;
beforeAll(() => writeFileSync(file, RULES));
afterAll(() => rmSync(folder, { recursive: true }));

test('explain says which rule decides, and why those before it do not', async () => {
  const terminal = fakeTerminal();
  const code = await run(['gate', 'explain', 'GET', 'https://bank.test/a', '--config', file], terminal);
  const text = terminal.output.join('\n');
  expect(code).toBe(0);
  expect(text).toMatch(/other-host: host is bank.test, not other.test/);
  expect(text).toMatch(/posts: method is GET, not POST/);
  expect(text).toMatch(/robots: the token's claims are not/);
  expect(text).toMatch(/rule {6}a: path \/a → public/);
});

test('explain says why a path is refused', async () => {
  const terminal = fakeTerminal();
  const code = await run(
    ['gate', 'explain', 'GET', 'https://bank.test/a/%2e%2e/b', '--config', file],
    terminal,
  );
  expect([code, terminal.output.join('\n')]).toEqual([1, expect.stringMatching(/encoded_delimiter/)]);
});

test('a file that cannot be used is told with every fault, and nothing starts', async () => {
  const broken = join(folder, 'broken.yaml');
  writeFileSync(broken, `${HEAD}rules: [{ path: /a }, { path: b, public: true }]`);
  const terminal = fakeTerminal();
  expect(await run(['gate', '--config', broken], terminal)).toBe(1);
  expect(terminal.notes.join('\n')).toMatch(/line 4, rules\[0\][\s\S]*line 4, rules\[1\]\.path/);
});

test('a new file takes effect without a restart; a broken one changes nothing and says so', async () => {
  const told = waiting();
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let listening: (port: number) => void = () => {};
  const bound = new Promise<number>((resolve) => {
    listening = resolve;
  });
  const ended = gate(told.terminal, { file, stopped, onListening: listening });
  const port = await bound;
  const ask = async (path: string) =>
    (await send({ port, path: '/check/original', headers: original('GET', path) })).status;
  expect([await ask('/a'), await ask('/b')]).toEqual([200, 403]);

  const replace = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  replace(`${HEAD}rules: [{ path: /b, public: true }]`);
  await told.until(/Reloaded/);
  expect([await ask('/a'), await ask('/b')]).toEqual([403, 200]);

  replace(`${HEAD}rules: [{ path: /c }]`);
  await told.until(/was not taken/);
  expect([await ask('/a'), await ask('/b')]).toEqual([403, 200]);

  replace(`${HEAD}rules: *common`);
  await told.until(/line 4, \(file\): .*alias.*common/);
  expect([await ask('/a'), await ask('/b')]).toEqual([403, 200]);
  stop();
  expect(await ended).toBe(0);
});

test('a link is followed: what it leads to may change, and so may where it leads', async () => {
  const [one, two, link] = ['one', 'two', 'link'].map((name) => join(folder, name));
  if (!one || !two || !link) throw new Error('three names');
  for (const there of [one, two]) mkdirSync(there);
  writeFileSync(join(one, 'gate.yaml'), `${HEAD}rules: [{ path: /a, public: true }]`);
  writeFileSync(
    join(two, 'gate.yaml'),
    `${HEAD}rules: [{ path: /b, public: true }, { path: /c, public: true }]`,
  );
  symlinkSync(join(one, 'gate.yaml'), link);
  const told = waiting();
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let ended: Promise<number> | undefined;
  await new Promise<number>((resolve) => {
    ended = gate(told.terminal, { file: link, stopped, onListening: resolve });
  });
  writeFileSync(join(one, 'gate.yaml'), `${HEAD}rules: []`);
  await told.until(/Reloaded .* 0 rules/);
  symlinkSync(join(two, 'gate.yaml'), `${link}.new`);
  renameSync(`${link}.new`, link);
  await told.until(/Reloaded .* 2 rules/);
  stop();
  expect(await ended).toBe(0);
});

/** A terminal whose notes can be waited for. */
function waiting() {
  const notes: string[] = [];
  let wake = () => {};
  const terminal = {
    ...fakeTerminal(),
    note: (line: string) => {
      notes.push(line);
      wake();
    },
  };
  const until = async (pattern: RegExp): Promise<void> => {
    while (!notes.some((line) => pattern.test(line))) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { terminal, until };
}
