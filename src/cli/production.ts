import type { Core } from '../app.ts';
import { demoAccount } from '../config/demo.ts';
import { ConfigError } from '../config/faults.ts';
import { findAccount } from '../services/accounts.ts';

/** Production never runs on a database in which the demo's account, whose password everybody knows, is active. */
export async function refuseDemoAccount({ services }: Pick<Core, 'services'>): Promise<void> {
  const account = await findAccount(services, demoAccount.email);
  if (account?.status !== 'active') return;
  const message = `the database holds the demo's account "${account.username}", whose password everybody knows`;
  throw new ConfigError([{ path: ['DATABASE_URL'], message }]);
}
