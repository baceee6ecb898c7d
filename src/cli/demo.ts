/** The demo beside the server: its account, and the Harbour Bank as anybody else's application would be. */
import type { Core } from '../app.ts';
import { demoAccount, demoClient } from '../config/demo.ts';
import type { Config } from '../config/schema.ts';
import type { Running } from '../main.ts';
import { createAccount, findAccount } from '../services/accounts.ts';
import type { Terminal } from './terminal.ts';

/** Returns what ends it. Rejects when a port of the bank is taken. */
export async function startDemo(
  terminal: Terminal,
  config: Config,
  { app }: Running,
): Promise<() => Promise<void>> {
  await addDemoAccount(app.core);
  const bank = await startBank(config, (message) => app.core.log.warn({ message }, 'the bank'));
  for (const line of welcome(config, bank?.urls.client)) terminal.note(line);
  return async () => bank?.close();
}

async function addDemoAccount({ services }: Core): Promise<void> {
  if (await findAccount(services, demoAccount.username)) return;
  const { username, email, name, password } = demoAccount;
  await createAccount(services, {
    username,
    email,
    name,
    password,
    emailVerified: true,
    allowWeakPassword: true,
  });
}

/** A demo of one's own configuration has no bank, unless it has the bank's client. */
async function startBank(config: Config, log: (message: string) => void) {
  const client = config.clients.find(({ secretHash }) => secretHash === demoClient.secretHash);
  const [redirect] = client?.redirectUris ?? [];
  const [api] = config.resources;
  if (!client || !redirect || !api) return undefined;
  const bank = await import('../../examples/harbour-bank/start.ts');
  return bank.startBank({
    issuer: config.issuer,
    clientId: client.clientId,
    clientSecret: demoClient.clientSecret,
    clientPort: Number(new URL(redirect).port),
    apiPort: Number(new URL(api.identifier).port),
    resource: api.identifier,
    log,
  });
}

function welcome(config: Config, bank: string | undefined): string[] {
  return [
    '',
    '  Stile is running: this is the demo.',
    '',
    ...(bank ? [`  Open           ${bank}`] : []),
    `  Sign in as     ${demoAccount.username}`,
    `  Password       ${demoAccount.password}`,
    `  Mail           ${config.issuer}/outbox`,
    `  Your account   ${config.issuer}/account`,
    '',
    `  Everything is kept in ${config.dataDirectory}. Ctrl-C stops it.`,
    '',
  ];
}
