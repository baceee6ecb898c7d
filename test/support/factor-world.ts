/** The services of people and factors over a real database, with a clock that tests move. */

import { createHash } from 'node:crypto';
import { type ConfigInput, configSchema } from '../../src/config/schema.ts';
import type { StileError } from '../../src/domain/errors.ts';
import { defaultLevels } from '../../src/domain/ladder.ts';
import { catalogueLetters } from '../../src/http/letters.ts';
import { createTranslator, en } from '../../src/http/messages.ts';
import { createStores, type Stores } from '../../src/infra/stores/index.ts';
import { createPasswordHasher, createRandom } from '../../src/infra/system.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { type AttemptContext, attempt, type Factor } from '../../src/services/attempt.ts';
import { createBackground } from '../../src/services/background.ts';
import type { ChangeContext } from '../../src/services/change-gate.ts';
import type { Deps } from '../../src/services/deps.ts';
import { createJudge } from '../../src/services/factors/judge.ts';
import { passwordFactor } from '../../src/services/factors/password.ts';
import type { Mail } from '../../src/services/ports/machine.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { nothingAsked } from './asking.ts';
import { type OpenTestDatabase, openFreshDatabase, silent, testVault } from './database.ts';

export const PASSWORD = 'heron over the fen';
export const ORIGIN = 'https://id.example.test';
/** A cost that tests can afford. */
export const cheapHashing = { memoryKiB: 1024, iterations: 1, parallelism: 1 };

export interface FactorWorld {
  readonly deps: Deps;
  readonly stores: Stores;
  readonly database: OpenTestDatabase;
  readonly mails: Mail[];
  /** Moves the clock by seconds. */
  pass(seconds: number): void;
}

export interface WorldOptions {
  readonly config?: ConfigInput;
  readonly database?: OpenTestDatabase;
}

export async function createWorld({ config, database: shared }: WorldOptions = {}): Promise<FactorWorld> {
  const database = shared ?? (await openFreshDatabase());
  const stores = createStores(database.db, testVault);
  const settings = configSchema.parse({ issuer: ORIGIN, name: 'Harbour', ...config });
  const mails: Mail[] = [];
  let now = 1_800_000_000;
  const clock = { now: () => now };
  const random = createRandom(() => now * 1000);
  const deps: Deps = {
    ...stores,
    ...nothingAsked({ clock, random, vault: testVault, signIns: stores.signIns }),
    unitOfWork: stores.transactions,
    transactions: stores.authTransactions,
    clock,
    random,
    hasher: createPasswordHasher(cheapHashing),
    vault: testVault,
    mailer: {
      send: async (mail) => {
        mails.push(mail);
      },
    },
    letters: catalogueLetters(createTranslator(en), 'Harbour'),
    log: silent,
    background: createBackground(silent),
    judge: createJudge(settings),
    levels: defaultLevels,
    settings,
  };
  return {
    deps,
    stores,
    database,
    mails,
    pass: (seconds) => {
      now += seconds;
    },
  };
}

let people = 0;

/** A person with a password and a verified address, unless told otherwise. */
export async function createPerson(
  { deps }: FactorWorld,
  input: {
    readonly email?: string | null;
    readonly emailVerified?: boolean;
    readonly password?: string | null;
  } = {},
): Promise<Account> {
  people += 1;
  const username = `person${people}`;
  const email = input.email === undefined ? `${username}@example.test` : input.email;
  const password = input.password === undefined ? PASSWORD : input.password;
  const { id } = await createAccount(deps, {
    username,
    emailVerified: input.emailVerified ?? true,
    ...(email === null ? {} : { email }),
    ...(password === null ? {} : { password }),
  });
  const account = await deps.accounts.byId(id);
  if (!account) throw new Error('the account was not created');
  return account;
}

/** An open authentication transaction, and an attempt's context in it. */
export async function openTransaction(
  { deps }: FactorWorld,
  about: Partial<AttemptContext> & { readonly pinned?: boolean } = {},
): Promise<AttemptContext> {
  const { pinned = false, ...rest } = about;
  const now = deps.clock.now();
  const context: AttemptContext = {
    transactionId: deps.random.id(),
    clientId: 'bank',
    sessionUid: null,
    accountId: null,
    identifier: null,
    browserHash: null,
    address: '192.0.2.1',
    correlationId: null,
    forStepUp: false,
    ...rest,
  };
  await deps.transactions.open({
    id: context.transactionId,
    clientId: context.clientId,
    sessionUid: context.sessionUid,
    accountId: context.accountId,
    pinned,
    createdAt: now,
    expiresAt: now + 1800,
  });
  return context;
}

/** A transaction in which the person has given the password. */
export async function signIn(
  world: FactorWorld,
  account: Account,
  about: Partial<AttemptContext> = {},
): Promise<AttemptContext> {
  const context = await openTransaction(world, { identifier: account.username, ...about });
  await attempt(world.deps, context, password(world, context, PASSWORD));
  return { ...context, accountId: account.id };
}

export function password({ deps }: FactorWorld, context: AttemptContext, typed: string): Factor {
  const { accountId, identifier } = context;
  return passwordFactor(deps, { accountId, identifier, password: typed });
}

/** Who changes factors in a transaction, with what is known of them now. */
export async function changing(
  { deps, stores }: FactorWorld,
  { transactionId, clientId, accountId, sessionUid }: AttemptContext,
): Promise<ChangeContext> {
  const query = { accountId: accountId ?? '', sessionUid, transactionId, clientId, now: deps.clock.now() };
  const facts = await stores.facts.load(query);
  if (!facts) throw new Error('there is no such account');
  return {
    facts,
    transaction: { id: transactionId, clientId },
    owner: `tx:${transactionId}`,
    staging: true,
    sessionUid,
    correlationId: null,
    asked: { scopes: [], resources: [], details: [], client: { id: clientId, firstParty: true } },
    device: { browserHash: null, userAgent: null, address: null, remembered: [] },
  };
}

/** The code of the error that the work ends in; `none` when it succeeds. */
export async function codeOf(work: Promise<unknown>): Promise<StileError['code'] | 'none'> {
  return work.then(
    () => 'none',
    (error: StileError) => {
      if (error.name !== 'StileError') throw error;
      return error.code;
    },
  );
}

/** A browser's hash, as the device cookie's would be. */
export function browser(name: string): string {
  return createHash('sha256').update(name).digest('base64url');
}

/** Everything in the audit trail of a type, oldest first. */
export async function audited({ database }: FactorWorld, type: string): Promise<Record<string, unknown>[]> {
  const sql = 'SELECT * FROM "audit_event" WHERE "type" = $1 ORDER BY "id"';
  return (await database.db.query(sql, [type])).rows;
}
