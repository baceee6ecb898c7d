/**
 * Builds Stile, doing only what is out of date: the Prisma client when the schema changed, the compiler when a
 * source did. `build.mjs generate` stops after the client, `build.mjs tools` compiles the scripts and benchmarks,
 * too, and `--force` does it whatever the dates say.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What is compiled, by its settings file. */
const projects = {
  build: ['src', 'examples'],
  tools: ['src', 'examples', 'bench', 'scripts', 'test/support'],
};
/** The package for APIs and clients; everything else resolves it as anybody would, from what was compiled. */
const sdk = 'sdk/tsconfig.json';
const require = createRequire(import.meta.url);

/** Generates the client and compiles, where either is out of date. Exits with the tool's message on a fault. */
export async function build({ force = false, what = 'build' } = {}) {
  if (!hasTools()) return; // a production tree: already built, and the tools are not installed
  generate(force);
  buildSdk(force);
  if (what === 'generate') return;
  const settings = `tsconfig.${what}.json`;
  const missing = !existsSync(join(root, 'dist/src/cli.js'));
  step(`dist/.stamp-${what}`, stampOf(projects[what], settings), force || missing, () => {
    say('Building …');
    run('typescript', 'tsc', ['-p', settings]);
  });
}

function generate(force) {
  const schema = join(root, 'prisma/schema.prisma');
  if (!existsSync(schema)) return;
  const stamp = hash([readFileSync(schema), readFileSync(require.resolve('prisma/package.json'))]);
  step('src/generated/.stamp', stamp, force, () => {
    say('Generating the database client …');
    // Only the client generator runs, which needs no engine: the variable keeps Prisma from downloading one.
    run('prisma', 'prisma', ['generate'], {
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    });
  });
}

function buildSdk(force) {
  if (!existsSync(join(root, sdk))) return;
  const missing = !existsSync(join(root, 'sdk/dist/index.js'));
  step('sdk/dist/.stamp', stampOf(['sdk/src'], sdk), force || missing, () => {
    say('Building the SDK …');
    run('typescript', 'tsc', ['-p', sdk]);
  });
}

function step(stampFile, stamp, force, work) {
  const file = join(root, stampFile);
  if (!force && existsSync(file) && readFileSync(file, 'utf8') === stamp) return;
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, stamp);
}

/** Names, sizes and times of every source: enough to notice a change, in a few milliseconds. */
function stampOf(folders, project) {
  const files = folders.flatMap((folder) => walk(join(root, folder)));
  const settings = ['tsconfig.json', project, 'package-lock.json'].map((file) => join(root, file));
  return hash(
    [...files, ...settings].map((file) => `${file} ${statSync(file).size} ${statSync(file).mtimeMs}\n`),
  );
}

function walk(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function hash(parts) {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
}

function hasTools() {
  return existsSync(join(root, 'node_modules/typescript')) && existsSync(join(root, 'tsconfig.build.json'));
}

function run(pkg, bin, args, env = {}) {
  const manifest = require.resolve(`${pkg}/package.json`);
  const entry = JSON.parse(readFileSync(manifest, 'utf8')).bin;
  const script = join(dirname(manifest), typeof entry === 'string' ? entry : entry[bin]);
  const result = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}\n`);
  process.stderr.write(`${bin} failed.\n`);
  process.exit(1);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [what = 'build'] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  await build({ force: process.argv.includes('--force'), what });
}
