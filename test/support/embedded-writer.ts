/** Opens the embedded database in a folder, writes a row, says so, and stays. Arguments: folder. */
import { openDatabase } from '../../src/infra/db.ts';

const [directory = ''] = process.argv.slice(2);
const db = await openDatabase({ directory }, { log: { warn: () => {} }, purpose: 'stile start' });
await db.query('CREATE TABLE IF NOT EXISTS "note" ("text" TEXT)');
await db.query(`INSERT INTO "note" VALUES ('committed')`);
process.once('message', async () => {
  await db.close();
  process.disconnect();
});
process.send?.('written');
