/** Runs the bank by itself, configured by environment variables: see README.md beside this file. */
import { type BankOptions, startBank } from './start.ts';

function fromEnvironment(env: NodeJS.ProcessEnv): BankOptions {
  const secret = env['CLIENT_SECRET'];
  const resource = env['API_RESOURCE'];
  return {
    issuer: env['ISSUER'] ?? 'http://localhost:3000',
    clientId: env['CLIENT_ID'] ?? 'harbour-bank-web',
    clientPort: Number(env['CLIENT_PORT'] ?? 3001),
    apiPort: Number(env['API_PORT'] ?? 3002),
    ...(secret === undefined ? {} : { clientSecret: secret }),
    ...(resource === undefined ? {} : { resource }),
    log: (message) => console.error(message),
  };
}

const bank = await startBank(fromEnvironment(process.env));
console.log(`Harbour Bank: ${bank.urls.client} (API ${bank.urls.api})`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void bank.close());
