/**
 * One of several processes that write audit events at once. Says `ready`, waits for `go`, and writes 150 and until it is told `enough`,
 * in transactions that overlap and end in another order than they began; then says how many. Arguments: database address, name.
 */
import { once } from 'node:events';
import { openDatabase } from '../../src/infra/db.ts';
import { createStores } from '../../src/infra/stores/index.ts';
import { createRandom } from '../../src/infra/system.ts';
import { testVault } from './test-vault.ts';

const [url = '', name = ''] = process.argv.slice(2);
const db = await openDatabase({ url }, { log: { warn: () => {} }, connections: 6 });
const stores = createStores(db, testVault);
const random = createRandom();

async function write(n: number): Promise<void> {
  await db.transaction(async () => {
    await stores.audit.append({
      id: random.sortableId(),
      at: 1_800_000_000,
      type: 'client_registered',
      outcome: 'success',
      accountId: null,
      clientId: `${name}${n}`,
      sessionUid: null,
      correlationId: null,
      data: {},
    });
    // Some go on with other work before they commit.
    for (let more = 0; more < (n % 5) * 3; more += 1) await db.query('SELECT 1');
  });
}

async function writeUntil(enough: Promise<unknown>): Promise<void> {
  let writing = true;
  void enough.then(() => {
    writing = false;
  });
  let written = 0;
  for (; writing || written < 150; written += 15)
    await Promise.all(Array.from({ length: 15 }, (_, n) => write(written + n)));
  await db.close();
  process.send?.({ written }, () => process.disconnect());
}

process.once('message', () => void writeUntil(once(process, 'message')));
await db.query('SELECT 1');
process.send?.('ready');
