/** Whoever can write to the database, but has no key, is found out: one test for each way of tampering. */
import { generateKeyPairSync } from 'node:crypto';
import { CompactSign, exportJWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Seal, sealEvents } from '../../src/domain/audit-chain.ts';
import type { FindingKind } from '../../src/domain/audit-verify.ts';
import { purgeAudit } from '../../src/infra/purge.ts';
import { type AuditWorld, auditWorld, eventOf, RETENTION } from '../support/audit.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';
import { NOW } from '../support/rows.ts';

const DAY = 86_400;

describe.skipIf(noPostgres)('tampering with the audit', () => {
  let fresh: OpenTestDatabase;
  let world: AuditWorld;
  let ids: string[];

  beforeAll(async () => {
    fresh = await openFreshDatabase();
    world = await auditWorld(fresh.db);
  });
  afterAll(() => fresh.drop());

  /** Ten events, sealed in two rounds. */
  beforeEach(async () => {
    await run('TRUNCATE "audit_event", "audit_seal", "audit_checkpoint"');
    ids = await world.write(6);
    await world.seal();
    ids.push(...(await world.write(4)));
    await world.seal(NOW + 4000);
    expect(await world.found()).toEqual([]);
  });

  const run = (sql: string, values: readonly unknown[] = []) => fresh.db.query(sql, values);
  /** What is found in the database, and in an export of it. */
  async function found(...kinds: FindingKind[]): Promise<void> {
    expect(await world.found()).toEqual(kinds);
    expect((await world.verifyLines(await world.lines())).faults).toBeGreaterThan(0);
  }

  test.each([
    ['id', `"id" = 'another'`, ['event_removed', 'event_inserted']],
    ['at', '"at" = "at" + 1', ['event_changed']],
    ['type', `"type" = 'token'`, ['event_changed']],
    ['outcome', `"outcome" = 'failure'`, ['event_changed']],
    ['account_id', `"account_id" = 'eve'`, ['event_changed']],
    ['account_id, to nobody', `"account_id" = NULL`, ['event_changed']],
    ['client_id', `"client_id" = 'other'`, ['event_changed']],
    ['session_uid', `"session_uid" = 'other'`, ['event_changed']],
    ['correlation_id', `"correlation_id" = 'other'`, ['event_changed']],
    ['data', `"data" = "data" || '{"method":"passkey"}'`, ['event_changed']],
    ['data, by a member more', `"data" = "data" || '{"more":null}'`, ['event_changed']],
    ['xid', `"xid" = '3'`, ['event_changed']],
  ] as [string, string, FindingKind[]][])('an edited event: %s', async (_, change, kinds) => {
    await run(`UPDATE "audit_event" SET ${change} WHERE "id" = $1`, [ids[4]]);
    expect(await world.found()).toEqual(kinds);
  });

  test.each([
    ['event_id', `"event_id" = 'another'`],
    ['event_hash', `"event_hash" = sha256('x')`],
    ['class', `"class" = 'decision'`],
    ['at', '"at" = 0'],
    ['xid', `"xid" = '3'`],
    ['epoch', '"epoch" = 1'],
    ['sealed_at', '"sealed_at" = 1'],
    ['hash', `"hash" = sha256('x')`],
  ])('an edited seal: %s', async (_, change) => {
    await run(`UPDATE "audit_seal" SET ${change} WHERE "seq" = 5`);
    expect(await world.found()).toContain('seal_changed');
  });

  test('an event removed from the middle', async () => {
    await run('DELETE FROM "audit_event" WHERE "id" = $1', [ids[3]]);
    await found('event_removed');
  });

  test('an event and its seal removed from the middle', async () => {
    await run('DELETE FROM "audit_event" WHERE "id" = $1', [ids[3]]);
    await run('DELETE FROM "audit_seal" WHERE "event_id" = $1', [ids[3]]);
    await found('seal_missing', 'seal_changed');
  });

  test('the seal alone removed', async () => {
    await run('DELETE FROM "audit_seal" WHERE "event_id" = $1', [ids[3]]);
    expect(await world.found()).toEqual(['seal_missing', 'seal_changed', 'event_inserted']);
  });

  test('the first events removed, with their seals', async () => {
    await run('DELETE FROM "audit_event" WHERE "id" = ANY ($1)', [ids.slice(0, 2)]);
    await run('DELETE FROM "audit_seal" WHERE "seq" <= 2');
    await found('seal_missing', 'seal_changed');
  });

  test('the last event removed, sealed', async () => {
    await run('DELETE FROM "audit_event" WHERE "id" = $1', [ids.at(-1)]);
    await found('event_removed');
  });

  test('the last event removed, and its seal', async () => {
    await run('DELETE FROM "audit_event" WHERE "id" = $1', [ids.at(-1)]);
    await run('DELETE FROM "audit_seal" WHERE "event_id" = $1', [ids.at(-1)]);
    await found('truncated');
  });

  test('everything removed but the checkpoints', async () => {
    await run('TRUNCATE "audit_event", "audit_seal"');
    await found('truncated');
  });

  test('two events in each other’s place', async () => {
    await run(
      `UPDATE "audit_event" SET "id" = CASE "id" WHEN $1 THEN $2 || '?' ELSE $1 || '?' END WHERE "id" IN ($1, $2)`,
      [ids[2], ids[7]],
    );
    await run(`UPDATE "audit_event" SET "id" = rtrim("id", '?')`);
    await found('event_changed');
  });

  test('two seals in each other’s place', async () => {
    await run(
      'UPDATE "audit_seal" SET "seq" = CASE "seq" WHEN 3 THEN 108 ELSE 103 END WHERE "seq" IN (3, 8)',
    );
    await run('UPDATE "audit_seal" SET "seq" = "seq" - 100 WHERE "seq" > 100');
    await found('seal_changed', 'out_of_order');
  });

  test('an event put in between, as if it were old', async () => {
    const [late] = await world.write(1, { at: NOW - DAY });
    await run(
      `UPDATE "audit_event" SET "xid" = (SELECT "xid" FROM "audit_event" WHERE "id" = $1) WHERE "id" = $2`,
      [ids[4], late],
    );
    expect(await world.found()).toEqual(['event_inserted']);
    expect(await world.seal()).toBe(0);
    expect(await world.found()).toEqual(['event_inserted']);
  });

  test('an event put in between, and the sealer told to begin again', async () => {
    const [late] = await world.write(1);
    await run(
      `UPDATE "audit_event" SET "xid" = (SELECT "xid" FROM "audit_event" WHERE "id" = $1) WHERE "id" = $2`,
      [ids[4], late],
    );
    await run(`UPDATE "audit_sealer" SET "from_xid" = '0'`);
    await world.seal();
    await found('out_of_order');
  });

  test('an event dated back and sealed like any other is told of', async () => {
    await world.write(1, { at: NOW - DAY });
    await world.seal();
    expect(await world.verify()).toMatchObject({ faults: 0, backdated: 5 });
  });

  test('an event no double can hold stops neither the sealer nor a verification', async () => {
    await run(`INSERT INTO "audit_event" ("id", "at", "type", "outcome", "data")
      VALUES ('odd', ${NOW}, 'attempt', 'success', '{"n":1e400,"m":-1e400}')`);
    expect(await world.seal()).toBe(1);
    expect(await world.found()).toEqual([]);
  });

  test('a seal for an event that was never there', async () => {
    const seals = sealEvents({ head: await head(), epoch: 0, now: NOW }, [{ ...eventOf(), xid: '999999' }]);
    await write(seals);
    await found('event_removed', 'not_covered');
  });

  test('a checkpoint whose signature is another’s, or that says something else', async () => {
    const jws = await world.checkpoint();
    const { privateKey } = generateKeyPairSync('ed25519');
    const [, payload = ''] = jws.split('.');
    const forged = await new CompactSign(Buffer.from(payload, 'base64url'))
      .setProtectedHeader({
        alg: 'EdDSA',
        kid: String(world.keys.auditKeys[0]?.kid),
        typ: 'stile-audit-checkpoint',
      })
      .sign(privateKey);
    await run('UPDATE "audit_checkpoint" SET "jws" = $1 WHERE "seq" = 10', [forged]);
    await found('checkpoint_forged', 'not_covered');
    await run('UPDATE "audit_checkpoint" SET "seq" = 9, "jws" = $1 WHERE "seq" = 10', [jws]);
    await found('checkpoint_forged', 'not_covered');
  });

  test('all checkpoints removed', async () => {
    await run('TRUNCATE "audit_checkpoint"');
    await found('not_covered');
  });

  test('a token of the server is no checkpoint: the audit has a key and a type of its own', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = await exportJWK(publicKey);
    const payload = Buffer.from(JSON.stringify({ v: 1, ...(await head()), time: NOW }));
    const token = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt' })
      .sign(privateKey);
    const checkpoint = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'stile-audit-checkpoint' })
      .sign(privateKey);
    const { verifierOf } = await import('../../src/infra/audit-keys.ts');
    const { parseCheckpoint } = await import('../../src/services/audit-trail.ts');
    const verify = verifierOf({ keys: [jwk] }, parseCheckpoint);
    expect(await verify(checkpoint)).toMatchObject({ seq: 10 });
    expect(await verify(token)).toBeUndefined();
  });

  /** Every event, seal and hash rewritten, consistently: only the signature is missing. */
  async function rewrite(): Promise<void> {
    await run(`UPDATE "audit_event" SET "account_id" = 'eve' WHERE "id" = $1`, [ids[0]]);
    await run('TRUNCATE "audit_seal"');
    const { rows } = await run(
      `SELECT "id", "at", "type", "outcome", "account_id" AS "accountId", "client_id" AS "clientId",
         "session_uid" AS "sessionUid", "correlation_id" AS "correlationId", "data", "xid"::text AS "xid"
       FROM "audit_event" ORDER BY "xid", "id"`,
    );
    await write(sealEvents({ head: { seq: 0, hash: '' }, epoch: 0, now: NOW }, rows as never));
  }

  test('the whole chain rewritten, without the key', async () => {
    await rewrite();
    await found('checkpoint_differs');
  });

  test('the whole chain rewritten, and signed with a key put into the database', async () => {
    const anchor = await world.checkpoint();
    await rewrite();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const kid = 'mine';
    await run(
      `INSERT INTO "server_key" ("id", "purpose", "alg", "public_jwk", "sealed", "created_at")
       VALUES ($1, 'audit', 'EdDSA', $2, '', 0)`,
      [kid, JSON.stringify({ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA' })],
    );
    const payload = Buffer.from(JSON.stringify({ v: 1, ...(await head()), time: NOW }));
    const jws = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'stile-audit-checkpoint' })
      .sign(privateKey);
    await run('TRUNCATE "audit_checkpoint"');
    await run('INSERT INTO "audit_checkpoint" ("seq", "time", "jws") VALUES (10, $1, $2)', [NOW, jws]);
    await found('checkpoint_forged', 'not_covered');
    expect(await world.found({ anchors: [anchor] })).toContain('anchor_differs');
    await run(`DELETE FROM "server_key" WHERE "id" = 'mine'`);
  });

  test('a chain cut short at an earlier checkpoint is whole in itself; a checkpoint kept elsewhere shows it', async () => {
    const anchor = await world.checkpoint();
    await run('DELETE FROM "audit_event" WHERE "id" = ANY ($1)', [ids.slice(6)]);
    await run('DELETE FROM "audit_seal" WHERE "seq" > 6');
    await run('DELETE FROM "audit_checkpoint" WHERE "seq" > 6');
    expect(await world.found()).toEqual([]);
    expect(await world.found({ anchors: [anchor] })).toEqual(['anchor_beyond']);
    expect(await world.found({ anchors: [`${anchor}x`] })).toEqual(['anchor_forged']);
    expect(await world.found({ anchors: [await world.checkpoint()] })).toEqual([]);
  });

  test('what retention has deleted is expired, and no fault; what went before its time was removed', async () => {
    const { db } = fresh;
    const before = NOW + RETENTION.security * DAY - 1;
    expect(await purgeAudit(db, RETENTION, { now: before })).toEqual({ audit_event: 0 });
    await run('DELETE FROM "audit_event" WHERE "id" = $1', [ids[0]]);
    expect(await world.found({ now: before })).toEqual(['event_removed']);
    expect(await purgeAudit(db, RETENTION, { now: before + 1 })).toEqual({ audit_event: 9 });
    expect(await world.verify({ now: before + 1 })).toMatchObject({ faults: 0, expired: 10, sealed: 10 });
    // The seal says which class, and how long that is kept.
    await run(`UPDATE "audit_seal" SET "class" = 'decision' WHERE "seq" = 1`);
    expect(await world.found({ now: before + 1 })).toEqual(['seal_changed']);
  });

  test('retention deletes by class, and nothing that is not sealed', async () => {
    const { db } = fresh;
    const [unsealed] = await world.write(1, { at: NOW - 1000 * DAY });
    const [change] = await world.write(1, { type: 'account_created', data: {} });
    await run('UPDATE "audit_seal" SET "event_id" = $1 WHERE "seq" = 10', [change]);
    expect(await purgeAudit(db, RETENTION, { now: NOW + 20 * DAY })).toEqual({ audit_event: 9 });
    const left = await run('SELECT "id" FROM "audit_event"');
    expect(left.rows.map(({ id }) => id).sort()).toEqual([ids.at(-1), unsealed, change].sort());
  });

  async function head() {
    const { rows } = await run('SELECT "seq", "hash" FROM "audit_seal" ORDER BY "seq" DESC LIMIT 1');
    return { seq: Number(rows[0]?.['seq']), hash: Buffer.from(rows[0]?.['hash']).toString('base64url') };
  }

  async function write(seals: readonly Seal[]): Promise<void> {
    for (const { seq, eventId, eventHash, at, xid, epoch, sealedAt, hash, class: kept } of seals)
      await run(`INSERT INTO "audit_seal" VALUES ($1, $2, $3, $4, $5, $6::text::xid8, $7, $8, $9)`, [
        seq,
        eventId,
        Buffer.from(eventHash, 'base64url'),
        kept,
        at,
        xid,
        epoch,
        sealedAt,
        Buffer.from(hash, 'base64url'),
      ]);
  }
});
