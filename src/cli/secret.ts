/** `stile secret`: a client secret with its hash, or a key-encryption key. */
import { createHash } from 'node:crypto';
import { formatKey } from '../config/secrets.ts';
import { randomOctets } from '../infra/system.ts';
import type { Terminal } from './terminal.ts';

/** 256 random bits either way: a secret of this kind needs no slow hash. */
export async function secret(terminal: Terminal, { key }: { readonly key: boolean }): Promise<number> {
  if (key) {
    terminal.out(formatKey(`k-${randomOctets(3).toString('hex')}`, randomOctets(32)));
    terminal.note('Put it first in STILE_KEYS and keep the older keys after it.');
    return 0;
  }
  const value = randomOctets(32).toString('base64url');
  terminal.out(`client secret  ${value}`);
  terminal.out(`secretHash     ${createHash('sha256').update(value).digest('base64url')}`);
  terminal.note('The secret goes to the client, the hash into the configuration. Neither is kept here.');
  return 0;
}
