/** How long a start takes, from the command to the first answer; and what an idle process holds. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url));

export async function startUp(databaseUrl: string): Promise<void> {
  console.log('\nstart-up, command to ready      seconds    resident MB');
  const folder = mkdtempSync(join(tmpdir(), 'stile-bench-'));
  try {
    await timed('embedded, first', folder, {});
    await timed('embedded, second', folder, {});
    await timed('PostgreSQL, first', folder, { DATABASE_URL: databaseUrl });
    await timed('PostgreSQL, second', folder, { DATABASE_URL: databaseUrl });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(name: string, folder: string, env: Record<string, string>): Promise<void> {
  const port = await freePort();
  const file = join(folder, 'stile.json');
  // Without the bank: only the server itself.
  const config = {
    demo: true,
    issuer: `http://localhost:${port}`,
    listen: { port },
    dataDirectory: join(folder, 'data'),
  };
  writeFileSync(file, JSON.stringify(config));
  const begin = performance.now();
  const child = spawn(process.execPath, [cli, 'start', '--config', file], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  try {
    while (!(await ready(port))) {
      if (child.exitCode !== null) throw new Error(`${name}: stile start ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const seconds = (performance.now() - begin) / 1000;
    const rss =
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    console.log(`${name.padEnd(28)} ${seconds.toFixed(2).padStart(10)} ${rss.toFixed(0).padStart(14)}`);
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  }
}

async function ready(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://localhost:${port}/health/ready`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
