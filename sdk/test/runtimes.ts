/** Bun, Deno and workerd as npm brings them: the platform package's own binary, without any install script. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Places } from './contract.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, '../../node_modules');

export type Runtime = 'bun' | 'deno' | 'workerd';

const scopes: Readonly<Record<Runtime, string>> = { bun: '@oven', deno: '@deno', workerd: '@cloudflare' };

/** The binary; undefined: npm has none for this machine. Under REQUIRE=runtimes that is an error. */
export function findRuntime(runtime: Runtime): string | undefined {
  const scope = join(modules, scopes[runtime]);
  const packages = existsSync(scope) ? readdirSync(scope) : [];
  const found = packages
    .filter((name) => name.startsWith(runtime) || runtime === 'deno')
    .flatMap((name) => [join(scope, name, runtime), join(scope, name, 'bin', runtime)])
    .find((file) => existsSync(file));
  const required = (process.env['REQUIRE'] ?? '').split(',').includes('runtimes');
  if (found === undefined && required) throw new Error(`REQUIRE=runtimes, and ${runtime} was not found`);
  return found;
}

/** Runs the contract there; gives what it says. */
export async function runContract(runtime: Runtime, binary: string, places: Places): Promise<unknown> {
  if (runtime === 'workerd') return runInWorker(binary, places);
  const script = join(here, 'run-contract.mjs');
  const args = runtime === 'deno' ? ['run', '--no-lock', '--allow-net', '--allow-env', script] : [script];
  const env = { ...process.env, PLACES: JSON.stringify(places), DENO_NO_UPDATE_CHECK: '1' };
  const child = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text);
}

async function runInWorker(binary: string, places: Places): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'stile-workerd-'));
  const file = join(folder, 'worker.capnp');
  writeFileSync(file, configuration());
  const child = spawn(binary, ['serve', '--control-fd=3', file], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  try {
    const port = await portOf(child);
    const response = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      body: JSON.stringify(places),
    });
    return await response.json();
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
}

/** workerd says on its control channel where it listens. */
async function portOf({ stdio }: ChildProcess): Promise<number> {
  let text = '';
  for await (const chunk of stdio[3] as unknown as AsyncIterable<Buffer>) {
    text += String(chunk);
    const port = /"port":(\d+)/.exec(text)?.[1];
    if (port) return Number(port);
  }
  throw new Error(`workerd did not start: ${text}`);
}

/** Every module by name; a bare import is looked for beside the module that has it. */
function configuration(): string {
  const dist = join(here, '../dist');
  const ours = ['client', 'shared'].flatMap((part) =>
    readdirSync(join(dist, part))
      .filter((name) => name.endsWith('.js'))
      .map((name) => join(dist, part, name)),
  );
  const files = ['worker.mjs', 'contract.mjs'].map((name) => join(here, name));
  const library = createRequire(import.meta.url).resolve('oauth4webapi');
  const named = [...files, ...ours].map((file): [string, string] => [relative(join(here, '..'), file), file]);
  const all: [string, string][] = [...named, ['dist/client/oauth4webapi', library]];
  const entries = all.map(
    ([name, file]) =>
      `(name = ${JSON.stringify(name)}, esModule = ${JSON.stringify(readFileSync(file, 'utf8'))})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [${entries.join(',\n')}], compatibilityDate = "2025-09-01", globalOutbound = "net")),
    (name = "net", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;
}
