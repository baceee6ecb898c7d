import { createLocalJWKSet, importJWK, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadServerKeys } from '../../src/infra/keys.ts';
import { createVault } from '../../src/infra/vault.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase, testVault } from '../support/database.ts';
import { NOW } from '../support/rows.ts';

describe.skipIf(noPostgres)("the server's keys", () => {
  let fresh: OpenTestDatabase;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
  });
  afterAll(() => fresh.drop());

  const load = (now = NOW, vault = testVault) => loadServerKeys({ db: fresh.db, vault, now });

  test('are made once and are the same at every start', async () => {
    const first = await load();
    expect(await load(NOW + 100)).toEqual(first);
    expect(first.dpopNonceSecret).toHaveLength(32);
    expect(first.cookieKeys).toHaveLength(1);
    expect(first.pairwiseSalt).toHaveLength(43);
  });

  test.each(['RS256', 'ES256', 'EdDSA'])('sign with %s, and what is published verifies', async (alg) => {
    const { jwks } = await load();
    const key = jwks.keys.find((jwk) => jwk.alg === alg);
    if (!key?.kid) throw new Error('no key');
    const token = await new SignJWT({}).setProtectedHeader({ alg, kid: key.kid }).sign(await importJWK(key));
    const { rows } = await fresh.db.query(
      `SELECT "public_jwk" AS jwk FROM "server_key" WHERE "purpose" = 'sig'`,
    );
    const published = rows.map(({ jwk }) => jwk);
    expect(published.some((jwk) => 'd' in jwk)).toBe(false);
    await expect(jwtVerify(token, createLocalJWKSet({ keys: published }))).resolves.toBeDefined();
  });

  test('are sealed at rest: without their key-encryption key nothing starts', async () => {
    const { jwks } = await load();
    const { rows } = await fresh.db.query('SELECT "sealed" FROM "server_key"');
    for (const { d } of jwks.keys) {
      expect(rows.some(({ sealed }) => sealed.includes(d))).toBe(false);
    }
    const other = createVault([{ id: 'other', key: Buffer.alloc(32, 9) }]);
    await expect(load(NOW, other)).rejects.toThrow('key-encryption key');
  });

  test('a retired key is left out, and replaced when it was the only one', async () => {
    const before = await load();
    await fresh.db.query(`UPDATE "server_key" SET "retired_at" = $1 WHERE "alg" = 'ES256'`, [NOW + 10]);
    expect(await load(NOW + 9)).toEqual(before);
    const after = await load(NOW + 10);
    const kid = (keys: typeof before) => keys.jwks.keys.find(({ alg }) => alg === 'ES256')?.kid;
    expect(kid(after)).toBeDefined();
    expect(kid(after)).not.toBe(kid(before));
  });
});
