/**
 * The SDK as others get it: packed, installed alone into an empty folder, each entry imported and type-checked there.
 * An Express app made of nothing but its README is run there, too. Prints the packed and unpacked size and the number of
 * dependencies. Needs the network, or npm's cache.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'stile-sdk-'));

try {
  await build({ what: 'generate' });
  const [packed] = JSON.parse(
    npm(root, 'pack', '--workspace', 'sdk', '--pack-destination', folder, '--json'),
  );
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`);
  const { name, exports } = JSON.parse(readFileSync(join(root, 'sdk/package.json'), 'utf8'));
  const entries = Object.keys(exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => name + entry.slice(1));
  importEach(entries);
  typeCheck(name, entries);
  const dependencies = installed(folder).filter((entry) => entry !== name);
  const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`${packed.filename}: ${kB(packed.size)} packed, ${kB(packed.unpackedSize)} unpacked`);
  console.log(`${dependencies.length} dependencies: ${dependencies.join(', ')}`);
  console.log(`${entries.length} entries import and type-check: ${entries.join(', ')}`);
  followReadme(name);
  console.log("An Express app made of the README's blocks demands step-up and honours it");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function importEach(entries) {
  const lines = entries.map((entry, index) => `import * as m${index} from '${entry}';`);
  const list = entries.map((_, index) => `m${index}`).join(', ');
  writeFileSync(join(folder, 'all.js'), `${lines.join('\n')}\nconsole.log([${list}].length);\n`);
  execFileSync(process.execPath, ['all.js'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Without skipLibCheck: the declarations must stand by themselves. */
function typeCheck(name, entries) {
  const lines = entries.map((entry, index) => `import * as m${index} from '${entry}';\nvoid m${index};`);
  const use = `
import { createResourceServer, type Caller } from '${name}/server';
const options = { issuer: 'https://id.example', audience: 'https://api.example' };
const decision = await createResourceServer(options).decide({ method: 'GET', url: 'https://api.example/' });
const caller: Caller | undefined = decision.allowed ? decision.caller : undefined;
void caller;
`;
  writeFileSync(join(folder, 'use.ts'), lines.join('\n') + use);
  compile(['use.ts'], ['--noEmit', '--types', '']);
}

/** The README as it was packed, its blocks for Express as they stand; what is added is what the text names. */
function followReadme(name) {
  const readme = readFileSync(join(folder, 'node_modules', name, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  const [first, second] = blocks;
  const testing = blocks.find((code) => code.includes(`${name}/testing`));
  if (!first.includes('/transfers') || !second.includes('/payments') || !testing)
    throw new Error('The README does not begin with its Express app');
  const route = first.slice(first.indexOf('app.post'));
  const start = `import express from 'express';
export const app = express();
app.use(express.json());
const pay = (_: express.Request, res: express.Response) => void res.json({});
void pay;
`;
  for (const entry of ['express', '@types'])
    symlinkSync(join(root, 'node_modules', entry), join(folder, 'node_modules', entry));
  writeFileSync(join(folder, 'app.ts'), start + first + second);
  const imports = `import { protect, requireStepUp, callerOf } from '${name}/express';\n`;
  const ending = `${route}export { weak, strong, old };\n`;
  writeFileSync(join(folder, 'testing.ts'), imports + start + testing + ending);
  compile(['app.ts', 'testing.ts'], ['--skipLibCheck', '--types', 'node']);
  copyFileSync(join(root, 'scripts/sdk-readme.mjs'), join(folder, 'sdk-readme.mjs'));
  execFileSync(process.execPath, ['sdk-readme.mjs'], { cwd: folder, stdio: 'inherit' });
}

function compile(files, more) {
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const settings = [
    '--strict',
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--lib',
    'es2023,dom,dom.iterable',
  ];
  execFileSync(process.execPath, [tsc, ...settings, ...more, ...files], { cwd: folder, stdio: 'inherit' });
}

function installed(from) {
  const modules = join(from, 'node_modules');
  return readdirSync(modules)
    .filter((entry) => !entry.startsWith('.'))
    .flatMap((entry) =>
      entry.startsWith('@') ? readdirSync(join(modules, entry)).map((inner) => `${entry}/${inner}`) : [entry],
    );
}

function npm(cwd, ...args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
