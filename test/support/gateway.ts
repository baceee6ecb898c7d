/** A real gateway on loopback, from the very snippet in examples/gateways; only its addresses are others. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Kind = 'nginx' | 'caddy' | 'haproxy';

export interface Gateway {
  readonly port: number;
  stop(): Promise<void>;
}

/** Why a gateway's tests are skipped; false where it is there. Throws where REQUIRE names it. */
export function missing(kind: Kind): boolean {
  if (spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${kind}`]).status === 0) return false;
  if ((process.env['REQUIRE'] ?? '').split(',').includes(kind))
    throw new Error(`${kind} is required and missing`);
  return true;
}

interface Ports {
  readonly gate: number;
  readonly upstream: number;
}

/** `change` alters the snippet, such as for a comparison without the gate. */
export async function startGateway(
  kind: Kind,
  ports: Ports,
  change = (text: string) => text,
): Promise<Gateway> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), `gateway-${kind}-`));
  const snippet = (file: string) =>
    change(readFileSync(join('examples/gateways', kind, file), 'utf8'))
      .replaceAll('127.0.0.1:9700', `127.0.0.1:${ports.gate}`)
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.upstream}`)
      .replaceAll(/127\.0\.0\.1:800\d/g, `127.0.0.1:${port}`);
  const child = launch(kind, folder, snippet);
  await untilOpen(child, port);
  return {
    port,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(kind: Kind, folder: string, snippet: (file: string) => string): ChildProcess {
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  const env = {
    ...process.env,
    PATH: `${process.env['PATH']}:/usr/sbin`,
    HOME: folder,
    XDG_DATA_HOME: folder,
  };
  const start = (args: string[]) =>
    spawn(kind, args, { cwd: folder, env, stdio: process.env['STILE_TEST_LOG'] ? 'inherit' : 'ignore' });
  if (kind === 'nginx') {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    write(
      'nginx.conf',
      `${user} daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; keepalive_requests 10000000; ${temporary.join(' ')}
${snippet('stile.conf')} }`,
    );
    return start(['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  }
  if (kind === 'caddy') {
    write('Caddyfile', snippet('Caddyfile'));
    return start(['run', '--config', 'Caddyfile', '--adapter', 'caddyfile']);
  }
  write('haproxy.cfg', snippet('haproxy.cfg'));
  write('stile-gate.lua', snippet('stile-gate.lua'));
  return start(['-db', '-f', 'haproxy.cfg']);
}

/** Resolves once somebody answers; rejects when the gateway has ended. */
async function untilOpen(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => setImmediate(() => resolve(false)));
    });
    socket.destroy();
    if (open) return;
  }
  throw new Error('the gateway ended at once');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
