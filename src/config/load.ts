/**
 * Loads the configuration and the secrets. The only reader of the environment.
 */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Level } from '../domain/ladder.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { demoConfig, demoKeyPrefix } from './demo.ts';
import { ConfigError, type Fault } from './faults.ts';
import { parseConfig, parseText } from './parse.ts';
import { loadPolicy } from './policy/load.ts';
import type { Config, Secrets } from './schema.ts';
import { type Environment, formatKey, parseKeys, readSecrets } from './secrets.ts';
import { configVersion } from './version.ts';

export interface LoadOptions {
  /** `--config`; else STILE_CONFIG; else the demo. */
  readonly file?: string;
  /** Default: the process's environment. */
  readonly env?: Environment;
  /** 32 random bytes, for the demo's key on its first start. Absent: none is made, and none is returned. */
  readonly newKey?: () => Uint8Array;
}

export interface Loaded {
  readonly config: Config;
  readonly secrets: Secrets;
  /** See `configVersion`. */
  readonly version: string;
  /** The file read; absent: the demo's own configuration. */
  readonly file?: string;
  /** Where the configuration names a policy file. */
  readonly policy?: LoadedPolicy;
}

export interface LoadedPolicy {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
  readonly policy: Policy;
}

/** Error: `ConfigError` with every fault of the file and of the environment. */
export function loadConfig(options: LoadOptions = {}): Loaded {
  const environment = readEnvironment(options.env ?? process.env);
  const file = options.file ?? environment.env['STILE_CONFIG'];
  const read = file ? readFile(file) : { raw: demoConfig() };
  const parsed = 'raw' in read ? parseConfig(read.raw) : { ...read, config: undefined };
  const { secrets, faults } = readSecrets(environment.env, 'raw' in read && isDemo(read.raw));
  const unread = new Set(environment.faults.map(({ path }) => path[0]));
  const policy = readPolicy(parsed.config, file);
  const all = [
    ...parsed.faults,
    ...(policy?.faults ?? []),
    ...environment.faults,
    ...faults.filter(({ path }) => !unread.has(`${path[0]}_FILE`)),
  ];
  if (all.length > 0 || !('config' in parsed) || !parsed.config) throw new ConfigError(all);
  const { config } = parsed;
  return {
    config,
    secrets:
      config.demo && secrets.keys.length === 0 ? { ...secrets, keys: demoKeys(config, options) } : secrets,
    version: configVersion(config),
    ...(file ? { file: resolve(file) } : {}),
    ...(policy?.loaded ? { policy: policy.loaded } : {}),
  };
}

/** The configuration alone, without secrets or policy. Error `ConfigError`. */
export function loadSettings({ file, env = process.env }: Pick<LoadOptions, 'file' | 'env'> = {}): Config {
  const named = file ?? env['STILE_CONFIG'];
  const read = named ? readFile(named) : { raw: demoConfig() };
  const parsed = 'raw' in read ? parseConfig(read.raw) : read;
  if (!('config' in parsed) || !parsed.config) throw new ConfigError(parsed.faults);
  return parsed.config;
}

function readPolicy(
  config: Config | undefined,
  configFile: string | undefined,
): { loaded?: LoadedPolicy; faults: Fault[] } | undefined {
  const named = config?.policy.file;
  if (!config || named === undefined) return undefined;
  const file = resolve(configFile ? dirname(configFile) : '.', named);
  const text = readText(file);
  if (text === undefined)
    return { faults: [{ path: ['policy', 'file'], message: `${named} cannot be read` }] };
  const { policy, faults } = loadPolicy(text, { levels: config.levels as readonly Level[] });
  if (policy) return { loaded: { file, text, policy }, faults: [] };
  return {
    faults: faults.map(({ path, line, column, message }) => ({
      path: [`${named}:${line}:${column}`],
      message: `${path}: ${message}`,
    })),
  };
}

const secretNames = ['STILE_KEYS', 'DATABASE_URL', 'SMTP_URL', 'AUDIT_WEBHOOK_SECRET'];

/** `NAME_FILE` names a file that holds the value of `NAME`, as container platforms mount secrets. */
function readEnvironment(env: Environment): { env: Environment; faults: Fault[] } {
  const found: Record<string, string | undefined> = { ...env };
  const faults: Fault[] = [];
  for (const name of secretNames) {
    const file = env[`${name}_FILE`];
    if (!file || env[name]) continue;
    const text = readText(file);
    if (text === undefined)
      faults.push({ path: [`${name}_FILE`], message: 'the file it names cannot be read' });
    found[name] = text?.trim();
  }
  return { env: found, faults };
}

function readFile(file: string): ReturnType<typeof parseText> {
  const text = readText(file);
  return text === undefined
    ? { faults: [{ path: [file], message: 'the file cannot be read' }] }
    : parseText(text);
}

function isDemo(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && 'demo' in raw && raw.demo === true;
}

/** Undefined where it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The demo's keys are kept beside its database, readable by their owner alone. */
function demoKeys(config: Config, { newKey }: LoadOptions): Secrets['keys'] {
  const file = join(config.dataDirectory, 'keys');
  const existing = readText(file);
  if (existing === undefined && !newKey) return [];
  if (existing === undefined && newKey) createOnce(file, `${formatKey(`${demoKeyPrefix}-1`, newKey())}\n`);
  const { keys, faults } = parseKeys(readText(file)?.trim() ?? '');
  if (faults.length > 0 || keys.length === 0) {
    throw new ConfigError([
      { path: [file], message: 'holds no key; remove it together with the demo database' },
    ]);
  }
  return keys;
}

/** Two processes at their first start agree: a link is made whole, and once. */
function createOnce(file: string, text: string): void {
  mkdirSync(resolve(file, '..'), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
}
