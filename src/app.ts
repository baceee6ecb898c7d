/**
 * The composition root: the only file that joins the layers. Nothing here decides anything.
 */

import { type AuditWork, auditWork } from './app-audit.ts';
import { composeHttp, type Http } from './app-http.ts';
import { type LoadedPolicy, readText } from './config/load.ts';
import { emptyPolicy, requirePolicy } from './config/policy/load.ts';
import type { Config, Secrets } from './config/schema.ts';
import { StileError } from './domain/errors.ts';
import type { Level } from './domain/ladder.ts';
import { catalogueLetters } from './http/letters.ts';
import { createTranslator, en } from './http/messages.ts';
import { clockFault, followDatabaseClock } from './infra/database-clock.ts';
import type { Database } from './infra/db.ts';
import { loadServerKeys, type ServerKeys } from './infra/keys.ts';
import { createLog, type Logger } from './infra/log.ts';
import { createOutbox, createSmtpMailer, type Outbox } from './infra/mailer.ts';
import { openMigrated } from './infra/migrate.ts';
import { type FollowedNetwork, openNetwork } from './infra/network.ts';
import { purge, purgeAudit } from './infra/purge.ts';
import { createStores, type Stores } from './infra/stores/index.ts';
import { createClock, createPasswordHasher, createRandom, type SystemClock } from './infra/system.ts';
import { createVault } from './infra/vault.ts';
import type { AssuranceDeps } from './services/assurance.ts';
import { createBackground } from './services/background.ts';
import { enrolmentOffers } from './services/change-gate.ts';
import { demandTable } from './services/demands.ts';
import type { Deps } from './services/deps.ts';
import { createJudge } from './services/factors/judge.ts';
import { createPolicyHolder, type PolicyHolder } from './services/policies.ts';
import { isRemembered as recognises } from './services/remembered-devices.ts';
import { createAddressKeys, createOverallCounts } from './services/risk.ts';

export interface AppInput {
  readonly config: Config;
  readonly secrets: Secrets;
  /** Of the configuration; written on every assurance record. */
  readonly version: string;
  /** Of the file that the configuration names, if it names one. */
  readonly policy?: LoadedPolicy;
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
  readonly policy: PolicyHolder;
  readonly network: FollowedNetwork;
  /** The demo's mail. */
  readonly outbox: Outbox | undefined;
  close(): Promise<void>;
}

/** Opens the database, applies migrations, loads the keys, and joins stores and services. */
export async function createCore(input: AppInput): Promise<Core> {
  const { config, secrets } = input;
  const log = input.log ?? createLog({ level: config.log.level });
  const db = await openMigrated(
    secrets.databaseUrl ? { url: secrets.databaseUrl } : { directory: config.dataDirectory },
    { log, ...(input.purpose ? { purpose: input.purpose } : {}) },
  );
  try {
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
    ? await createSmtpMailer({ url: secrets.smtpUrl, from: config.mail.from })
    : undefined;
  const mailer = smtp ?? outbox;
  if (!mailer) throw new Error('there is neither an SMTP server nor an outbox');
  const levels = config.levels as readonly Level[];
  const judge = createJudge(config);
  const policy = holdPolicy(input, log, stores);
  await policy.poll();
  const transactions = stores.authTransactions;
  const random = createRandom();
  const network = await openNetwork(config.network, log);
  const overall = createOverallCounts({ clock, signIns: stores.signIns });
  const addressKeys = createAddressKeys(vault);
  const risk = { clock, random, addressKeys, network, signIns: stores.signIns, overall };
  const asking = { policy, risk };
  const isRemembered: Deps['isRemembered'] = (accountId, device) =>
    recognises({ ...stores, clock }, accountId, device);
  const background = createBackground(log);
  const services: Deps = {
    ...stores,
    ...asking,
    unitOfWork: stores.transactions,
    transactions,
    clock,
    random,
    isRemembered,
    hasher: createPasswordHasher(config.factors.password),
    vault,
    mailer,
    letters: catalogueLetters(createTranslator(en), config.name),
    log,
    background,
    judge,
    levels,
    settings: config,
  };
  const assurance: AssuranceDeps = {
    ...asking,
    transactions,
    clock,
    random,
    isRemembered,
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
    policy,
    network,
    outbox,
    close: async () => {
      await background.settled();
      smtp?.close();
      await db.close();
    },
  };
}

function holdPolicy({ config, policy }: AppInput, log: Logger, { policies }: Stores): PolicyHolder {
  if (config.policy.file !== undefined && !policy) throw new Error('the policy file was not loaded');
  const levels = config.levels as readonly Level[];
  return createPolicyHolder({
    versions: policies,
    log,
    load: (text, file) => requirePolicy(text, { levels, file }),
    empty: emptyPolicy,
    ...(policy
      ? { file: { name: policy.file, first: policy, read: async () => readText(policy.file) } }
      : {}),
  });
}

async function followClock(log: Logger, db: Database, clock: SystemClock): Promise<void> {
  const offset = await followDatabaseClock(db, clock);
  const fault = clockFault(offset);
  if (fault !== undefined) log.error({ offset }, fault);
}

/** A running server's parts: its request handler, and how to end it. */
export interface App extends Http {
  readonly core: Core;
  /** Deletes what has expired, sets the clock by the database's, and looks for what has changed; called now and then. */
  purge(): Promise<void>;
  /** Seals the audit and sends it on; called about once a second. */
  readonly audit: AuditWork;
  close(): Promise<void>;
}

export async function createApp(input: AppInput): Promise<App> {
  const core = await createCore(input);
  try {
    const detail = core.policy.fault();
    if (detail !== undefined) throw new StileError('policy_unavailable', { detail });
    const { clock, log, network } = core;
    const { risk } = core.services;
    await risk.overall.refresh();
    const http = await composeHttp(core);
    return {
      ...http,
      core,
      purge: async () => {
        await followClock(log, core.db, clock);
        const now = clock.now();
        const history = core.config.risk.historyDays * 86_400;
        const counts = await purge(core.db, { now, history });
        const { retention } = core.config.audit;
        log.debug({ counts: { ...counts, ...(await purgeAudit(core.db, retention, { now })) } }, 'purged');
        await network.refresh();
        await risk.overall.refresh();
      },
      audit: auditWork(core, input.secrets.auditWebhookSecret),
      close: () => core.close(),
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}
