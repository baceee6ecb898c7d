import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredDecision } from '../../src/domain/backtest/backtest.ts';
import { readDecisionFile, readDecisions, readMatches } from '../../src/infra/decision-log.ts';
import { createAuditStore } from '../../src/infra/stores/audit.ts';
import { decision } from '../domain/backtest/support.ts';
import { type AuditWorld, auditWorld, eventOf } from '../support/audit.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';
import { NOW, random } from '../support/rows.ts';

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

describe.skipIf(noPostgres)('recorded decisions', () => {
  let database: OpenTestDatabase;
  let world: AuditWorld;
  let folder: string;
  const ids: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stile-decisions-'));
    database = await openFreshDatabase();
    world = await auditWorld(database.db);
    const store = createAuditStore(database.db);
    // Several in a second, so that a page ends in the middle of one.
    for (const [index, type] of (
      ['authorization', 'token', 'decision', 'authorization', 'token'] as const
    ).entries()) {
      const event = eventOf({
        id: random.sortableId(),
        at: NOW + Math.floor(index / 3),
        type,
        data: { decision: { ...decision(), transaction: `t-${index}` } },
      } as Parameters<typeof eventOf>[0]);
      await store.append(event);
      ids.push(event.id);
    }
    await world.write(3, { at: NOW });
    await store.append(eventOf({ type: 'token', data: {} }));
    await store.append(eventOf({ type: 'token_reuse', data: { decision: decision() } }));
    await world.seal();
  });
  afterAll(async () => {
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  test.each([1, 2, 3, 100])('are read in order, each once, by pages of %d', async (page) => {
    const found = await all(readDecisions(database.db, {}, page));
    expect(found.map(({ id }) => id)).toEqual(ids);
    expect(found[0]).toMatchObject({
      at: NOW,
      type: 'authorization',
      accountId: 'ada',
      clientId: 'web',
      sessionUid: 'session',
      decision: { v: 1, transaction: 't-0' },
    });
    expect((await all(readMatches(database.db, {}, page))).map(({ transaction }) => transaction)).toEqual(
      ids.map((_, index) => `t-${index}`),
    );
  });

  test('are those from the first second to before the last', async () => {
    const found = async (since: number, until: number) =>
      (await all(readDecisions(database.db, { since, until }))).map(({ id }) => id);
    expect(await found(NOW, NOW + 1)).toEqual(ids.slice(0, 3));
    expect(await found(NOW + 1, NOW + 2)).toEqual(ids.slice(3));
    expect(await found(NOW + 2, NOW + 3)).toEqual([]);
  });

  test('of an export are the same', async () => {
    const path = join(folder, 'export.jsonl');
    writeFileSync(path, (await world.lines()).join(''));
    const fromFile = await all(readDecisionFile(path, {}, 2));
    const fromDatabase: StoredDecision[] = await all(readDecisions(database.db, {}));
    expect(fromDatabase).toMatchObject(fromFile.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  });

  test('a line that is none of an export is one that cannot be read; a file that is not there is an error', async () => {
    const path = join(folder, 'odd.jsonl');
    writeFileSync(path, '{"seal":{},"event":null}\n\nnot JSON\n[]\n{"event":{"id":1}}\n');
    expect(await all(readDecisionFile(path, {}))).toHaveLength(3);
    await expect(all(readDecisionFile(join(folder, 'none'), {}))).rejects.toThrow('ENOENT');
  });

  test('come by an index, in order of time, whatever else the audit holds', async () => {
    await database.db.query(
      `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "data")
       SELECT 'many-' || n, $1::bigint + n, 'authorization', 'success', '{}' FROM generate_series(1, 20000) n`,
      [NOW],
    );
    await database.db.query('ANALYZE "audit_event"');
    const { rows } = await database.db.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM "audit_event" WHERE ("at", "id") > ($1::bigint, $2::text) AND "at" < $3::bigint
       ORDER BY "at", "id" LIMIT 250`,
      [0, '', 2 * NOW],
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('audit_event_at_idx');
    expect(plan).toContain('Presorted Key: at');
  });
});
