/** A database of its own for a test file. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/infra/db.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { administer } from './postgres.ts';

/** Give to `describe.skipIf`. With REQUIRE=postgres the run has failed before any test sees it. */
export const noPostgres: boolean = inject('postgres') === null;

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A new database on the tests' PostgreSQL: migrated, or empty. */
export async function freshDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const server = inject('postgres');
  if (!server) throw new Error('there is no PostgreSQL: skip this test with noPostgres');
  const name = `stile_${randomBytes(6).toString('hex')}`;
  const template = content === 'migrated' ? `TEMPLATE ${server.template}` : '';
  await administer(server.admin, `CREATE DATABASE ${name} ${template}`);
  const url = new URL(server.admin);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => administer(server.admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

export interface OpenTestDatabase extends TestDatabase {
  readonly db: Database;
}

/** Opens a new migrated PostgreSQL database; `drop` closes it, too. */
export async function openFreshDatabase(): Promise<OpenTestDatabase> {
  const { url, drop } = await freshDatabase();
  const db = await openDatabase({ url }, { log: silent });
  return {
    url,
    db,
    drop: async () => {
      await db.close();
      await drop();
    },
  };
}

/** An embedded database in a folder, migrated. */
export async function openEmbedded(directory: string): Promise<Database> {
  const db = await openDatabase({ directory }, { log: silent });
  await migrate(db);
  return db;
}

export const silent = { warn: () => {} };

export { testVault } from './test-vault.ts';
