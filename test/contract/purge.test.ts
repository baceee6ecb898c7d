import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openDatabase } from '../../src/infra/db.ts';
import { purge } from '../../src/infra/purge.ts';
import { createStores, type Stores } from '../../src/infra/stores/index.ts';
import {
  noPostgres,
  type OpenTestDatabase,
  openFreshDatabase,
  silent,
  testVault,
} from '../support/database.ts';
import {
  addAccount,
  addArtifact,
  addSession,
  NOW,
  proofOf,
  random,
  recordOf,
  remaining,
} from '../support/rows.ts';
import { startStile } from '../support/stile.ts';

describe.skipIf(noPostgres)('the purge', () => {
  let fresh: OpenTestDatabase;
  let stores: Stores;
  let accountId: string;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
    stores = createStores(fresh.db, testVault);
    accountId = await addAccount(stores);
  });
  afterAll(() => fresh.drop());

  test('deletes what has expired, on its second, and keeps what has not', async () => {
    const { db } = fresh;
    const rows = [NOW, NOW + 1].map(async (expiresAt) => ({
      artifact: await addArtifact(db, { expiresAt }),
      session: await addSession(db, { uid: random.id(), accountId, expiresAt }),
      proof: await addProof(expiresAt),
      assurance_record: await addRecord(expiresAt),
    }));
    const [gone, kept] = await Promise.all(rows);
    const counts = await purge(db, { now: NOW });
    expect(counts).toMatchObject({ artifact: 1, session: 1, proof: 1, assurance_record: 1 });
    for (const table of ['artifact', 'session', 'proof', 'assurance_record'] as const) {
      const key = table === 'session' ? 'uid' : 'id';
      expect(await remaining(db, table, [gone?.[table] ?? '', kept?.[table] ?? ''], key)).toEqual([
        kept?.[table],
      ]);
    }
  });

  test('keeps a record as long as a live token rests on it', async () => {
    const { db } = fresh;
    const record = await addRecord(NOW);
    const tokens = [NOW + 5, NOW + 10];
    for (const expiresAt of tokens) await addArtifact(db, { recordId: record, expiresAt });
    expect(await purge(db, { now: NOW + 9 })).toMatchObject({ artifact: 2, assurance_record: 1 });
    expect(await remaining(db, 'assurance_record', [record])).toEqual([record]);
    await purge(db, { now: NOW + 10 });
    expect(await remaining(db, 'assurance_record', [record])).toEqual([]);
  });

  test('goes in small batches, and leaves to the next time what is too much for one', async () => {
    const { db } = fresh;
    for (let n = 0; n < 25; n += 1) await addArtifact(db, { expiresAt: NOW });
    expect(await purge(db, { now: NOW, batch: 4, batches: 3 })).toMatchObject({ artifact: 12 });
    expect(await purge(db, { now: NOW, batch: 4 })).toMatchObject({ artifact: 13 });
  });

  test('waits for no row that a request has locked', async () => {
    const { db, url } = fresh;
    const uid = await addSession(db, { uid: random.id(), accountId, expiresAt: NOW });
    const other = await openDatabase({ url }, { log: silent });
    await other.transaction(async () => {
      await other.query('SELECT 1 FROM "session" WHERE "uid" = $1 FOR UPDATE', [uid]);
      expect(await purge(db, { now: NOW })).toMatchObject({ session: 0 });
    });
    await other.close();
    expect(await purge(db, { now: NOW })).toMatchObject({ session: 1 });
  });

  test('forgets a bucket that is empty or whose failures are long past, and none that is shut', async () => {
    const { throttle } = stores;
    const limit = { attempts: 10, window: 60, consecutive: 2 };
    const day = 24 * 3600;
    const [empty, past, shut] = [random.id(), random.id(), random.id()];
    for (const bucket of [empty, past, shut, shut]) await throttle.take(bucket, limit, NOW);
    await throttle.succeed(empty, NOW);
    const left = () => remaining(fresh.db, 'throttle', [empty, past, shut], 'bucket');
    await purge(fresh.db, { now: NOW });
    expect(await left()).toEqual([past, shut]);
    await purge(fresh.db, { now: NOW + 89 * day });
    expect(await left()).toEqual([past, shut]);
    await purge(fresh.db, { now: NOW + 10_000 * day });
    expect(await left()).toEqual([shut]);
  });

  test('is done every minute by a server that runs', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const stile = await startStile();
    try {
      const { db, clock } = stile.core;
      const id = await addArtifact(db, { expiresAt: clock.now() - 1 });
      await vi.advanceTimersByTimeAsync(59_000);
      expect(await remaining(db, 'artifact', [id])).toEqual([id]);
      await vi.advanceTimersByTimeAsync(1_000);
      await vi.waitFor(async () => expect(await remaining(db, 'artifact', [id])).toEqual([]));
    } finally {
      vi.useRealTimers();
      await stile.stop();
    }
  });

  async function addProof(expiresAt: number): Promise<string> {
    const proof = proofOf(accountId, { expiresAt });
    await stores.proofs.add(proof);
    return proof.id;
  }

  async function addRecord(expiresAt: number): Promise<string> {
    const record = recordOf(accountId, { expiresAt });
    await stores.records.add(record);
    return record.id;
  }
});
