import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clockFault, followDatabaseClock } from '../../src/infra/database-clock.ts';
import { type Database, openDatabase } from '../../src/infra/db.ts';
import { createPrisma } from '../../src/infra/prisma.ts';
import { createClock } from '../../src/infra/system.ts';
import { freshDatabase, noPostgres, silent, type TestDatabase } from '../support/database.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

/** Something to wait for, and what ends the waiting. */
function gateway(): { passed: Promise<void>; open: () => void } {
  const gate = { open: () => {} };
  const passed = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  return { passed, open: () => gate.open() };
}

/** A way to a database that can be made to swallow all that is sent, its connections left open. */
async function network(url: string) {
  const { hostname, port, searchParams, pathname } = new URL(url);
  const folder = searchParams.get('host');
  const database = folder
    ? { path: `${folder}/.s.PGSQL.5432` }
    : { host: hostname, port: Number(port || 5432) };
  const sockets: Socket[] = [];
  let open = true;
  const server = createServer((near) => {
    const far = connect(database as { path: string });
    sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => void (open && to.write(bytes)));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `postgresql://postgres@127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    swallow: (is: boolean) => {
      open = !is;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe.skipIf(noPostgres)('the database', () => {
  let fresh: TestDatabase;
  let db: Database;

  beforeAll(async () => {
    fresh = await freshDatabase('empty');
    db = await openDatabase({ url: fresh.url }, { log: silent, connections: 4, statementTimeout: 1000 });
    await db.query('CREATE TABLE "note" ("id" INT PRIMARY KEY, "text" TEXT)');
  });
  afterAll(async () => {
    await db.close();
    await fresh.drop();
  });

  const count = async () => (await db.query<{ n: number }>('SELECT count(*) AS n FROM "note"')).rows[0]?.n;
  const write = (id: number) => db.query('INSERT INTO "note" VALUES ($1, $2)', [id, 'x'], 'write');

  test('int8 is a number here, and stays what it was for other users of pg', async () => {
    const { rows } = await db.query<{ n: number }>('SELECT 1800000000::int8 AS n');
    expect(rows[0]?.n).toBe(1_800_000_000);
    const { default: pg } = await import('pg');
    expect(pg.types.getTypeParser(20, 'text')('1')).toBe('1');
  });

  test('rule 10: processes whose clocks differ agree with the database’s, and so with one another', async () => {
    const clocks = [-3_600_000, 0, 90_000].map((wrong) => createClock(() => Date.now() + wrong));
    for (const clock of clocks) await followDatabaseClock(db, clock);
    const [slow = 0, right = 0, fast = 0] = clocks.map((clock) => clock.milliseconds());
    expect(Math.max(Math.abs(slow - right), Math.abs(fast - right))).toBeLessThan(30_000);
    await expect(
      followDatabaseClock(
        db,
        createClock(() => 0),
      ),
    ).resolves.toBeGreaterThan(1.7e12);
  });

  test('rule 10: ten seconds off may serve, more may not', () => {
    expect([clockFault(10_000), clockFault(-10_000), clockFault(0)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(clockFault(10_001)).toBe("the clock of this process is 11 seconds behind the database's");
    expect(clockFault(-10_001)).toBe("the clock of this process is 11 seconds ahead of the database's");
  });

  test('a transaction commits as one, and leaves nothing when its work throws', async () => {
    const before = await count();
    await expect(
      db.transaction(async () => {
        await write(1);
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await count()).toBe(before);
    await db.transaction(() => Promise.all([write(2), write(3), write(4)]));
    expect(await count()).toBe((before ?? 0) + 3);
  });

  test('the last statement of a transaction commits with it, and is a transaction by itself where it is the only one', async () => {
    const before = (await count()) ?? 0;
    const last = (id: number) => db.last('INSERT INTO "note" VALUES ($1, $2)', [id, 'x'], 'write');
    await db.transaction(() => last(30));
    expect(await count()).toBe(before + 1);
    const failed = db.transaction(async () => {
      await write(31);
      await last(32);
      throw new Error('after the last one');
    });
    await expect(failed).rejects.toThrow('after the last one');
    expect(await count()).toBe(before + 1);
    const late = db.transaction(async () => {
      await last(33);
      await write(34);
    });
    await expect(late).rejects.toThrow('after its transaction had ended');
  });

  test('a transaction that asks nothing takes no connection', async () => {
    const { totalCount, idleCount } = db.pool;
    await db.transaction(async () => {
      expect(db.pool.totalCount - db.pool.idleCount).toBe(totalCount - idleCount);
    });
  });

  test('a transaction within a transaction is the same one', async () => {
    const before = await count();
    const outer = db.transaction(async () => {
      await db.transaction(() => write(10));
      throw new Error('after the inner one');
    });
    await expect(outer).rejects.toThrow('after the inner one');
    expect(await count()).toBe(before);
  });

  test('a statement’s swallowed failure is not a commit', async () => {
    await write(20);
    const swallowed = db.transaction(async () => {
      await write(21);
      await write(20).catch(() => {});
    });
    await expect(swallowed).rejects.toThrow('rolled back');
    expect((await db.query('SELECT 1 FROM "note" WHERE "id" = 21')).rowCount).toBe(0);
  });

  test('inside a transaction every other use of the pool throws, at once', async () => {
    const prisma = createPrisma(db);
    const uses = {
      query: () => db.pool.query('SELECT 1'),
      connect: () => db.pool.connect(),
      callback: () =>
        new Promise((resolve, reject) => {
          db.pool.connect((error, client) => (error ? reject(error) : resolve(client)));
        }),
      prisma: () => prisma.client.findMany(),
      'prisma transaction': () => prisma.$transaction([prisma.client.findMany()]),
    };
    await db.transaction(async () => {
      for (const [name, use] of Object.entries(uses)) {
        await expect(use(), name).rejects.toThrow('the pool was used inside a transaction');
      }
    });
    expect((await db.pool.query('SELECT 1')).rowCount).toBe(1);
  });

  test('every connection taken, a transaction’s own statements still go through', async () => {
    const work = Array.from({ length: 12 }, (_, n) =>
      db.transaction(async () => {
        await db.query('SELECT 1');
        await write(100 + n);
      }),
    );
    await Promise.all(work);
    expect((await db.query('SELECT 1 FROM "note" WHERE "id" >= 100')).rowCount).toBe(12);
  });

  test('work that outlives its transaction cannot write', async () => {
    const gate = gateway();
    const late: Promise<unknown>[] = [];
    await db.transaction(async () => {
      late.push(gate.passed.then(() => write(200)));
    });
    gate.open();
    await expect(late[0]).rejects.toThrow('after its transaction had ended');
  });

  test('a statement that takes too long ends as unavailable, and the connection serves on', async () => {
    const slow = db.query('SELECT pg_sleep(30)');
    await expect(slow).rejects.toMatchObject({ code: 'unavailable', status: 503, retryAfter: 2 });
    expect((await db.query('SELECT 1')).rowCount).toBe(1);
  });

  test('a network that swallows what is sent makes it unavailable, and another connection serves', async () => {
    const way = await network(fresh.url);
    const lost: string[] = [];
    const log = { warn: (_facts: object, message: string) => void lost.push(message) };
    const far = await openDatabase({ url: way.url }, { log, connections: 1, statementTimeout: 300 });
    expect((await far.query('SELECT 1')).rowCount).toBe(1);
    // Its connection is silent for longer than that, as it has nothing to say.
    await db.query('SELECT pg_sleep(0.8)');
    expect(lost).toEqual([]);
    way.swallow(true);
    await expect(far.query('SELECT 1')).rejects.toMatchObject({ code: 'unavailable', retryAfter: 2 });
    way.swallow(false);
    expect((await far.query('SELECT 1')).rowCount).toBe(1);
    const interrupted = far.transaction(async () => {
      await far.query('SELECT 1');
      way.swallow(true);
      await far.query('SELECT 1');
    });
    await expect(interrupted).rejects.toMatchObject({ code: 'unavailable' });
    way.swallow(false);
    expect((await far.query('SELECT 1')).rowCount).toBe(1);
    await far.close();
    way.close();
  });

  test('no connection to be had is unavailable', async () => {
    const narrow = await openDatabase(
      { url: fresh.url },
      { log: silent, connections: 1, statementTimeout: 300 },
    );
    const [taken, gate] = [gateway(), gateway()];
    const holder = narrow.transaction(async () => {
      await narrow.query('SELECT 1');
      taken.open();
      await gate.passed;
    });
    await taken.passed;
    await expect(narrow.query('SELECT 1')).rejects.toMatchObject({ code: 'unavailable' });
    gate.open();
    await holder;
    await narrow.close();
  });

  test('an error of ours, or in the SQL, is not mistaken for an outage', async () => {
    await expect(db.query('SELEC')).rejects.toMatchObject({ code: '42601' });
    await write(300);
    await expect(write(300)).rejects.toMatchObject({ code: '23505' });
  });
});

describe.skipIf(noPostgres)('the database going away and coming back', () => {
  let server: PostgresServer;
  let db: Database;

  beforeAll(async () => {
    server = await startPostgres(findPostgres() ?? '');
    db = await openDatabase({ url: server.url('postgres') }, { log: silent });
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  test('is unavailable for pg, for Prisma and in a transaction, never a crash, and works again afterwards', async () => {
    const away = { code: 'unavailable', retryAfter: 2 };
    const { viaPrisma } = await import('../../src/infra/prisma.ts');
    const prisma = createPrisma(db);
    await Promise.all([1, 2, 3].map(() => db.query('SELECT 1', [], 'one')));
    const interrupted = db.transaction(async () => {
      await server.kill();
      await db.query('SELECT 1', [], 'one');
    });
    await expect(interrupted).rejects.toMatchObject(away);
    await expect(db.query('SELECT 1', [], 'one')).rejects.toMatchObject(away);
    await expect(db.transaction(() => db.query('SELECT 1'))).rejects.toMatchObject(away);
    await expect(viaPrisma(() => prisma.client.findMany())).rejects.toMatchObject(away);
    await server.restart();
    expect((await db.query('SELECT 1', [], 'one')).rowCount).toBe(1);
    expect(await db.transaction(() => db.query('SELECT 1', [], 'one'))).toMatchObject({ rowCount: 1 });
  });
});
