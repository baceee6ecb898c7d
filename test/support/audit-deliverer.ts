/**
 * A process that delivers sealed events to a webhook until it is killed. Says `ready`; `go` begins one round, after which it
 * says `done`. Arguments: database address, webhook address.
 */
import { webhookSink } from '../../src/infra/audit-sink-kinds.ts';
import { deliver } from '../../src/infra/audit-sinks.ts';
import { openDatabase } from '../../src/infra/db.ts';
import { checkpointLine, entryLine } from '../../src/services/audit-lines.ts';

const [url = '', webhook = '', time = '0'] = process.argv.slice(2);
const log = { warn: () => {} };
const db = await openDatabase({ url }, { log });
const now = () => Number(time);
process.on('message', async (message) => {
  if (message === 'end') {
    await db.close();
    return process.disconnect();
  }
  await deliver({
    db,
    log,
    now,
    holder: String(process.pid),
    sinks: [webhookSink({ url: webhook, now, timeout: 600_000 })],
    lineOf: (item) => (item.kind === 'entry' ? entryLine(item) : checkpointLine(item)),
  });
  process.send?.('done');
});
await db.query('SELECT 1');
process.send?.('ready');
