/**
 * Secrets at rest: AES-256-GCM under a key-encryption key.
 *
 * A sealed value is `version (1) | length of the key id (1) | key id | nonce (12) | tag (16) | ciphertext`; all
 * before the nonce, and the context, are associated data. The first key seals; every key opens what it sealed.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Vault } from '../services/ports/machine.ts';
import { randomOctets } from './system.ts';

const version = 1;
const nonceLength = 12;
const tagLength = 16;

/** A key-encryption key: 32 bytes, known by an id of 1 to 32 ASCII letters, digits, `-`, `_` or `.`. */
export interface VaultKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/**
 * A vault over several keys, the current one first. `mac` uses a subkey of the last, the oldest, so that it stays
 * the same when a new key is put in front; it changes when the last key is taken away.
 * Throws when there is no key, one is not 32 bytes long, or an id is malformed or given twice.
 */
export function createVault(keys: readonly VaultKey[]): Vault {
  const [current] = keys;
  const oldest = keys.at(-1);
  if (!current || !oldest) throw new Error('the vault needs a key');
  const sealing = new Map(keys.map((key) => [checked(key).id, derive(key.key, 'seal')]));
  if (sealing.size !== keys.length) throw new Error('two keys have the same id');
  const macKeys = new Map<string, KeyObject>();
  return {
    seal: (plaintext, context) => seal(current.id, keyOf(sealing, current.id), plaintext, context),
    open: (sealed, context) => open(sealing, Buffer.from(sealed), context),
    mac: (value, purpose) => {
      const key = macKeys.get(purpose) ?? derive(oldest.key, `mac:${purpose}`);
      macKeys.set(purpose, key);
      return createHmac('sha256', key).update(value).digest('base64url');
    },
  };
}

function checked(key: VaultKey): VaultKey {
  if (!/^[\w.-]{1,32}$/.test(key.id)) throw new Error('a key id has 1 to 32 letters, digits, -, _ or .');
  if (key.key.length !== 32) throw new Error(`the key ${key.id} is not 32 bytes long`);
  return key;
}

/** As an object: handed over as bytes a key is made into one anew by each use. */
function derive(key: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `stile:${purpose}`, 32)));
}

function keyOf(keys: ReadonlyMap<string, KeyObject>, id: string): KeyObject {
  const key = keys.get(id);
  if (!key) throw new Error(`a value is sealed under the key ${JSON.stringify(id)}, which is not configured`);
  return key;
}

function seal(id: string, key: KeyObject, plaintext: Uint8Array | string, context: string): Buffer {
  const header = Buffer.concat([Buffer.from([version, id.length]), Buffer.from(id, 'ascii')]);
  const nonce = randomOctets(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.concat([header, Buffer.from(context)]));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, nonce, cipher.getAuthTag(), ciphertext]);
}

function open(keys: ReadonlyMap<string, KeyObject>, sealed: Buffer, context: string): Buffer {
  const headerLength = 2 + (sealed[1] ?? 0);
  if (sealed[0] !== version || sealed.length < headerLength + nonceLength + tagLength) {
    throw new Error('a sealed value is malformed');
  }
  const key = keyOf(keys, sealed.toString('ascii', 2, headerLength));
  const nonceEnd = headerLength + nonceLength;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(headerLength, nonceEnd));
  decipher.setAAD(Buffer.concat([sealed.subarray(0, headerLength), Buffer.from(context)]));
  decipher.setAuthTag(sealed.subarray(nonceEnd, nonceEnd + tagLength));
  return Buffer.concat([decipher.update(sealed.subarray(nonceEnd + tagLength)), decipher.final()]);
}
