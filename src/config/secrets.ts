/**
 * Secrets from environment variables. Pure; no message repeats a value.
 */
import { demoKeyPrefix } from './demo.ts';
import type { Fault } from './faults.ts';
import type { Secrets } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
type Key = Secrets['keys'][number];

/** What the environment says, and everything wrong with it. In the demo nothing is required. */
export function readSecrets(env: Environment, demo: boolean): { secrets: Secrets; faults: Fault[] } {
  const { keys, faults } = parseKeys(env['STILE_KEYS'] ?? '');
  const databaseUrl = env['DATABASE_URL'];
  const smtpUrl = env['SMTP_URL'];
  const auditWebhookSecret = env['AUDIT_WEBHOOK_SECRET'];
  return {
    secrets: {
      keys,
      ...(databaseUrl ? { databaseUrl } : {}),
      ...(smtpUrl ? { smtpUrl } : {}),
      ...(auditWebhookSecret ? { auditWebhookSecret } : {}),
    },
    faults: [
      ...faults,
      ...schemeFaults('DATABASE_URL', databaseUrl, ['postgres:', 'postgresql:']),
      ...schemeFaults('SMTP_URL', smtpUrl, ['smtp:', 'smtps:']),
      ...shortFaults(auditWebhookSecret),
      ...(demo ? [] : [...missingFaults(env), ...demoKeyFaults(keys)]),
    ],
  };
}

/** `id:base64,id:base64`, the current key first; each 32 bytes. */
export function parseKeys(text: string): { keys: Key[]; faults: Fault[] } {
  const entries = text.split(',').map((entry) => entry.trim());
  const keys: Key[] = [];
  const faults: Fault[] = [];
  for (const [index, entry] of (text.trim() === '' ? [] : entries).entries()) {
    const [, id, value] = /^([\w-]{1,32}):([\w+/-]+={0,2})$/.exec(entry) ?? [];
    const path = ['STILE_KEYS', index];
    const key = Buffer.from(value ?? '', 'base64');
    if (id === undefined) faults.push({ path, message: 'is not of the form id:base64' });
    else if (key.length !== 32) faults.push({ path, message: `the key has ${key.length} bytes, not 32` });
    else if (keys.some((other) => other.id === id)) faults.push({ path, message: 'its id is used twice' });
    else keys.push({ id, key: new Uint8Array(key) });
  }
  return { keys, faults };
}

/** The text `parseKeys` reads. */
export function formatKey(id: string, key: Uint8Array): string {
  return `${id}:${Buffer.from(key).toString('base64')}`;
}

function missingFaults(env: Environment): Fault[] {
  const required = {
    STILE_KEYS: 'is not set (`stile secret --key` makes a key)',
    DATABASE_URL: 'is not set (the embedded database serves the demo only)',
    SMTP_URL: 'is not set (smtps://user:password@host)',
  };
  return Object.entries(required)
    .filter(([name]) => !env[name]?.trim())
    .map(([name, message]) => ({ path: [name], message }));
}

function demoKeyFaults(keys: readonly Key[]): Fault[] {
  return keys
    .filter(({ id }) => id.startsWith(demoKeyPrefix))
    .map(({ id }) => ({ path: ['STILE_KEYS'], message: `"${id}" is a key of the demo` }));
}

/** The key of an HMAC-SHA-256: RFC 2104, section 3, wants no fewer octets than the hash has. */
function shortFaults(secret: string | undefined): Fault[] {
  return secret && Buffer.byteLength(secret) < 32
    ? [{ path: ['AUDIT_WEBHOOK_SECRET'], message: 'is shorter than 32 characters' }]
    : [];
}

function schemeFaults(name: string, value: string | undefined, schemes: readonly string[]): Fault[] {
  if (!value) return [];
  const known = URL.canParse(value) && schemes.includes(new URL(value).protocol);
  return known
    ? []
    : [{ path: [name], message: `must begin with ${schemes.map((each) => `${each}//`).join(' or ')}` }];
}
