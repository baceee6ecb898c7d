/** People with every factor, put straight into the database: what is measured is using factors, not enrolling them. */
import { randomBytes } from 'node:crypto';
import { createCore } from '../src/app.ts';
import { parseConfig } from '../src/config/parse.ts';
import { createAccount } from '../src/services/accounts.ts';
import { registrationOptions, verifyRegistration } from '../src/services/factors/passkey-registration.ts';
import { sealSeed, seedText } from '../src/services/factors/totp.ts';
import { createAuthenticator } from '../test/support/webauthn.ts';
import type { Person } from './scenarios.ts';
import { BENCH_PASSWORD } from './shared.ts';

export async function makePeople(databaseUrl: string, issuer: string, count: number): Promise<Person[]> {
  const { config } = parseConfig({ demo: true, issuer, log: { level: 'silent' } });
  if (!config) throw new Error('the benchmark has no configuration');
  const secrets = { keys: [{ id: 'bench', key: Buffer.alloc(32, 1) }], databaseUrl };
  const core = await createCore({ config, secrets, version: 'bench' });
  try {
    const people: Person[] = [];
    for (let index = 0; index < count; index += 1)
      people.push(await makePerson(core, issuer, `person${index}`));
    return people;
  } finally {
    await core.close();
  }
}

type Core = Awaited<ReturnType<typeof createCore>>;

async function makePerson({ services }: Core, issuer: string, username: string): Promise<Person> {
  const account = await createAccount(services, { username, password: BENCH_PASSWORD });
  const common = {
    accountId: account.id,
    boundAt: null,
    boundBy: 'admin',
    createdAt: account.createdAt,
    lastUsedAt: null,
  };
  const seed = randomBytes(20);
  const id = services.random.id();
  const sealedSeed = sealSeed(services, seed, id);
  await services.credentials.add({ ...common, id, label: 'App', method: 'totp', sealedSeed, lastStep: null });
  const stored = await services.accounts.byId(account.id);
  if (!stored) throw new Error('the account is gone');
  const authenticator = createAuthenticator();
  const owner = `bench:${username}`;
  const options = await registrationOptions(services, owner, stored);
  const json = authenticator.register(options as never, issuer);
  const found = await verifyRegistration(services, { owner, account: stored, json });
  if (!found) throw new Error('the passkey was not accepted');
  await services.credentials.add({ ...common, ...found.passkey, id: services.random.id(), label: 'Key' });
  return { username, totpSecret: seedText(seed), authenticator };
}
