/** What goes on in the background of a server: sealing the audit, and sending it on. Part of the composition root. */
import type { Core } from './app.ts';
import { createCheckpointKeys } from './infra/audit-keys.ts';
import { seal } from './infra/audit-sealer.ts';
import { fileSink, webhookSink } from './infra/audit-sink-kinds.ts';
import { type DelivererDeps, deliver, type Sink } from './infra/audit-sinks.ts';
import { checkpointLine, entryLine } from './services/audit-lines.ts';
import { parseCheckpoint } from './services/audit-trail.ts';
import type { CheckpointKeys } from './services/ports/audit.ts';

export function checkpointKeys({ keys }: Pick<Core, 'keys'>): CheckpointKeys {
  return createCheckpointKeys(keys.auditKeys, parseCheckpoint);
}

export interface AuditWork {
  seal(): Promise<number>;
  deliver(): Promise<void>;
}

export function auditWork(core: Core, webhookSecret: string | undefined): AuditWork {
  const now = core.clock.now;
  const keys = checkpointKeys(core);
  const deps: DelivererDeps = {
    db: core.db,
    log: core.log,
    now,
    holder: core.services.random.id(),
    sinks: sinksOf(core, webhookSecret),
    lineOf: (item) => (item.kind === 'entry' ? entryLine(item) : checkpointLine(item)),
  };
  return {
    seal: () => seal({ db: core.db, keys, now }),
    deliver: () => deliver(deps),
  };
}

function sinksOf({ config, clock }: Core, secret: string | undefined): Sink[] {
  return config.audit.sinks.flatMap(({ path, url }) => {
    if (path !== undefined) return [fileSink(path)];
    if (url === undefined) return [];
    return [webhookSink({ url, now: clock.now, ...(secret === undefined ? {} : { secret }) })];
  });
}
