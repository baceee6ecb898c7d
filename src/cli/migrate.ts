/** `stile migrate`: what every start does, on its own. */
import { openDatabase } from '../infra/db.ts';
import { migrate } from '../infra/migrate.ts';
import { type ConfigFile, load } from './load.ts';
import type { Terminal } from './terminal.ts';

/** Errors: `FolderLockedError` names the process that holds the embedded database, which is up to date then. */
export async function migrateCommand(terminal: Terminal, options: ConfigFile): Promise<number> {
  const { config, secrets } = load(options);
  const db = await openDatabase(
    secrets.databaseUrl ? { url: secrets.databaseUrl } : { directory: config.dataDirectory },
    { purpose: 'stile migrate', statementTimeout: 0, log: { warn: (_, message) => terminal.note(message) } },
  );
  try {
    const applied = await migrate(db);
    for (const name of applied) terminal.out(`applied ${name}`);
    if (applied.length === 0) terminal.out('The database is up to date.');
    return 0;
  } finally {
    await db.close();
  }
}
