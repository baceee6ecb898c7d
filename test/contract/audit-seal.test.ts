import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDatabase } from '../../src/infra/db.ts';
import { createLog } from '../../src/infra/log.ts';
import { type AuditWorld, auditWorld, eventOf, othersDone } from '../support/audit.ts';
import {
  noPostgres,
  type OpenTestDatabase,
  openEmbedded,
  openFreshDatabase,
  silent,
} from '../support/database.ts';
import { NOW } from '../support/rows.ts';
import { startStile } from '../support/stile.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe.skipIf(noPostgres)('the sealer', () => {
  let fresh: OpenTestDatabase;
  let world: AuditWorld;
  const clients: pg.Client[] = [];

  beforeEach(async () => {
    fresh = await openFreshDatabase();
    world = await auditWorld(fresh.db);
    return () => fresh.drop();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end();
  });

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: fresh.url });
    await client.connect();
    clients.push(client);
    return client;
  }

  const insert = async (client: pg.Client) => {
    const { id, at, type, outcome, data } = eventOf();
    const sql = `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "data") VALUES ($1, $2, $3, $4, $5)`;
    await client.query(sql, [id, at, type, outcome, data]);
    return id;
  };

  const order = async () =>
    (
      await fresh.db.query<{ id: string }>('SELECT "event_id" AS "id" FROM "audit_seal" ORDER BY "seq"')
    ).rows.map(({ id }) => id);

  test('seals every event once, in the order of transactions, whatever the size of its batches', async () => {
    const ids = await world.write(7);
    expect(await world.seal(NOW, 3)).toBe(7);
    expect(await world.seal()).toBe(0);
    ids.push(...(await world.write(2)));
    expect(await world.seal()).toBe(2);
    expect(await order()).toEqual(ids);
    expect(await world.verify()).toMatchObject({ sealed: 9, faults: 0, unsealed: { count: 0 } });
  });

  test('an event that was written earlier and commits later is not overtaken', async () => {
    const [early, late] = [await connect(), await connect()];
    await early.query('BEGIN');
    const first = await insert(early);
    await late.query('BEGIN');
    const second = await insert(late);
    await late.query('COMMIT');
    expect(await world.seal()).toBe(0);
    expect(await world.verify()).toMatchObject({ faults: 0, unsealed: { count: 1, oldest: NOW } });
    await early.query('COMMIT');
    expect(await world.seal()).toBe(2);
    expect(await order()).toEqual([first, second]);
  });

  test('what is rolled back is not waited for', async () => {
    const early = await connect();
    await early.query('BEGIN');
    await insert(early);
    const [id] = await world.write(1);
    await early.query('ROLLBACK');
    expect(await world.seal()).toBe(1);
    expect(await order()).toEqual([id]);
  });

  test('who writes never waits for the sealer, and the sealer never for who writes', async () => {
    const holder = await connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM "audit_sealer" FOR UPDATE');
    await world.write(2);
    expect(await world.seal()).toBe(0);
    await holder.query('ROLLBACK');
    const writer = await connect();
    await writer.query('BEGIN');
    await writer.query(`SELECT 1 FROM "audit_event" FOR UPDATE`);
    expect(await world.seal()).toBe(2);
  });

  test('a sealer whose connection is lost half-way leaves nothing behind, and the next one goes on', async () => {
    await world.write(3);
    const holder = await connect();
    holder.on('error', () => {});
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM "audit_sealer" FOR UPDATE');
    const { rows } = await holder.query('SELECT pg_backend_pid() AS "pid"');
    expect(await world.seal()).toBe(0);
    await fresh.db.query('SELECT pg_terminate_backend($1, 5000)', [rows[0].pid]);
    expect(await world.seal()).toBe(3);
    expect(await world.found()).toEqual([]);
  });

  test('an idle sealer writes nothing', async () => {
    await world.write(1);
    await world.seal();
    await world.seal();
    // Who wrote the sealer's row last, and who locked it last.
    const touched = async () =>
      (await fresh.db.query('SELECT "xmin"::text, "xmax"::text FROM "audit_sealer"')).rows;
    const before = await touched();
    await world.seal();
    expect(await touched()).toEqual(before);
  });

  test('one checkpoint an hour stays, and the newest', async () => {
    const hour = NOW - (NOW % 3600);
    for (const time of [hour, hour + 10, hour + 3599, hour + 3600, hour + 3700]) {
      await world.write(1);
      await world.seal(time);
    }
    const { rows } = await fresh.db.query('SELECT "seq" FROM "audit_checkpoint" ORDER BY "seq"');
    expect(rows).toEqual([{ seq: 3 }, { seq: 5 }]);
    expect(await world.found()).toEqual([]);
  });

  test('a database restored from a dump, where transactions are counted anew, goes on being sealed', async () => {
    const ids = await world.write(2);
    await world.seal();
    const far = '9000000000';
    await fresh.db.query('UPDATE "audit_sealer" SET "from_xid" = $1::xid8', [far]);
    // Written on the old server and not sealed there; and by the new one.
    const [old] = await world.write(1);
    await fresh.db.query('UPDATE "audit_event" SET "xid" = $1::xid8 WHERE "id" = $2', [far, old]);
    const [next] = await world.write(1);
    expect(await world.found()).toEqual([]);
    for (let round = 0; round < 3; round += 1) await world.seal();
    expect(await order()).toEqual([...ids, old, next]);
    expect(await world.verify()).toMatchObject({ sealed: 4, faults: 0, restores: 1, unsealed: { count: 0 } });
  });

  test('three processes write at once and commit out of order while the sealer runs: the chain holds', async () => {
    const writers = await Promise.all(['a', 'b', 'c'].map((name) => startWriter(fresh.url, name)));
    const other = await openDatabase({ url: fresh.url }, { log: silent });
    const second = await auditWorld(other);
    for (const writer of writers) writer.send('go');
    // They write until both sealers together have sealed something three times in the middle of it.
    for (let rounds = 0; rounds < 3; ) {
      const sealed = await Promise.all([world.seal(NOW, 20), second.seal(NOW, 20)]);
      rounds += sealed.some((count) => count > 0) ? 1 : 0;
    }
    const written = await Promise.all(writers.map(finish));
    while ((await world.seal()) > 0);
    await other.close();
    const sealed = written.reduce((sum, one) => sum + one, 0);
    expect(Math.min(...written)).toBeGreaterThan(0);
    expect(await world.verify()).toMatchObject({ sealed, faults: 0, unsealed: { count: 0 } });
    const { rows } = await fresh.db.query(`SELECT count(*) AS "n" FROM "audit_seal" a JOIN "audit_seal" b
      ON b."seq" = a."seq" + 1 WHERE b."event_id" < a."event_id"`);
    // They did come out of the order of their making.
    expect(rows[0]?.['n']).toBeGreaterThan(0);
  }, 120_000);

  async function startWriter(url: string, name: string): Promise<ChildProcess> {
    const writer = fork(here('../support/run-ts.mjs'), [here('../support/audit-writer.ts'), url, name]);
    await once(writer, 'message');
    return writer;
  }

  /** Ends a writer; how many events it wrote. */
  async function finish(writer: ChildProcess): Promise<number> {
    const said = once(writer, 'message');
    const ended = once(writer, 'exit');
    writer.send('enough');
    const [{ written }] = await said;
    await ended;
    return written;
  }

  test('runs in a server about once a second, is ended with it, and its faults are logged once', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const said: string[] = [];
    const log = createLog({ level: 'warn', to: { write: (line: string) => void said.push(line) } });
    const stile = await startStile({ log });
    const { db } = stile.core;
    const count = async () => (await db.query('SELECT count(*) AS "n" FROM "audit_seal"')).rows[0]?.['n'];
    const here = await auditWorld(db);
    try {
      await here.write(1);
      await othersDone(db);
      await vi.advanceTimersByTimeAsync(1000);
      await vi.waitFor(async () => expect(await count()).toBe(1));
      await db.query('ALTER TABLE "audit_sealer" RENAME TO "away"');
      for (let n = 0; n < 3; n += 1) {
        await vi.advanceTimersByTimeAsync(1000);
        await db.query('SELECT 1');
      }
      await vi.waitFor(() => expect(said.join()).toContain('sealing the audit failed'));
      await db.query('ALTER TABLE "away" RENAME TO "audit_sealer"');
      expect(said.filter((line) => line.includes('sealing the audit failed'))).toHaveLength(1);
      await here.write(1);
      await othersDone(db);
    } finally {
      vi.useRealTimers();
      await stile.running.stop();
    }
    const after = await openDatabase({ url: stile.database.url }, { log: silent });
    const { rows } = await after.query('SELECT count(*) AS "n" FROM "audit_seal"');
    await after.close();
    await stile.database.drop();
    expect(rows).toEqual([{ n: 2 }]);
  });
});

test('the embedded database seals, too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stile-audit-'));
  const db = await openEmbedded(folder);
  try {
    const world = await auditWorld(db);
    await world.write(3);
    expect(await world.seal()).toBe(3);
    expect(await world.verify()).toMatchObject({ sealed: 3, faults: 0 });
    await db.query(
      `UPDATE "audit_event" SET "outcome" = 'failure' WHERE "id" = (SELECT min("id") FROM "audit_event")`,
    );
    expect(await world.found()).toEqual(['event_changed']);
  } finally {
    await db.close();
    await rm(folder, { recursive: true });
  }
}, 90_000);
