/**
 * The composition root: the only file that joins the layers. Nothing here decides anything.
 */

import { type AuditWork, auditWork } from './app-audit.ts';
import { composeHttp, type Http } from './app-http.ts';
import type { Config, Secrets } from './config/schema.ts';
import type { Level } from './domain/ladder.ts';
import { catalogueLetters } from './http/letters.ts';
import { createTranslator, en } from './http/messages.ts';
import { clockFault, followDatabaseClock } from './infra/database-clock.ts';
import { type Database, openDatabase } from './infra/db.ts';
import { loadServerKeys, type ServerKeys } from './infra/keys.ts';
import { createLog, type Logger } from './infra/log.ts';
import { createOutbox, createSmtpMailer, type Outbox } from './infra/mailer.ts';
import { migrate } from './infra/migrate.ts';
import { purge, purgeAudit } from './infra/purge.ts';
import { createStores, type Stores } from './infra/stores/index.ts';
import { createClock, createPasswordHasher, createRandom, type SystemClock } from './infra/system.ts';
import { createVault } from './infra/vault.ts';
import type { AssuranceDeps } from './services/assurance.ts';
import { enrolmentOffers } from './services/change-gate.ts';
import { demandTable } from './services/demands.ts';
import type { Deps } from './services/deps.ts';
import { createJudge } from './services/factors/judge.ts';

export interface AppInput {
  readonly config: Config;
  readonly secrets: Secrets;
  /** Of the configuration; written on every assurance record. */
  readonly version: string;
  /** What holds the embedded database, for whoever finds it locked. */
  readonly purpose?: string;
  readonly log?: Logger;
}

/** The services without HTTP: what the command line uses too. */
export interface Core {
  readonly config: Config;
  readonly db: Database;
  readonly clock: SystemClock;
  readonly log: Logger;
  readonly stores: Stores;
  readonly services: Deps;
  readonly assurance: AssuranceDeps;
  readonly keys: ServerKeys;
  /** The demo's mail. */
  readonly outbox: Outbox | undefined;
  close(): Promise<void>;
}

/** Opens the database, applies migrations, loads the keys, and joins stores and services. */
export async function createCore(input: AppInput): Promise<Core> {
  const { config, secrets } = input;
  const log = input.log ?? createLog({ level: config.log.level });
  const db = await openDatabase(
    secrets.databaseUrl ? { url: secrets.databaseUrl } : { directory: config.dataDirectory },
    { log, ...(input.purpose ? { purpose: input.purpose } : {}) },
  );
  try {
    await migrate(db);
    return await joinCore(input, log, db);
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function joinCore(input: AppInput, log: Logger, db: Database): Promise<Core> {
  const { config, secrets } = input;
  const clock = createClock();
  await followClock(log, db, clock);
  const vault = createVault(secrets.keys);
  const stores = createStores(db, vault);
  const outbox = secrets.smtpUrl ? undefined : createOutbox(clock);
  const smtp = secrets.smtpUrl
    ? createSmtpMailer({ url: secrets.smtpUrl, from: config.mail.from })
    : undefined;
  const mailer = smtp ?? outbox;
  if (!mailer) throw new Error('there is neither an SMTP server nor an outbox');
  const levels = config.levels as readonly Level[];
  const judge = createJudge(config);
  const services: Deps = {
    ...stores,
    unitOfWork: stores.transactions,
    transactions: stores.authTransactions,
    clock,
    random: createRandom(),
    hasher: createPasswordHasher(config.factors.password),
    vault,
    mailer,
    letters: catalogueLetters(createTranslator(en), config.name),
    log,
    judge,
    levels,
    settings: config,
  };
  const assurance: AssuranceDeps = {
    clock,
    random: services.random,
    facts: stores.facts,
    credentials: stores.credentials,
    judge,
    offers: (facts) => enrolmentOffers({ judge, levels, settings: config }, facts),
    levels,
    demands: demandTable(config),
    configVersion: input.version,
  };
  const keys = await loadServerKeys({ db, vault, now: clock.now() });
  return {
    config,
    db,
    clock,
    log,
    stores,
    services,
    assurance,
    keys,
    outbox,
    close: async () => {
      smtp?.close();
      await db.close();
    },
  };
}

async function followClock(log: Logger, db: Database, clock: SystemClock): Promise<void> {
  const offset = await followDatabaseClock(db, clock);
  const fault = clockFault(offset);
  if (fault !== undefined) log.error({ offset }, fault);
}

/** A running server's parts: its request handler, and how to end it. */
export interface App extends Http {
  readonly core: Core;
  /** Deletes what has expired, and sets the clock by the database's; called now and then. */
  purge(): Promise<void>;
  /** Seals the audit and sends it on; called about once a second. */
  readonly audit: AuditWork;
  close(): Promise<void>;
}

export async function createApp(input: AppInput): Promise<App> {
  const core = await createCore(input);
  try {
    const http = await composeHttp(core);
    return {
      ...http,
      core,
      purge: async () => {
        await followClock(core.log, core.db, core.clock);
        const now = core.clock.now();
        const counts = await purge(core.db, { now });
        const { retention } = core.config.audit;
        core.log.debug(
          { counts: { ...counts, ...(await purgeAudit(core.db, retention, { now })) } },
          'purged',
        );
      },
      audit: auditWork(core, input.secrets.auditWebhookSecret),
      close: () => core.close(),
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}
