import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Config } from './schema.ts';

/** Names a configuration in records and logs: the start of the SHA-256 of its canonical JSON. No secrets in it. */
export function configVersion(config: Config): string {
  return createHash('sha256').update(canonicalJson(config)).digest('hex').slice(0, 12);
}
