/**
 * Applies prisma/migrations in order and keeps the books in Prisma's own table, so that `prisma migrate` still works
 * for whoever has it. Each migration is one transaction under Prisma's advisory lock: of several processes that
 * start at once, one applies and the others find it done.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, type DatabaseLocation, type DatabaseOptions, openDatabase } from './db.ts';
import { packageRoot } from './package-root.ts';
import { randomOctets } from './system.ts';

/** The lock that `prisma migrate` takes. */
const prismaLock = 72_707_369;

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file's bytes, hex. */
  readonly checksum: string;
}

interface Applied {
  readonly checksum: string;
  readonly finished: boolean;
}

/** A migration cannot be applied; the database is as it was before that migration. */
export class MigrationError extends Error {
  constructor(migration: string, problem: string, cause?: unknown) {
    super(`migration ${migration}: ${problem}`, cause === undefined ? undefined : { cause });
    this.name = 'MigrationError';
  }
}

/** The folder of migrations that comes with the package. */
export function migrationsFolder(): string {
  return join(packageRoot(), 'prisma', 'migrations');
}

/**
 * Applies what is missing and returns the names of what this call applied. Error `MigrationError` when an applied
 * migration's file has changed since, one failed half-way under another tool, or its SQL fails.
 */
export async function migrate(db: Database, folder: string = migrationsFolder()): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const applied: string[] = [];
  for (const migration of migrations) {
    if (await db.transaction(() => applyOnce(db, migration))) applied.push(migration.name);
  }
  return applied;
}

/**
 * Opens a database whose migrations are applied. They may take as long as they need, as nothing else may: in PostgreSQL they have a
 * connection of their own. Errors: as `migrate` and `openDatabase`.
 */
export async function openMigrated(
  location: DatabaseLocation,
  options: DatabaseOptions,
  folder?: string,
): Promise<Database> {
  if ('url' in location) {
    const patient = await openDatabase(location, { ...options, connections: 1, statementTimeout: 0 });
    await migrate(patient, folder).finally(() => patient.close());
    return openDatabase(location, options);
  }
  const db = await openDatabase(location, options);
  try {
    await migrate(db, folder);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(names.sort().map((name) => readMigration(folder, name)));
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const bytes = await readFile(join(folder, name, 'migration.sql'));
  return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
}

/** Inside a transaction. True: applied now. */
async function applyOnce(db: Database, migration: Migration): Promise<boolean> {
  // A waiting process, and a long migration, may take as long as they need.
  await db.query('SET LOCAL statement_timeout = 0');
  await db.query('SELECT pg_advisory_xact_lock($1)', [prismaLock]);
  await db.query(bookkeeping);
  if (await isApplied(db, migration)) return false;
  await db.query(migration.sql).catch((error: unknown) => {
    throw new MigrationError(migration.name, 'its SQL failed', error);
  });
  await db.query(
    `INSERT INTO "_prisma_migrations" ("id", "checksum", "migration_name", "finished_at", "applied_steps_count")
     VALUES ($1, $2, $3, now(), 1)`,
    [randomOctets(16).toString('hex'), migration.checksum, migration.name],
  );
  return true;
}

async function isApplied(db: Database, migration: Migration): Promise<boolean> {
  const { rows } = await db.query<Applied>(
    `SELECT "checksum", "finished_at" IS NOT NULL AS "finished" FROM "_prisma_migrations"
     WHERE "migration_name" = $1 AND "rolled_back_at" IS NULL`,
    [migration.name],
  );
  if (rows.some(({ finished }) => !finished)) {
    throw new MigrationError(migration.name, 'it was begun by another tool and never finished');
  }
  const [row] = rows;
  if (row && row.checksum !== migration.checksum) {
    throw new MigrationError(migration.name, 'its file was changed after it had been applied');
  }
  return row !== undefined;
}

const bookkeeping = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id"                  VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum"            VARCHAR(64) NOT NULL,
  "finished_at"         TIMESTAMPTZ,
  "migration_name"      VARCHAR(255) NOT NULL,
  "logs"                TEXT,
  "rolled_back_at"      TIMESTAMPTZ,
  "started_at"          TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;
