import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { run } from '../src/cli/run.ts';
import { loadConfig } from '../src/config/load.ts';
import { fakeTerminal } from './cli/terminal.ts';

const root = new URL('../', import.meta.url);
const text = (file: string): string => readFileSync(new URL(file, root), 'utf8');

interface Service {
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly ports?: string[];
}

const { services } = parse(text('docker-compose.yml')) as { services: Record<string, Service> };

describe('docker-compose.yml', () => {
  test('its configuration is sound with the environment it gives', () => {
    const fill = (value: string): string =>
      value.replace(/\$\{(\w+):\?[^}]*\}/g, (_, name) =>
        name === 'STILE_KEYS' ? `k1:${'A'.repeat(43)}=` : 'secret',
      );
    const given = Object.entries(services['stile']?.environment ?? {});
    const env = Object.fromEntries(given.map(([name, value]) => [name, fill(value)]));
    const { config } = loadConfig({
      env: { ...env, STILE_CONFIG: new URL('deploy/stile.yaml', root).pathname },
    });
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 3000 });
    expect(config.demo).toBe(false);
  });

  test('no secret stands in it: each comes from .env, which is never kept', () => {
    const given = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment));
    const secret = given.filter(([name]) => /PASSWORD|KEYS|_URL/.test(name) && name !== 'SMTP_URL');
    expect(secret.length).toBeGreaterThan(2);
    for (const [, value] of secret) expect(value).toMatch(/\$\{\w+:\?/);
    expect(text('.gitignore').split('\n')).toContain('.env');
    expect(text('.env.example')).toMatch(/^STILE_KEYS=$/m);
  });

  test('every file it mounts exists, and every port stays on this machine', () => {
    const all = Object.values(services);
    const mounted = all.flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    for (const file of mounted.filter((name) => name.startsWith('./'))) {
      expect(existsSync(new URL(file, root)), file).toBe(true);
    }
    for (const port of all.flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
  });
});

describe('the command line', () => {
  const shown = ['README.md', 'docker-compose.yml', 'docs/configuration.md', 'docs/step-up.md'].flatMap(
    (file) =>
      [...text(file).matchAll(/node dist\/src\/cli\.js((?: [a-z]+)+)/g)].map(([, words = '']) => ({
        file,
        command: words.trim(),
      })),
  );

  test('every command that a page shows exists, and none is called by a name that nothing installs', async () => {
    const terminal = fakeTerminal();
    await run(['help'], terminal);
    const known = [...terminal.output.join('\n').matchAll(/^ {2}([a-z]+(?: [a-z]+)*)/gm)].map(
      ([, name]) => name,
    );
    expect(shown.map(({ command }) => command)).toEqual(
      expect.arrayContaining(['secret', 'check', 'start', 'user add alex']),
    );
    for (const { file, command } of shown) {
      expect(
        known.some((name) => `${command} `.startsWith(`${name} `)),
        `${file}: ${command}`,
      ).toBe(true);
    }
    for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/configuration.md', 'docs/step-up.md'])
      expect(text(file), file).not.toContain('npx stile');
  });

  test('what the README says of production is a sound configuration', async () => {
    const [, block = ''] = /## Run it for real[\s\S]*?```sh\n([\s\S]*?)```/.exec(text('README.md')) ?? [];
    const [, from = '', to = ''] = /^cp (\S+) (\S+)/m.exec(block) ?? [];
    const given = [...block.matchAll(/(?:export | )([A-Z_]+)=(\S+)/g)];
    const env = Object.fromEntries(given.map(([, name, value]) => [name, value]));
    expect(env).toMatchObject({ STILE_CONFIG: to, STILE_KEYS_FILE: expect.stringMatching(/./) });
    const terminal = fakeTerminal();
    await run(['secret', '--key'], terminal);
    const { STILE_KEYS_FILE: _, ...rest } = env;
    const { config } = loadConfig({
      env: { ...rest, STILE_KEYS: terminal.output.join('\n'), STILE_CONFIG: new URL(from, root).pathname },
    });
    expect(config.demo).toBe(false);
  });
});

describe('Dockerfile', () => {
  const lines = text('Dockerfile').split('\n');

  test('every file it copies exists and is in the build context', () => {
    const context = text('.dockerignore');
    const copied = lines
      .filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    for (const name of copied) {
      expect(existsSync(new URL(name, root)), name).toBe(true);
      expect(context, name).toContain(`!${name.split('/')[0]}`);
    }
  });

  test('it runs as a user who is not root, and says whether it lives', () => {
    expect(lines.lastIndexOf('USER node')).toBeGreaterThan(
      lines.findLastIndex((line) => line.startsWith('FROM')),
    );
    expect(text('Dockerfile')).toContain('/health/live');
  });
});
