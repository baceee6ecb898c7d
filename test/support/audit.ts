/** An audit in a database: events, the sealer, and what a verification finds. */
import { checkpointKeys } from '../../src/app-audit.ts';
import type { FindingKind } from '../../src/domain/audit-verify.ts';
import type { AuditEvent } from '../../src/domain/events.ts';
import { seal } from '../../src/infra/audit-sealer.ts';
import { createAuditTrail } from '../../src/infra/audit-trail.ts';
import type { Database } from '../../src/infra/db.ts';
import { loadServerKeys, type ServerKeys } from '../../src/infra/keys.ts';
import { createStores } from '../../src/infra/stores/index.ts';
import { exportLines, type TrailReport, verifyLines, verifyTrail } from '../../src/services/audit-trail.ts';
import { testVault } from './database.ts';
import { NOW, random } from './rows.ts';

export const RETENTION = { security: 10, decision: 1, change: 100 } as const;

export interface AuditWorld {
  readonly db: Database;
  readonly keys: ServerKeys;
  /** Writes events, each in a transaction of its own; returns their ids. */
  write(count: number, changes?: Partial<AuditEvent>): Promise<string[]>;
  /** Seals what there is, at this time. */
  seal(now?: number, batch?: number): Promise<number>;
  verify(options?: VerifyOptions): Promise<TrailReport>;
  /** The kinds of what a verification finds, each once. */
  found(options?: VerifyOptions): Promise<FindingKind[]>;
  checkpoint(): Promise<string>;
  /** Lines of an export. */
  lines(selection?: Parameters<typeof exportLines>[1]['selection'], now?: number): Promise<string[]>;
  verifyLines(lines: readonly string[], options?: VerifyOptions): Promise<TrailReport>;
}

interface VerifyOptions {
  readonly now?: number;
  readonly anchors?: readonly string[];
  readonly signed?: boolean;
}

export function eventOf(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    id: random.sortableId(),
    at: NOW,
    type: 'attempt',
    outcome: 'success',
    accountId: 'ada',
    clientId: 'web',
    sessionUid: 'session',
    correlationId: 'request',
    data: { method: 'password', stepUp: false, credential: 'c1' },
    ...changes,
  } as AuditEvent;
}

/**
 * What other databases of the same server were writing when the newest event here was written is over: their transactions
 * hold the sealer back as one's own would, and tests share a server.
 */
export async function othersDone(db: Database): Promise<void> {
  const newest = await db.query<{ xid: string }>(
    `SELECT coalesce(max("xid")::text::bigint % 4294967296, 0)::text AS "xid" FROM "audit_event"`,
  );
  for (;;) {
    const { rows } = await db.query<{ held: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE "datname" IS DISTINCT FROM current_database()
         AND "backend_xid"::text::bigint <= $1::bigint) AS "held"`,
      [newest.rows[0]?.xid],
    );
    if (rows[0]?.held !== true) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function auditWorld(db: Database, known?: ServerKeys): Promise<AuditWorld> {
  const stores = createStores(db, testVault);
  const keys = known ?? (await loadServerKeys({ db, vault: testVault, now: NOW }));
  const checkpoints = checkpointKeys({ keys });
  const trail = createAuditTrail(db, 7);
  const inputOf = ({ now = NOW, anchors = [], signed = true }: VerifyOptions = {}) => ({
    retention: RETENTION,
    now,
    anchors,
    keys: signed ? checkpoints : undefined,
  });
  const world: AuditWorld = {
    db,
    keys,
    write: async (count, changes) => {
      const events = Array.from({ length: count }, () => eventOf(changes));
      for (const event of events) await stores.audit.append(event);
      return events.map(({ id }) => id);
    },
    seal: async (now = NOW, batch = 1000) => {
      await othersDone(db);
      return seal({ db, keys: checkpoints, now: () => now, batch });
    },
    verify: (options) => verifyTrail(trail, inputOf(options)),
    found: async (options) => [...new Set((await world.verify(options)).findings.map(({ kind }) => kind))],
    checkpoint: async () => (await trail.newest())?.jws ?? '',
    lines: async (selection = {}, now = NOW) =>
      all(exportLines(trail, { selection, issuer: 'https://id.example.com', now, retention: RETENTION })),
    verifyLines: (lines, options) => verifyLines(each(lines), inputOf(options)),
  };
  return world;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield line.trimEnd();
}
