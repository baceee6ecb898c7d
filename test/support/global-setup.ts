/** Once for a whole run: what is slow to start and shared by every test file. */
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/infra/db.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { findBrowser } from './browser.ts';
import { administer, findPostgres, type PostgresServer, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where databases are made from the migrated template; null: there is no PostgreSQL. */
    postgres: { readonly admin: string; readonly template: string } | null;
  }
}

type Stop = () => Promise<void>;

export default async function setup(project: TestProject): Promise<Stop> {
  // Unpacks the one from npm, if there is no other, before the test files look for it.
  findBrowser();
  const stops: Stop[] = [await providePostgres(project)];
  return async () => {
    for (const stop of stops.reverse()) await stop();
  };
}

function required(what: string): boolean {
  return (process.env['REQUIRE'] ?? '').split(',').includes(what);
}

async function providePostgres(project: TestProject): Promise<Stop> {
  const binaries = findPostgres();
  if (!binaries) {
    if (required('postgres')) throw new Error('REQUIRE=postgres, and no PostgreSQL was found');
    process.stderr.write('No PostgreSQL was found: the tests that need one are skipped.\n');
    project.provide('postgres', null);
    return async () => {};
  }
  const server = await startPostgres(binaries);
  try {
    project.provide('postgres', await prepareTemplate(server));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return () => server.stop();
}

async function prepareTemplate(server: PostgresServer) {
  const template = 'stile_template';
  await administer(server.url('postgres'), `CREATE DATABASE ${template}`);
  const db = await openDatabase({ url: server.url(template) }, { log: console });
  try {
    await migrate(db);
  } finally {
    await db.close();
  }
  return { admin: server.url('postgres'), template };
}
