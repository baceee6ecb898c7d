/** Stile for the benchmark. `node stile.js <port> <database url>`; reports its memory when asked. */
import { serve } from '../src/main.ts';
import { benchConfig, benchKeys } from './config.ts';

const [, , port, databaseUrl = ''] = process.argv;
const running = await serve({
  config: benchConfig(Number(port)),
  secrets: { keys: benchKeys, databaseUrl },
  version: 'bench',
});
process.on('message', (message) => {
  if (message === 'usage') process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
  if (message === 'stop') void running.stop().then(() => process.exit(0));
});
process.send?.('ready');
