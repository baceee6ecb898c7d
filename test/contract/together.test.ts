/** Requests that write together: each gets what it would have got alone, and nobody waits for somebody else's lock. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTogether, type Together } from '../../src/infra/oidc-together.ts';
import type { ArtifactRow } from '../../src/infra/oidc-write-rows.ts';
import { createStores, type Stores } from '../../src/infra/stores/index.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase, testVault } from '../support/database.ts';
import { addAccount, addSession, NOW, passwordOf, proofOf, random, recordOf } from '../support/rows.ts';

describe.skipIf(noPostgres)('requests that write together', () => {
  let fresh: OpenTestDatabase;
  let stores: Stores;
  let together: Together;
  let other: pg.Client;
  let accountId: string;
  beforeAll(async () => {
    fresh = await openFreshDatabase();
    stores = createStores(fresh.db, testVault);
    other = new pg.Client({ connectionString: fresh.url });
    await other.connect();
  });
  beforeEach(async () => {
    together = createTogether(fresh.db);
    accountId = await addAccount(stores);
  });
  afterAll(async () => {
    await other?.end();
    await fresh?.drop();
  });

  const token = (recordId: string | null): ArtifactRow => ({
    model: 'RefreshToken',
    id: random.id(),
    payload: {},
    grant_id: null,
    record_id: recordId,
    account_id: accountId,
    client_id: 'web',
    session_uid: null,
    created_at: NOW,
    expires_at: NOW + 600,
  });

  /** A refresh token on a record of its own, and the request that would use it up. */
  async function oneToken() {
    const record = recordOf(accountId);
    await stores.records.add(record);
    const row = token(record.id);
    await fresh.db.query(
      `INSERT INTO "artifact" ("model","id","payload","record_id","created_at") VALUES ($1,$2,'{}',$3,$4)`,
      [row.model, row.id, record.id, NOW],
    );
    const use = { model: row.model, id: row.id, recordId: record.id, now: NOW };
    return { record, request: () => ({ use, artifacts: [token(record.id)], event: undefined }) };
  }

  const tokensOn = async (recordId: string) =>
    Number(
      (await fresh.db.query('SELECT count(*) AS "n" FROM "artifact" WHERE "record_id" = $1', [recordId]))
        .rows[0]?.['n'],
    );

  test('rule 4: of several uses of one token in one batch one succeeds, and only it writes', async () => {
    const { record, request } = await oneToken();
    const answers = await Promise.all(Array.from({ length: 5 }, () => together.use(request())));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await tokensOn(record.id)).toBe(2);
  });

  test('a token whose record somebody holds is left out, and the others do not wait for it', async () => {
    const [held, free] = [await oneToken(), await oneToken()];
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM "assurance_record" WHERE "id" = $1 FOR UPDATE', [held.record.id]);
    try {
      expect(await Promise.all([together.use(held.request()), together.use(free.request())])).toEqual([
        false,
        true,
      ]);
    } finally {
      await other.query('ROLLBACK');
    }
    expect([await tokensOn(held.record.id), await tokensOn(free.record.id)]).toEqual([1, 2]);
    expect(await together.use(held.request())).toBe(true);
  });

  /** A session and the request of a client that has a grant there. */
  async function oneSession(
    changes: { credentialIds?: readonly string[]; idHash?: string; proof?: string } = {},
  ) {
    const uid = random.id();
    await addSession(fresh.db, { uid, accountId });
    const [row] = (await fresh.db.query('SELECT "id_hash" FROM "session" WHERE "uid" = $1', [uid])).rows;
    const proof = proofOf(accountId);
    await stores.proofs.add(proof);
    await stores.proofs.promote(proof.transaction, uid, null);
    const { credentialIds = [] } = changes;
    const proofIds = [changes.proof ?? proof.id];
    const record = { ...recordOf(accountId), sessionUid: uid, credentialIds, proofIds };
    const code = { ...token(record.id), model: 'AuthorizationCode' };
    const touch = {
      uid,
      id_hash: changes.idHash ?? String(row?.['id_hash']),
      account_id: accountId,
      payload: null,
      seen: null,
      browser_hash: null,
      user_agent: null,
      address: null,
      last_seen_at: NOW,
      expires_at: NOW + 900,
      last_acr: { web: 'urn:stile:acr:1fa' },
      idle: {},
    };
    const request = { touch, authorization: { record, code }, artifacts: [], event: undefined };
    return { record, request, proof: proof.id };
  }

  const remembered = async (uid: string | null) =>
    (await fresh.db.query('SELECT "last_acr" FROM "session" WHERE "uid" = $1', [uid])).rows[0]?.['last_acr'];

  test('rule 7: authorizations of several sessions are one statement, and each stands on its own session', async () => {
    const [good, rotated] = [await oneSession(), await oneSession({ idHash: 'another' })];
    expect(await Promise.all([good, rotated].map(({ request }) => together.authorize(request)))).toEqual([
      true,
      false,
    ]);
    expect(await stores.records.byId(good.record.id)).toBeDefined();
    expect(await stores.records.byId(rotated.record.id)).toBeUndefined();
    expect(await tokensOn(good.record.id)).toBe(1);
  });

  test('rule 4: a record never rests on a credential that is gone or going, whoever else is in the batch', async () => {
    const password = passwordOf(accountId);
    await stores.credentials.add(password);
    const kept = await oneSession({ credentialIds: [password.id] });
    const gone = await oneSession({ credentialIds: [password.id, random.id()] });
    expect(await Promise.all([kept, gone].map(({ request }) => together.authorize(request)))).toEqual([
      true,
      false,
    ]);

    const [going, without] = [await oneSession({ credentialIds: [password.id] }), await oneSession()];
    await other.query('BEGIN');
    await other.query('DELETE FROM "credential" WHERE "id" = $1', [password.id]);
    try {
      const answers = [going, without].map(({ request }) => together.authorize(request));
      expect(await Promise.all(answers)).toEqual([false, true]);
    } finally {
      await other.query('COMMIT');
    }
  });

  test('rule 8: a record never rests on a proof that is another session’s, gone or going; its session is left as it was', async () => {
    const kept = await oneSession();
    const stolen = await oneSession({ proof: kept.proof });
    const gone = await oneSession({ proof: random.id() });
    const answers = [kept, stolen, gone].map(({ request }) => together.authorize(request));
    expect(await Promise.all(answers)).toEqual([true, false, false]);
    expect(await remembered(kept.record.sessionUid)).toEqual({ web: 'urn:stile:acr:1fa' });
    for (const { record } of [stolen, gone]) expect(await remembered(record.sessionUid)).toEqual({});

    const [going, without] = [await oneSession(), await oneSession()];
    await other.query('BEGIN');
    await other.query('DELETE FROM "proof" WHERE "id" = $1', [going.proof]);
    try {
      const both = [going, without].map(({ request }) => together.authorize(request));
      expect(await Promise.all(both)).toEqual([false, true]);
    } finally {
      await other.query('COMMIT');
    }
  });

  test('rule 7: of two authorizations of one session in a batch one is written, and the other is left out whole', async () => {
    const { record, request } = await oneSession();
    const id = random.id();
    const second = {
      ...request,
      touch: { ...request.touch, last_acr: { spa: 'urn:stile:acr:1fa' } },
      authorization: { record: { ...record, id }, code: { ...token(id), model: 'AuthorizationCode' } },
    };
    expect(await Promise.all([request, second].map(together.authorize))).toEqual([true, false]);
    expect(await stores.records.byId(id)).toBeUndefined();
    expect(await remembered(record.sessionUid)).toEqual({ web: 'urn:stile:acr:1fa' });
    expect(await together.authorize(second)).toBe(true);
  });
});
