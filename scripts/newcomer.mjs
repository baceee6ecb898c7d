/**
 * The newcomer's smoke test: clones HEAD into an empty folder and runs the README's own commands with an empty HOME
 * and nothing on PATH but Node and a shell, then signs in and steps up over HTTP.
 *
 *   npm run newcomer               the README's start command, the journey, and what it says of production up to the start
 *   npm run newcomer -- --test     its test command, too
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { journey } from './newcomer-journey.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stile = 'http://localhost:3000';
const bank = 'http://127.0.0.1:3001';
const ports = [3000, 3001, 3002];
const tools = [
  'node',
  'npm',
  'npx',
  'sh',
  'env',
  'uname',
  'dirname',
  'basename',
  'cat',
  'sed',
  'ls',
  'mkdir',
  'chmod',
  'cp',
  'rm',
  'id',
];
/** Seconds for installing, building and the first start. */
const patience = 300;

const place = mkdtempSync(join(tmpdir(), 'stile-newcomer-'));
let running;
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().finally(() => finish(1)));

try {
  await freePorts();
  const clone = cloneHead();
  const commands = commandsOfReadme(clone);
  const env = emptyEnvironment();
  await start(clone, commands.start, env);
  await journey({ bank, ...account(), say });
  await stop();
  runProduction(clone, commands.production, env);
  if (process.argv.includes('--test')) runTests(clone, commands.test, env);
  say('A newcomer gets there.');
  finish(0);
} catch (error) {
  console.error(`\nThe newcomer does not get there:\n${error instanceof Error ? error.message : error}`);
  if (running) console.error(`\nWhat it printed:\n${running.text().slice(-4000)}`);
  await stop();
  finish(1);
}

async function freePorts() {
  for (const port of ports) {
    if (await answers(port)) throw new Error(`port ${port} is in use: stop the program that listens there`);
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function cloneHead() {
  chmodSync(place, 0o755); // a test database run by another user must reach it
  const clone = join(place, 'stile');
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return clone;
}

/** The commands are those the README shows, not those we believe it shows. */
function commandsOfReadme(clone) {
  const file = join(clone, 'README.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const blocks = [...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].map(([, block]) => block);
  const lines = blocks.flatMap((block) => block.split('\n'));
  const find = (last) => lines.find((line) => new RegExp(`^npm ci && ${last}\\b`).test(line));
  const [startLine, testLine] = [find('npm start'), find('npm test')];
  if (!startLine || !testLine)
    throw new Error('README.md shows no line `npm ci && npm start` or `npm ci && npm test`');
  const production =
    blocks
      .find((block) => block.includes('npm run build'))
      ?.trim()
      .split('\n') ?? [];
  if (!/cli\.js start$/.test(production.at(-1) ?? ''))
    throw new Error('README.md shows no commands that begin with `npm run build` and end with a start');
  return { start: startLine, test: testLine, production: production.slice(0, -1) };
}

/** Node, a shell and an empty home. Where packages come from is the machine's affair. */
function emptyEnvironment() {
  const [bin, home] = ['bin', 'home'].map((name) => join(place, name));
  mkdirSync(bin);
  mkdirSync(home);
  for (const tool of tools) {
    const found = locate(tool);
    if (found) symlinkSync(found, join(bin, tool));
  }
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_(registry|cache)|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|LANG)$/i.test(name),
  );
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  return { ...Object.fromEntries(passed), npm_config_registry: registry, HOME: home, PATH: bin };
}

function locate(tool) {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, tool))
    .find((file) => existsSync(file));
  return found && realpathSync(found);
}

async function start(clone, command, env) {
  say(`$ ${command}`);
  const begun = Date.now();
  // A group of its own, so that stopping reaches what npm started.
  const child = spawn('sh', ['-c', command], {
    cwd: clone,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const ended = new Promise((resolve) => child.once('close', resolve));
  running = { child, ended, text: () => text, over: false };
  ended.then(() => (running.over = true));
  while (!(await ready())) {
    if (running.over) throw new Error('the command ended before the server was ready');
    if (Date.now() - begun > patience * 1000) throw new Error(`not ready after ${patience} s`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  say(`ready after ${Math.round((Date.now() - begun) / 1000)} s`);
}

async function ready() {
  const reached = async (url) =>
    (await fetch(url, { redirect: 'manual' }).catch(() => undefined))?.ok === true;
  return (await reached(`${stile}/health/ready`)) && (await reached(bank));
}

/** What the terminal tells a newcomer to type. */
function account() {
  const find = (label) => new RegExp(`^\\s*${label}\\s+(\\S+)$`, 'm').exec(running.text())?.[1];
  const [username, password, open] = [find('Sign in as'), find('Password'), find('Open')];
  if (!username || !password || open !== bank)
    throw new Error('the terminal does not say what to open and who to sign in as');
  return { username, password };
}

async function stop() {
  if (!running || running.over) return;
  process.kill(-running.child.pid, 'SIGTERM');
  const late = setTimeout(() => process.kill(-running.child.pid, 'SIGKILL'), 20_000);
  await running.ended;
  clearTimeout(late);
}

/** In one shell, as they are pasted; a database and a mail server are not at hand. */
function runProduction(clone, lines, env) {
  say(lines.map((line) => `$ ${line}`).join('\n'));
  const { status } = spawnSync('sh', ['-ec', lines.join('\n')], { cwd: clone, env, stdio: 'inherit' });
  if (status !== 0) throw new Error('what the README says of production does not work');
}

function runTests(clone, command, env) {
  say(`$ ${command}`);
  const { status } = spawnSync('sh', ['-c', command], { cwd: clone, env, stdio: 'inherit' });
  if (status !== 0) throw new Error('the tests fail for a newcomer');
}

function say(text) {
  console.log(text);
}

function finish(code) {
  rmSync(place, { recursive: true, force: true });
  process.exit(code);
}
