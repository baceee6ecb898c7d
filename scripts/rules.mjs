/**
 * `npm run test:rules`: breaks one rule at a time in a copy of the tree and expects the test that names the rule to
 * fail. CONTRIBUTING.md describes the format of test/rules/*.json.
 *
 *   npm run test:rules                 every mutation
 *   npm run test:rules -- "rule 2"     those whose rule, file or list contains the text
 */
import { execFileSync, fork, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fields = ['rule', 'file', 'search', 'replace', 'test', 'title'];

const mutations = readMutations()
  .filter(matching(process.argv[2] ?? ''))
  .filter(canRun);
const sound = mutations.filter((mutation) => faultOf(mutation) === undefined);
if (mutations.length === 0) {
  console.error('No mutation matches.');
  process.exit(1);
}
const workers = await Promise.all(
  Array.from({ length: Math.min(2, availableParallelism(), mutations.length) }, () =>
    startWorker(copyTree()),
  ),
);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => finish(130));

try {
  const passing = await baseline();
  const results = await inTurns(mutations, (worker, mutation) => verdict(worker, mutation, passing));
  report(results);
  await finish(results.every(({ caught }) => caught) ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await finish(1);
}

function readMutations() {
  const folder = join(root, 'test/rules');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) =>
      JSON.parse(readFileSync(join(folder, name), 'utf8')).map((entry, index) => ({
        ...entry,
        where: `${name}[${index}]`,
      })),
    );
}

function matching(text) {
  return ({ rule, file, where }) => `${rule} ${file} ${where}`.includes(text);
}

/** A mutation may need a program of the machine, such as a gateway; without it the test would be skipped. */
function canRun({ needs, where }) {
  if (needs === undefined) return true;
  const PATH = `${process.env.PATH}:/usr/sbin`;
  const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', needs], { env: { PATH } }).status === 0;
  if (!found) console.error(`${where} is left out: no ${needs} here.`);
  return found;
}

/** What makes a mutation unusable before anything runs. */
function faultOf(mutation) {
  const missing = fields.filter((field) => typeof mutation[field] !== 'string');
  if (missing.length > 0) return `without ${missing.join(', ')}`;
  for (const file of [mutation.file, mutation.test])
    if (!existsSync(join(root, file))) return `no file ${file}`;
  const count = readFileSync(join(root, mutation.file), 'utf8').split(mutation.search).length - 1;
  return count === 1 ? undefined : `the search text occurs ${count} times`;
}

/** The working tree as git sees it, with what is generated; dependencies are shared. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'stile-rules-'));
  chmodSync(copy, 0o755); // a database server run by another user must reach it
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of listed.split('\0').filter((name) => name && existsSync(join(root, name)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  if (existsSync(join(root, 'src/generated'))) {
    cpSync(join(root, 'src/generated'), join(copy, 'src/generated'), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

async function startWorker(copy) {
  const child = fork(join(copy, 'scripts/rules-worker.mjs'), {
    cwd: copy,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr.on('data', (part) => {
    said = (said + part).slice(-4000);
  });
  const waiting = new Map();
  let jobs = 0;
  const ready = new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message.ready) resolve();
      waiting.get(message.job)?.(message.tests);
    });
    child.once('exit', () => {
      reject(new Error(`vitest did not start:\n${said}`));
      for (const answer of waiting.values()) answer({ error: `vitest ended:\n${said}` });
    });
  });
  await ready;
  const ask = (request) =>
    new Promise((resolve) => {
      const job = ++jobs;
      waiting.set(job, resolve);
      child.send({ job, ...request });
    });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const end = () => {
    if (child.connected) child.disconnect();
    return ended;
  };
  return { ask, end };
}

/** The tests that pass unmutated; each worker sees its share of the files. */
async function baseline() {
  const files = [...new Set(sound.map(({ test }) => test))];
  const shares = workers.map((_, at) => files.filter((__, index) => index % workers.length === at));
  const answers = await Promise.all(workers.map((worker, at) => runShare(worker, shares[at])));
  return answers.flat().filter(({ status }) => status === 'passed');
}

async function runShare(worker, files) {
  if (files.length === 0) return [];
  const titles = sound.filter(({ test }) => files.includes(test)).map(({ title }) => title);
  const tests = await worker.ask({ files, titles });
  if (tests.error) throw new Error(tests.error);
  return tests;
}

async function verdict(worker, mutation, passing) {
  const fault = faultOf(mutation);
  if (fault) return { ...mutation, caught: false, problem: fault };
  const named = ({ file, name }) =>
    file.endsWith(mutation.test) && name.includes(mutation.title.replaceAll(' > ', ' '));
  if (!passing.some(named)) return { ...mutation, caught: false, problem: 'no passing test has this title' };
  const { file, search, replace, test, title } = mutation;
  const tests = await worker.ask({ files: [test], titles: [title], change: { file, search, replace } });
  if (tests.error) return { ...mutation, caught: false, problem: tests.error };
  const ran = tests.filter(named);
  if (ran.some(({ status }) => status === 'failed')) return { ...mutation, caught: true };
  return { ...mutation, caught: false, problem: ran.length === 0 ? 'the mutant does not load' : 'survived' };
}

/** One mutation at a time for each worker. */
async function inTurns(queue, work) {
  const results = new Array(queue.length);
  let next = 0;
  await Promise.all(
    workers.map(async (worker) => {
      while (next < queue.length) {
        const at = next++;
        results[at] = await work(worker, queue[at]);
        process.stderr.write(results[at].caught ? '.' : 'x');
      }
    }),
  );
  process.stderr.write('\n');
  return results;
}

function report(results) {
  const width = Math.max(...results.map(({ rule }) => String(rule).length));
  for (const { rule, where, file, caught, problem, title } of results) {
    const verdict = caught ? 'caught ' : 'MISSED ';
    console.log(`${verdict} ${String(rule).padEnd(width)}  ${file}  (${where})  ${caught ? title : problem}`);
  }
  const missed = results.filter(({ caught }) => !caught).length;
  console.log(`\n${results.length - missed} mutations caught, ${missed} missed`);
}

async function finish(code) {
  await Promise.all(workers.map((worker) => worker.end()));
  process.exit(code);
}
