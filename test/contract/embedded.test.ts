import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/infra/db.ts';
import { silent } from '../support/database.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Milliseconds; making an embedded database takes seconds, and much longer on a busy machine. */
const slow = 180_000;

describe('the embedded database', { timeout: slow }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stile-embedded-'));
    await (await open()).close();
  }, slow);
  afterAll(() => rm(folder, { recursive: true }));

  const open = () => openDatabase({ directory: folder }, { log: silent, purpose: 'test' });
  const notes = async (db: Database) => (await db.query('SELECT * FROM "note"')).rowCount;
  async function startWriter(): Promise<ChildProcess> {
    const writer = fork(here('../support/run-ts.mjs'), [here('../support/embedded-writer.ts'), folder]);
    await once(writer, 'message');
    return writer;
  }

  test('is refused to a second process, which is told whose it is, and free when that one is killed', async () => {
    const writer = await startWriter();
    await expect(open()).rejects.toMatchObject({ holder: { purpose: 'stile start', pid: writer.pid } });
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    const db = await open();
    expect(await notes(db)).toBe(1);
    await db.close();
  });

  test('is given back by closing it, and lets its process end', async () => {
    const writer = await startWriter();
    const ended = once(writer, 'exit');
    writer.send('close');
    expect(await ended).toEqual([0, null]);
    const db = await open();
    expect(await notes(db)).toBe(2);
    await db.close();
  });

  test('a lost connection leaves neither its transaction nor its statements to the next one', async () => {
    const db = await open();
    const client = await db.pool.connect();
    await client.query({ name: 'same', text: 'SELECT 1' });
    await client.query('BEGIN');
    await client.query(`INSERT INTO "note" VALUES ('lost')`);
    client.release(true);
    expect(await notes(db)).toBe(2);
    expect((await db.query('SELECT 2 AS two', [], 'same')).rows).toEqual([{ two: 2 }]);
    await db.close();
  });

  test('parallel transactions wait for one another on its one connection', async () => {
    const db = await open();
    const read = () => db.transaction(() => notes(db));
    expect(await Promise.all([read(), read(), notes(db), read()])).toEqual([2, 2, 2, 2]);
    await db.close();
  });
});
