/** `stile check`: every fault, or a summary. */
import { type Loaded, loadConfig } from '../config/load.ts';
import { openNetwork } from '../infra/network.ts';
import type { ConfigFile } from './load.ts';
import type { Terminal } from './terminal.ts';

const silent = { info: () => {}, warn: () => {} };

/** Error `ConfigError` with every fault, or those of the files that it names. Changes nothing: no key is made. */
export async function check(terminal: Terminal, options: ConfigFile): Promise<number> {
  const loaded = loadConfig(options);
  await openNetwork(loaded.config.network, silent);
  for (const line of summary(loaded)) terminal.out(line);
  return 0;
}

function summary({ config, secrets, version, file, policy }: Loaded): string[] {
  const names = (list: readonly string[]): string => (list.length > 0 ? list.join(', ') : 'none');
  return [
    `The configuration is sound${file ? `: ${file}` : ' (no file: the demo)'}`,
    `  version    ${version}`,
    `  issuer     ${config.issuer}`,
    `  listens    ${config.listen.host}:${config.listen.port}`,
    `  levels     ${names(config.levels.map(({ acr }) => acr))}`,
    `  resources  ${names(config.resources.map(({ identifier }) => identifier))}`,
    `  clients    ${names(config.clients.map(({ clientId }) => clientId))}`,
    `  policy     ${policy ? `${policy.file}: ${policy.policy.rules.length} rules` : 'in the database'}`,
    `  database   ${secrets.databaseUrl ? 'PostgreSQL' : `embedded, in ${config.dataDirectory}`}`,
    `  mail       ${secrets.smtpUrl ? 'SMTP' : `outbox at ${config.issuer}/outbox`}`,
    `  keys       ${names(secrets.keys.map(({ id }) => id)).replace('none', 'made at the first start')}`,
  ];
}
