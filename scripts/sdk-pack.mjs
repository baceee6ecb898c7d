/**
 * The SDK as others get it: packed, installed alone into an empty folder, each entry imported and type-checked there.
 * Prints the packed and unpacked size and the number of dependencies. Needs the network, or npm's cache.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const settings = [
    '--noEmit',
    '--strict',
    '--target',
    'es2023',
    '--module',
    'nodenext',
    '--lib',
    'es2023,dom,dom.iterable',
  ];
  execFileSync(process.execPath, [tsc, ...settings, '--types', '', 'use.ts'], {
    cwd: folder,
    stdio: 'inherit',
  });
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
