import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/infra/db.ts';
import { migrate, migrationsFolder, openMigrated } from '../../src/infra/migrate.ts';
import { freshDatabase, noPostgres, silent, type TestDatabase } from '../support/database.ts';

describe.skipIf(noPostgres)('migrations', () => {
  let fresh: TestDatabase;
  let dbs: Database[];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stile-migrations-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    fresh = await freshDatabase('empty');
    dbs = await Promise.all(
      [1, 2, 3].map(() => openDatabase({ url: fresh.url }, { log: silent, statementTimeout: 5000 })),
    );
    await rm(folder, { recursive: true });
    await cp(migrationsFolder(), folder, { recursive: true });
    return async () => {
      for (const db of dbs) await db.close();
      await fresh.drop();
    };
  });

  const first = () => {
    const [db] = dbs;
    if (!db) throw new Error('no database');
    return db;
  };
  const add = async (name: string, sql: string) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };
  const applied = async () => {
    const sql = `SELECT "migration_name" AS name FROM "_prisma_migrations" WHERE "finished_at" IS NOT NULL ORDER BY 1`;
    return (await first().query<{ name: string }>(sql)).rows.map(({ name }) => name);
  };

  test('of three processes that start at once, one applies each migration and the others find it done', async () => {
    await add('2', 'CREATE TABLE "two" ("id" INT)');
    const entries = await readdir(folder, { withFileTypes: true });
    const all = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
    expect(all.length).toBeGreaterThan(1);
    const done = await Promise.all(dbs.map((db) => migrate(db, folder)));
    expect(done.flat().sort()).toEqual(all);
    expect(await applied()).toEqual(all);
    expect(await migrate(first(), folder)).toEqual([]);
  });

  test('a migration at start takes as long as it needs, and a statement after it does not', async () => {
    await add('2', 'CREATE TABLE "two" ("id" INT); SELECT pg_sleep(1)');
    const db = await openMigrated({ url: fresh.url }, { log: silent, statementTimeout: 200 }, folder);
    expect(await applied()).toContain('2');
    await expect(db.query('SELECT pg_sleep(1)')).rejects.toMatchObject({ code: 'unavailable' });
    await db.close();
  });

  test('a migration that fails leaves nothing behind, and those before it stay', async () => {
    await add('2', 'CREATE TABLE "two" ("id" INT)');
    await add('3', 'CREATE TABLE "three" ("id" INT); SELECT broken');
    await expect(migrate(first(), folder)).rejects.toThrow('migration 3: its SQL failed');
    expect(await applied()).toContain('2');
    expect(await applied()).not.toContain('3');
    expect((await first().query(`SELECT to_regclass('three') AS t`)).rows[0]).toEqual({ t: null });
    await add('3', 'CREATE TABLE "three" ("id" INT)');
    expect(await migrate(first(), folder)).toEqual(['3']);
  });

  test('a migration changed after it was applied is refused by name', async () => {
    await add('2', 'CREATE TABLE "two" ("id" INT)');
    await migrate(first(), folder);
    await add('2', 'CREATE TABLE "two" ("id" INT); -- later');
    await expect(migrate(first(), folder)).rejects.toThrow('migration 2: its file was changed');
  });

  test('a migration that another tool left half-way is refused by name', async () => {
    await migrate(first(), folder);
    await add('2', 'SELECT 1');
    await first().query(
      `INSERT INTO "_prisma_migrations" ("id", "checksum", "migration_name") VALUES ('x', 'y', '2')`,
    );
    await expect(migrate(first(), folder)).rejects.toThrow('migration 2: it was begun by another tool');
  });
});
