/**
 * `npm run test:rules`: breaks one rule at a time in a copy of the tree and expects the test that names the rule to
 * fail. CONTRIBUTING.md describes the format of test/rules/*.json.
 *
 *   npm run test:rules                 every mutation
 *   npm run test:rules -- "rule 2"     those whose rule or file contains the text
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fields = ['rule', 'file', 'search', 'replace', 'test', 'title'];

const mutations = readMutations().filter(matching(process.argv[2] ?? ''));
if (mutations.length === 0) {
  console.error('No mutation matches.');
  process.exit(1);
}
const copies = Array.from({ length: Math.min(2, availableParallelism(), mutations.length) }, copyTree);
process.once('SIGINT', () => finish(130));

try {
  const baseline = await passingTitles(copies[0], [...new Set(mutations.map(({ test }) => test))]);
  const results = await inTurns(mutations, (copy, mutation) => verdict(copy, mutation, baseline));
  report(results);
  finish(results.every(({ caught }) => caught) ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  finish(1);
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
  if (existsSync(join(root, 'src/generated')))
    cpSync(join(root, 'src/generated'), join(copy, 'src/generated'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Per test file, the titles that pass unmutated. */
async function passingTitles(copy, files) {
  const tests = await vitest(copy, files);
  return tests.filter(({ status }) => status === 'passed');
}

async function verdict(copy, mutation, baseline) {
  const problem = faultOf(mutation, baseline);
  if (problem) return { ...mutation, caught: false, problem };
  const path = join(copy, mutation.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(mutation.search, () => mutation.replace),
  );
  try {
    const tests = await vitest(copy, [mutation.test], mutation.title);
    const named = tests.filter(({ name }) => name.includes(mutation.title));
    if (named.some(({ status }) => status === 'failed')) return { ...mutation, caught: true };
    return {
      ...mutation,
      caught: false,
      problem: named.length === 0 ? 'the mutant does not load' : 'survived',
    };
  } finally {
    writeFileSync(path, text);
  }
}

function faultOf(mutation, baseline) {
  const missing = fields.filter((field) => typeof mutation[field] !== 'string');
  if (missing.length > 0) return `without ${missing.join(', ')}`;
  if (!existsSync(join(root, mutation.file))) return 'no such file';
  const count = readFileSync(join(root, mutation.file), 'utf8').split(mutation.search).length - 1;
  if (count !== 1) return `the search text occurs ${count} times`;
  const passes = baseline.some(
    ({ file, name }) => file.endsWith(mutation.test) && name.includes(mutation.title),
  );
  return passes ? undefined : 'no passing test has this title';
}

/** Runs test files, or the tests in them with a title; returns every test that ran. */
async function vitest(copy, files, title) {
  const output = join(copy, 'rules-report.json');
  rmSync(output, { force: true });
  const only = title === undefined ? [] : ['-t', title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')];
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...files,
    ...only,
    '--reporter=json',
    `--outputFile=${output}`,
  ];
  const { text } = await run(process.execPath, args, copy);
  if (!existsSync(output)) throw new Error(`vitest did not run:\n${text}`);
  return JSON.parse(readFileSync(output, 'utf8')).testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({ file, name: fullName, status })),
  );
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TEST_REPORT: '' },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, text }));
  });
}

/** One mutation at a time in each copy. */
async function inTurns(queue, work) {
  const results = new Array(queue.length);
  let next = 0;
  await Promise.all(
    copies.map(async (copy) => {
      while (next < queue.length) {
        const at = next++;
        results[at] = await work(copy, queue[at]);
        process.stderr.write(results[at].caught ? '.' : 'x');
      }
    }),
  );
  process.stderr.write('\n');
  return results;
}

function report(results) {
  const width = Math.max(...results.map(({ rule }) => String(rule).length), 4);
  for (const { rule, where, file, caught, problem, title } of results) {
    console.log(
      `${caught ? 'caught ' : 'MISSED '} ${String(rule).padEnd(width)}  ${file}  (${where})  ${caught ? title : problem}`,
    );
  }
  const missed = results.filter(({ caught }) => !caught).length;
  console.log(`\n${results.length - missed} mutations caught, ${missed} missed`);
}

function finish(code) {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
  process.exit(code);
}
