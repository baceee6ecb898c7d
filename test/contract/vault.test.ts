import { describe, expect, test } from 'vitest';
import { createVault } from '../../src/infra/vault.ts';

const key = (id: string, fill: number) => ({ id, key: Buffer.alloc(32, fill) });
const old = key('2025', 1);
const current = key('2026', 2);

describe('the vault', () => {
  test('opens what it sealed, in its context only', () => {
    const vault = createVault([current]);
    const sealed = vault.seal('a seed', 'totp:1');
    expect(vault.open(sealed, 'totp:1').toString()).toBe('a seed');
    expect(() => vault.open(sealed, 'totp:2')).toThrow();
    expect(sealed.includes('a seed')).toBe(false);
    expect(vault.seal('a seed', 'totp:1').equals(sealed)).toBe(false);
  });

  test('refuses a value that was changed in any byte', () => {
    const vault = createVault([current]);
    const sealed = vault.seal('a seed', 'x');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => vault.open(changed, 'x'), `byte ${at}`).toThrow();
    }
    for (const short of [0, 1, 5, sealed.length - 1]) {
      expect(() => vault.open(sealed.subarray(0, short), 'x')).toThrow();
    }
  });

  test('a new key in front seals; older ones still open; a key taken away is named', () => {
    const sealed = createVault([old]).seal('a seed', 'x');
    const both = createVault([current, old]);
    expect(both.open(sealed, 'x').toString()).toBe('a seed');
    expect(createVault([current]).open(both.seal('new', 'x'), 'x').toString()).toBe('new');
    expect(() => createVault([current]).open(sealed, 'x')).toThrow('"2025", which is not configured');
  });

  test('a keyed hash survives a new key in front, and differs by purpose', () => {
    const mac = createVault([old]).mac('ada', 'identifier');
    expect(createVault([current, old]).mac('ada', 'identifier')).toBe(mac);
    expect(createVault([old]).mac('ada', 'code')).not.toBe(mac);
    expect(createVault([current]).mac('ada', 'identifier')).not.toBe(mac);
    expect(mac).toMatch(/^[\w-]{43}$/);
  });

  test('refuses no key, short keys, and one id for two keys', () => {
    expect(() => createVault([])).toThrow();
    expect(() => createVault([{ id: 'a', key: Buffer.alloc(16) }])).toThrow('32 bytes');
    expect(() => createVault([key('a', 1), key('a', 2)])).toThrow('same id');
    expect(() => createVault([key('', 1)])).toThrow();
  });
});
