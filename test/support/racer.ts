/**
 * One of several processes that race for the same thing. Says `ready`, waits for `go`, tries many times in parallel
 * and says how often it won. Arguments: database address, race, id of the thing.
 */
import { openDatabase } from '../../src/infra/db.ts';
import { loadServerKeys } from '../../src/infra/keys.ts';
import { createStores } from '../../src/infra/stores/index.ts';
import { testVault } from './test-vault.ts';

const NOW = 1_800_000_000;
const [url = '', race = '', id = ''] = process.argv.slice(2);
const db = await openDatabase({ url }, { log: { warn: () => {} } });
const stores = createStores(db, testVault);

/** Each resolves to whether this try won. */
const races: Record<string, () => Promise<boolean>> = {
  throttle: async () => (await stores.throttle.take(id, { attempts: 10, window: 60 }, NOW)).open,
  totp: () => stores.credentials.takeTotpStep(id, 100, NOW),
  ceremony: () => stores.ceremonies.consume(id, NOW),
};

async function run(): Promise<unknown> {
  if (race === 'keys') return (await loadServerKeys({ db, vault: testVault, now: NOW })).jwks;
  const attempt = races[race];
  if (!attempt) throw new Error(`no race called ${race}`);
  const won = await Promise.all(Array.from({ length: 25 }, attempt));
  return won.filter(Boolean).length;
}

process.once('message', async () => {
  const result = await run();
  await db.close();
  process.send?.({ result }, () => process.disconnect());
});
await db.query('SELECT 1');
process.send?.('ready');
