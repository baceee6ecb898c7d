/** A real gateway on loopback, from the very snippet in examples/gateways; only its addresses are others. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const kinds = ['nginx', 'caddy', 'haproxy', 'envoy', 'traefik'] as const;
export type Kind = (typeof kinds)[number];

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
  /** The gateway's own; default: any. */
  readonly own?: number;
}

/** `change` alters the snippet, such as for a comparison without the gate. */
export async function startGateway(
  kind: Kind,
  ports: Ports,
  change = (text: string) => text,
): Promise<Gateway> {
  const port = ports.own ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), `gateway-${kind}-`));
  const snippet = (file: string) =>
    change(readFileSync(join('examples/gateways', kind, file), 'utf8'))
      .replaceAll('api.example.com', '127.0.0.1')
      .replaceAll(/(?<=127\.0\.0\.1:|port_value: )9700/g, String(ports.gate))
      .replaceAll(/(?<=127\.0\.0\.1:|port_value: )8080/g, String(ports.upstream))
      .replaceAll(/(?<=127\.0\.0\.1:|port_value: |\/\/:)800\d/g, String(port));
  const child = launch({ kind, folder, port, snippet });
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

interface Launch {
  readonly kind: Kind;
  readonly folder: string;
  readonly port: number;
  readonly snippet: (file: string) => string;
}

function launch({ kind, folder, port, snippet }: Launch): ChildProcess {
  for (const file of files[kind]) {
    const text = snippet(file);
    const [name, content] = kind === 'nginx' ? ['nginx.conf', nginxAround(folder, text)] : [file, text];
    writeFileSync(join(folder, name), content);
  }
  const PATH = `${process.env['PATH']}:/usr/sbin`;
  const env = { ...process.env, PATH, HOME: folder, XDG_DATA_HOME: folder };
  const stdio = process.env['STILE_TEST_LOG'] ? 'inherit' : 'ignore';
  return spawn(kind, [...commands[kind](folder, port)], { cwd: folder, env, stdio });
}

const files: Record<Kind, readonly string[]> = {
  nginx: ['stile.conf'],
  caddy: ['Caddyfile'],
  haproxy: ['haproxy.cfg', 'stile-gate.lua'],
  envoy: ['envoy.yaml'],
  traefik: ['dynamic.yaml'],
};

const commands: Record<Kind, (folder: string, port: number) => readonly string[]> = {
  nginx: (folder) => ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')],
  caddy: () => ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
  haproxy: () => ['-db', '-f', 'haproxy.cfg'],
  envoy: () => ['-c', 'envoy.yaml', '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'warning'],
  traefik: (_, port) => [
    `--entrypoints.web.address=127.0.0.1:${port}`,
    '--providers.file.filename=dynamic.yaml',
    '--global.checknewversion=false',
    '--global.sendanonymoususage=false',
  ],
};

function nginxAround(folder: string, snippet: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user} daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; keepalive_requests 10000000; ${temporary.join(' ')}
${snippet} }`;
}

/** Resolves once its routes are there (Traefik listens before, with a 404); rejects when the gateway has ended. */
async function untilOpen(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const status = await new Promise<number>((resolve) => {
      const call = get({ host: '127.0.0.1', port, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.once('error', () => setImmediate(() => resolve(404)));
    });
    if (status !== 404) return;
  }
  throw new Error('the gateway ended at once');
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
