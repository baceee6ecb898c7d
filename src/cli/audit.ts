/** `stile audit verify`, `checkpoint`, `keys` and `export`. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Core } from '../app.ts';
import type { Checkpoint } from '../domain/audit-chain.ts';
import { StileError } from '../domain/errors.ts';
import type { TrailReport, VerifyInput } from '../services/audit-trail.ts';
import { reportLines } from './audit-report.ts';
import { type DatabaseCommand, perform, performHere } from './database-command.ts';
import { CommandError, UsageError } from './failures.ts';
import { type ConfigFile, load } from './load.ts';
import { timeOf } from './span.ts';
import type { Terminal } from './terminal.ts';

export interface VerifyOptions extends ConfigFile {
  /** An export, instead of the database. */
  readonly export?: string;
  /** Public keys, as `stile audit keys` prints them; for an export. */
  readonly keys?: string;
  /** Checkpoints kept elsewhere: themselves, or a file with one on each line. */
  readonly anchor?: string;
}

/** 0: nothing wrong was found; 1: something was. */
export async function auditVerify(terminal: Terminal, options: VerifyOptions): Promise<number> {
  const anchors = options.anchor === undefined ? [] : readAnchors(options.anchor);
  if (options.keys !== undefined && options.export === undefined)
    throw new UsageError('--keys is for --file: with the database its own are used');
  const progress = (count: number) => terminal.progress(`${count.toLocaleString('en')} events …`);
  const report =
    options.export === undefined
      ? ((await perform(load(options), verifyCommand(progress), anchors)) as TrailReport)
      : await verifyFile(options.export, { ...options, anchors, progress });
  terminal.progress('');
  for (const line of reportLines(report, { anchored: anchors.length > 0, now: await timeNow() }))
    terminal.out(line);
  return report.faults === 0 ? 0 : 1;
}

async function timeNow(): Promise<number> {
  const { createClock } = await import('../infra/system.ts');
  return createClock().now();
}

function readAnchors(anchor: string): string[] {
  const text = existsSync(anchor) ? readFileSync(anchor, 'utf8') : anchor;
  return text.split(/\s+/).filter((each) => each !== '');
}

/** Verifies the chain in the database of `core`. The input: anchors. */
export function verifyCommand(progress: (count: number) => void = () => {}): DatabaseCommand {
  return {
    name: 'audit.verify',
    run: async (core, input) => {
      const { verifyTrail } = await import('../services/audit-trail.ts');
      const { checkpointKeys } = await import('../app-audit.ts');
      const { createAuditTrail } = await import('../infra/audit-trail.ts');
      if (!Array.isArray(input)) throw new StileError('bad_request');
      return verifyTrail(createAuditTrail(core.db), {
        retention: core.config.audit.retention,
        now: core.clock.now(),
        anchors: input.map(String),
        keys: checkpointKeys(core),
        progress,
      });
    },
  };
}

type FileOptions = Pick<VerifyInput, 'anchors'> & { readonly keys?: string } & {
  readonly progress: (count: number) => void;
};

/** Without a database and without a configuration. */
async function verifyFile(path: string, { keys, anchors, progress }: FileOptions): Promise<TrailReport> {
  const { verifyLines } = await import('../services/audit-trail.ts');
  const { audit } = await import('../config/schema-audit.ts');
  if (!existsSync(path)) throw new CommandError(`${path} cannot be read`);
  const lines = createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  return verifyLines(lines, {
    retention: audit.parse({}).retention,
    now: await timeNow(),
    anchors,
    keys: keys === undefined ? undefined : { verify: await keysFrom(keys) },
    progress,
  });
}

async function keysFrom(path: string): Promise<(jws: string) => Promise<Checkpoint | undefined>> {
  const { verifierOf } = await import('../infra/audit-keys.ts');
  const { parseCheckpoint } = await import('../services/audit-trail.ts');
  try {
    return verifierOf(JSON.parse(readFileSync(path, 'utf8')), parseCheckpoint);
  } catch {
    throw new CommandError(`${path} is no key set; \`stile audit keys\` prints one`);
  }
}

/** Prints the newest signed checkpoint. */
export async function auditCheckpoint(terminal: Terminal, options: ConfigFile): Promise<number> {
  const jws = await perform(load(options), checkpointCommand, null);
  if (jws === null) throw new CommandError('nothing has been sealed yet');
  terminal.out(String(jws));
  return 0;
}

export const checkpointCommand: DatabaseCommand = {
  name: 'audit.checkpoint',
  run: async ({ db }) => {
    const { createAuditTrail } = await import('../infra/audit-trail.ts');
    return (await createAuditTrail(db).newest())?.jws ?? null;
  },
};

/** Prints the public keys that checkpoints are verified with. */
export async function auditKeys(terminal: Terminal, options: ConfigFile): Promise<number> {
  terminal.out(JSON.stringify(await perform(load(options), keysCommand, null), null, 2));
  return 0;
}

export const keysCommand: DatabaseCommand = {
  name: 'audit.keys',
  run: async ({ keys }) => (await import('../infra/audit-keys.ts')).publicKeys(keys.auditKeys),
};

export interface ExportOptions extends ConfigFile {
  readonly since?: string;
  readonly until?: string;
  readonly person?: string;
  readonly format: string;
}

/** Streams to standard output, from the database itself: what a running process holds is exported when it has stopped. */
export async function auditExport(terminal: Terminal, options: ExportOptions): Promise<number> {
  const { format } = options;
  if (format !== 'jsonl' && format !== 'ocsf') throw new UsageError('--format is jsonl or ocsf');
  const run = (core: Core) => exportFrom(terminal, core, { ...options, format });
  await performHere(load(options), { name: 'audit.export', run }, null);
  terminal.progress('');
  return 0;
}

async function exportFrom(
  terminal: Terminal,
  core: Core,
  options: ExportOptions & { readonly format: 'jsonl' | 'ocsf' },
): Promise<void> {
  const { exportEvents, exportLines } = await import('../services/audit-trail.ts');
  const { createAuditTrail } = await import('../infra/audit-trail.ts');
  const trail = createAuditTrail(core.db);
  const now = core.clock.now();
  const selection = { ...timesOf(options, now), ...(await personOf(core, options)) };
  const { issuer, audit } = core.config;
  let count = 0;
  const write = async (line: string) => {
    await terminal.stream(line);
    count += 1;
    if (count % 1000 === 0) terminal.progress(`${count.toLocaleString('en')} lines …`);
  };
  if (options.format === 'jsonl') {
    for await (const line of exportLines(trail, { selection, issuer, now, retention: audit.retention }))
      await write(line);
    return;
  }
  const { toOcsf } = await import('../domain/ocsf.ts');
  const product = await packageVersion();
  for await (const { event, seal } of exportEvents(trail, selection))
    await write(`${JSON.stringify(toOcsf(event, { product, seq: seal.seq }))}\n`);
}

async function packageVersion(): Promise<string> {
  const { packageRoot } = await import('../infra/package-root.ts');
  return (JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as { version: string }).version;
}

function timesOf({ since, until }: ExportOptions, now: number): { since?: number; until?: number } {
  return {
    ...(since === undefined ? {} : { since: timeOf('since', since, now) }),
    ...(until === undefined ? {} : { until: timeOf('until', until, now) }),
  };
}

async function personOf(core: Core, { person }: ExportOptions): Promise<{ accountId?: string }> {
  if (person === undefined) return {};
  const { findAccount } = await import('../services/accounts.ts');
  const account = await findAccount(core.services, person);
  if (!account) throw new CommandError(`there is no account "${person}"`);
  return { accountId: account.id };
}
