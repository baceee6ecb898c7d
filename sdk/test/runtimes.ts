/** Bun, Deno and workerd as npm brings them: the platform package's own binary, without any install script. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Listening } from './adapter-contract.ts';
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

/** Runs the client's contract there; gives what it says. */
export async function runContract(runtime: Runtime, binary: string, places: Places): Promise<unknown> {
  if (runtime === 'workerd') {
    const { url, stop } = await startWorker(binary, { entry: 'worker.mjs' });
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(places) }).finally(stop);
    return response.json();
  }
  const child = runScript(runtime, binary, { script: 'run-contract.mjs', env: { PLACES: places } });
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text);
}

/** Starts an API with an adapter there: see `web-apis.mjs`. */
export async function startApi(runtime: Runtime, binary: string, edge: object): Promise<Listening> {
  if (runtime === 'workerd')
    return startWorker(binary, { entry: 'edge-worker.mjs', bindings: { EDGE: edge } });
  const child = runScript(runtime, binary, { script: 'edge-serve.mjs', env: { EDGE: edge } });
  return listening(child, child.stdout);
}

interface Script {
  readonly script: string;
  readonly env: Readonly<Record<string, object>>;
}

function runScript(runtime: 'bun' | 'deno', binary: string, { script, env }: Script) {
  const file = join(here, script);
  const args = runtime === 'deno' ? ['run', '--no-lock', '--allow-net', '--allow-env', file] : [file];
  const own = Object.entries(env).map(([name, value]) => [name, JSON.stringify(value)]);
  const all = { ...process.env, ...Object.fromEntries(own), DENO_NO_UPDATE_CHECK: '1' };
  return spawn(binary, args, { env: all, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** It says on `told` where it listens. */
async function listening(child: ChildProcess, told: Readable): Promise<Listening> {
  let text = '';
  const port = await new Promise<number>((resolve, reject) => {
    told.on('data', (chunk: Buffer) => {
      text += String(chunk);
      const found = /"port":(\d+)/.exec(text)?.[1];
      if (found) resolve(Number(found));
    });
    child.once('exit', () => reject(new Error(`it did not start: ${text}`)));
  });
  return { port, url: `http://127.0.0.1:${port}`, stop: () => child.kill() };
}

interface Worker {
  readonly entry: string;
  readonly bindings?: Readonly<Record<string, object>>;
}

async function startWorker(binary: string, worker: Worker): Promise<Listening> {
  const folder = mkdtempSync(join(tmpdir(), 'stile-workerd-'));
  const file = join(folder, 'worker.capnp');
  writeFileSync(file, configuration(worker));
  const child = spawn(binary, ['serve', '--control-fd=3', file], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return listening(child, child.stdio[3] as unknown as Readable);
}

function configuration({ entry, bindings = {} }: Worker): string {
  const text = (value: string) => JSON.stringify(value);
  const modules = modulesOf(entry).map(
    ([name, file]) => `(name = ${text(name)}, esModule = ${text(readFileSync(file, 'utf8'))})`,
  );
  const bound = Object.entries(bindings).map(
    ([name, value]) => `(name = ${text(name)}, text = ${text(JSON.stringify(value))})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [${modules.join(',\n')}], bindings = [${bound.join(', ')}],
      compatibilityDate = "2025-09-01", globalOutbound = "net")),
    (name = "net", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;
}

const libraries: Readonly<Record<string, string>> = {
  hono: join(modules, 'hono/dist/index.js'),
  jose: join(modules, 'jose/dist/webapi/index.js'),
  oauth4webapi: createRequire(import.meta.url).resolve('oauth4webapi'),
};

/** Every module by name; a bare import is looked for beside the module that has it. */
function modulesOf(entry: string): [string, string][] {
  const found = new Map([[`test/${entry}`, join(here, entry)]]);
  for (const [name, file] of found)
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
      /\b(?:from|import)\s*["']([^"']+)["']/g,
    )) {
      const target = libraries[path] ?? join(dirname(file), path);
      const known = posix.join(posix.dirname(name), path);
      if ((found.get(known) ?? target) !== target) throw new Error(`two modules are called ${known}`);
      if (path.startsWith('.') || libraries[path]) found.set(known, target);
    }
  return [...found];
}
