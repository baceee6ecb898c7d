/** Once for a whole run: what is slow to start and shared by every test file. */
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/infra/db.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { administer, findPostgres, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where databases are made from the migrated template; null: there is no PostgreSQL. */
    postgres: { readonly admin: string; readonly template: string } | null;
  }
}

type Stop = () => Promise<void>;

export default async function setup(project: TestProject): Promise<Stop> {
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
  const template = 'stile_template';
  await administer(server.url('postgres'), `CREATE DATABASE ${template}`);
  const db = await openDatabase({ url: server.url(template) }, { log: console });
  await migrate(db);
  await db.close();
  project.provide('postgres', { admin: server.url('postgres'), template });
  return () => server.stop();
}
