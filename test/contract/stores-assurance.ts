import { expect, test } from 'vitest';
import {
  addAccount,
  addArtifact,
  addSession,
  NOW,
  passkeyOf,
  passwordOf,
  proofOf,
  random,
  recordOf,
  remaining,
} from '../support/rows.ts';
import type { Subject } from './stores.ts';

export function assuranceContract(get: () => Subject): void {
  transactions(get);
  proofs(get);
  records(get);
  facts(get);
}

const begin = (changes: object = {}) => ({
  id: random.id(),
  clientId: 'bank',
  sessionUid: null,
  accountId: null,
  pinned: false,
  createdAt: NOW,
  expiresAt: NOW + 600,
  ...changes,
});

function transactions(get: () => Subject): void {
  test('a transaction opened by two requests at once is one transaction', async () => {
    const { authTransactions } = get().stores;
    const first = begin();
    const opened = await Promise.all([first, { ...first, clientId: 'thief' }].map(authTransactions.open));
    expect(opened[0]).toEqual(opened[1]);
    expect(await authTransactions.byId(first.id, NOW)).toEqual(opened[0]);
    expect(opened[0]).toMatchObject({ state: {}, rounds: 0, identifier: null });
  });

  test('a transaction keeps what it is told, until it ends or expires', async () => {
    const { authTransactions } = get().stores;
    const { id } = await authTransactions.open(begin());
    await authTransactions.setIdentifier(id, 'ada');
    await authTransactions.setState(id, { enrolling: 'totp' });
    expect([await authTransactions.countRound(id), await authTransactions.countRound(id)]).toEqual([1, 2]);
    const told = { identifier: 'ada', state: { enrolling: 'totp' }, rounds: 2 };
    expect(await authTransactions.byId(id, NOW + 599)).toMatchObject(told);
    expect(await authTransactions.byId(id, NOW + 600)).toBeUndefined();
    await authTransactions.end(id, NOW);
    expect(await authTransactions.byId(id, NOW)).toBeUndefined();
  });

  test('rule 7: a transaction belongs to the first account that is bound, of two that come at once', async () => {
    const { stores } = get();
    const [ada, bob] = [await addAccount(stores), await addAccount(stores)];
    const { id } = await stores.authTransactions.open(begin());
    const bound = await Promise.all([ada, bob].map((who) => stores.authTransactions.bindAccount(id, who)));
    expect(bound.filter(Boolean)).toHaveLength(1);
    const owner = bound[0] ? ada : bob;
    expect(await stores.authTransactions.bindAccount(id, owner)).toBe(true);
    expect((await stores.authTransactions.byId(id, NOW))?.accountId).toBe(owner);
  });

  test('rule 7: an account that is pinned, or was proved, is not let go of', async () => {
    const { stores } = get();
    const { authTransactions } = stores;
    const accountId = await addAccount(stores);
    const [free, pinned, proved] = [
      begin({ accountId }),
      begin({ accountId, pinned: true }),
      begin({ accountId }),
    ];
    for (const one of [free, pinned, proved]) await authTransactions.open(one);
    await stores.proofs.add(proofOf(accountId, { transaction: proved.id }));
    expect(await authTransactions.release(free.id)).toBe(true);
    expect(await authTransactions.release(pinned.id)).toBe(false);
    expect(await authTransactions.release(proved.id)).toBe(false);
    expect((await authTransactions.byId(free.id, NOW))?.accountId).toBeNull();
    expect((await authTransactions.byId(proved.id, NOW))?.accountId).toBe(accountId);
  });

  test('rule 7: a transaction joins the session of its own account, once, and nobody else’s', async () => {
    const { stores } = get();
    const { authTransactions } = stores;
    const [ada, bob] = [await addAccount(stores), await addAccount(stores)];
    const [free, proved] = [begin(), begin({ accountId: bob })];
    for (const one of [free, proved]) await authTransactions.open(one);
    const session = { sessionUid: 'late', accountId: ada };
    expect(await authTransactions.joinSession(proved.id, session)).toBe(false);
    expect(await authTransactions.joinSession(free.id, session)).toBe(true);
    expect(await authTransactions.joinSession(free.id, { ...session, sessionUid: 'later' })).toBe(false);
    const joined = { sessionUid: 'late', accountId: ada, pinned: true };
    expect(await authTransactions.byId(free.id, NOW)).toMatchObject(joined);
    expect(await authTransactions.byId(proved.id, NOW)).toMatchObject({ sessionUid: null, accountId: bob });
  });

  test('rule 7: pinned to somebody who is nobody here, a transaction is nobody’s', async () => {
    const { stores } = get();
    const { authTransactions } = stores;
    const { id } = await authTransactions.open(begin({ pinned: true }));
    const accountId = await addAccount(stores);
    expect(await authTransactions.bindAccount(id, accountId)).toBe(false);
    expect(await authTransactions.joinSession(id, { sessionUid: 'late', accountId })).toBe(false);
    expect(await authTransactions.byId(id, NOW)).toMatchObject({ accountId: null, sessionUid: null });
  });

  test('an ended transaction takes no account', async () => {
    const { stores } = get();
    const { id } = await stores.authTransactions.open(begin());
    await stores.authTransactions.end(id, NOW);
    expect(await stores.authTransactions.bindAccount(id, await addAccount(stores))).toBe(false);
  });
}

function proofs(get: () => Subject): void {
  test('a proof comes back as it was made', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    const upstream = { issuer: 'https://idp.example', amr: ['pwd'] };
    const full = proofOf(accountId, { credentialId: 'c', at: null, upstream, kinds: ['external'] });
    const plain = proofOf(accountId, { transaction: full.transaction });
    for (const proof of [full, plain]) await stores.proofs.add(proof);
    const strip = ({ createdAt: _, expiresAt: __, ...proof }: typeof full) => proof;
    expect(await stores.proofs.ofTransaction(full.transaction, NOW)).toEqual([strip(full), strip(plain)]);
    expect(await stores.proofs.ofTransaction(full.transaction, NOW + 1000)).toEqual([]);
  });

  test('rule 7: staged proofs are the transaction’s until they are promoted, once', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    const proof = proofOf(accountId);
    await stores.proofs.add(proof);
    const [uid, other] = [random.id(), random.id()];
    expect(await stores.proofs.ofSession(uid, NOW)).toEqual([]);
    expect(await stores.proofs.promote(proof.transaction, uid, 'bank')).toBe(1);
    expect(await stores.proofs.promote(proof.transaction, other, null)).toBe(0);
    expect(await stores.proofs.ofSession(uid, NOW)).toMatchObject([{ id: proof.id, forClient: 'bank' }]);
    await stores.proofs.discard(proof.transaction);
    expect(await stores.proofs.ofSession(uid, NOW)).toHaveLength(1);
    expect(await stores.proofs.ofSession(uid, NOW + 1000)).toEqual([]);
  });

  test('discarding a transaction’s staged proofs leaves none', async () => {
    const { stores } = get();
    const proof = proofOf(await addAccount(stores));
    await stores.proofs.add(proof);
    await stores.proofs.discard(proof.transaction);
    expect(await stores.proofs.ofTransaction(proof.transaction, NOW)).toEqual([]);
  });
}

function records(get: () => Subject): void {
  test('a record comes back as it was written', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    const { createdAt: _, expiresAt: __, accountId: ___, ...proof } = proofOf(accountId);
    const record = recordOf(accountId, {
      proofs: [proof],
      sessionUid: random.id(),
      credentialIds: ['a', 'b'],
    });
    await stores.records.add(record);
    expect(await stores.records.byId(record.id)).toEqual(record);
  });

  test('a record is kept longer for a token, and never shorter', async () => {
    const { stores } = get();
    const record = recordOf(await addAccount(stores));
    await stores.records.add(record);
    await stores.records.extend(record.id, NOW + 5000);
    await stores.records.extend(record.id, NOW + 10);
    expect((await stores.records.byId(record.id))?.expiresAt).toBe(NOW + 5000);
  });

  test('rule 4: revoking a record ends its codes and tokens and not the client’s others', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const records = [recordOf(accountId), recordOf(accountId)];
    const tokens: string[] = [];
    for (const record of records) {
      await stores.records.add(record);
      tokens.push(await addArtifact(db, { accountId, recordId: record.id }));
    }
    expect(await stores.records.revoke(records[0]?.id ?? '')).toBe(true);
    expect(await stores.records.revoke(records[0]?.id ?? '')).toBe(false);
    expect(await remaining(db, 'artifact', tokens)).toEqual([tokens[1]]);
  });

  test('rule 8: ending elevated access ends step-up proofs and elevated records, and keeps the sign-in', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const sessionUid = random.id();
    const [signIn, stepUp] = [proofOf(accountId), proofOf(accountId)];
    for (const proof of [signIn, stepUp]) await stores.proofs.add(proof);
    await stores.proofs.promote(signIn.transaction, sessionUid, null);
    await stores.proofs.promote(stepUp.transaction, sessionUid, 'bank');
    const records = [false, true].map((elevated) => recordOf(accountId, { sessionUid, elevated }));
    const elsewhere = recordOf(accountId, { sessionUid: random.id(), elevated: true });
    for (const record of [...records, elsewhere]) await stores.records.add(record);
    expect(await stores.records.endElevation(sessionUid)).toBe(2);
    expect(await stores.proofs.ofSession(sessionUid, NOW)).toMatchObject([{ id: signIn.id }]);
    const ids = [...records, elsewhere].map(({ id }) => id);
    expect(await remaining(db, 'assurance_record', ids)).toEqual([ids[0], ids[2]]);
  });

  test('rule 8: ending elevated access forgets what was last issued on it, and nothing else', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const lastAcr = { bank: 'phr', shop: 'base', rider: 'mfa' };
    const sessionUid = await addSession(db, { uid: random.id(), accountId, lastAcr });
    const [bank, shop] = [
      { clientId: 'bank', acr: 'phr' },
      { clientId: 'shop', acr: 'base' },
    ];
    await stores.records.add(recordOf(accountId, { sessionUid, ...bank, elevated: true }));
    await stores.records.add(recordOf(accountId, { sessionUid, ...shop }));
    await stores.records.endElevation(sessionUid);
    const { rows } = await db.query('SELECT "last_acr" FROM "session" WHERE "uid" = $1', [sessionUid]);
    expect(rows).toEqual([{ last_acr: { shop: 'base' } }]);
  });

  test('rule 8: ending elevated access ends what a step-up of that session has staged, and no other transaction’s', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const sessionUid = random.id();
    const [staged, elsewhere] = [proofOf(accountId), proofOf(accountId)];
    for (const proof of [staged, elsewhere]) await stores.proofs.add(proof);
    const open = (id: string, uid: string | null) =>
      stores.authTransactions.open({
        id,
        clientId: 'bank',
        sessionUid: uid,
        accountId,
        pinned: true,
        createdAt: NOW,
        expiresAt: NOW + 1000,
      });
    await open(staged.transaction, sessionUid);
    await open(elsewhere.transaction, null);
    await stores.records.endElevation(sessionUid);
    expect(await remaining(db, 'proof', [staged.id, elsewhere.id])).toEqual([elsewhere.id]);
  });
}

function facts(get: () => Subject): void {
  test('one read holds the account, its credentials, and the proofs of the session and the transaction', async () => {
    const { db, stores } = get();
    const [accountId, other] = [await addAccount(stores), await addAccount(stores)];
    const [password, passkey] = [passwordOf(accountId), passkeyOf(accountId)];
    for (const credential of [password, passkey, passkeyOf(other)]) await stores.credentials.add(credential);
    const uid = random.id();
    await addSession(db, { uid, accountId, lastAcr: { bank: 'phr' }, idle: { phr: NOW } });
    const transaction = random.id();
    const old = proofOf(accountId, { transaction, expiresAt: NOW });
    const proofs = [proofOf(accountId), proofOf(accountId, { transaction }), proofOf(accountId), old];
    for (const proof of [...proofs, proofOf(other, { transaction })]) await stores.proofs.add(proof);
    await stores.proofs.promote(proofs[0]?.transaction ?? '', uid, null);
    const query = { accountId, sessionUid: uid, transactionId: transaction, clientId: 'bank', now: NOW };
    const found = await stores.facts.load(query);
    expect(found?.account).toEqual(await stores.accounts.byId(accountId));
    expect(found?.credentials).toEqual([password, passkey]);
    expect(found?.proofs.map(({ id }) => id)).toEqual([proofs[0]?.id, proofs[1]?.id]);
    expect(found).toMatchObject({ lastAcr: 'phr', lastActive: { phr: NOW } });
    expect((await stores.facts.load({ ...query, clientId: 'shop' }))?.lastAcr).toBeNull();
  });

  test('without a session or a transaction there is no proof, and without an account there is nothing', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    await stores.proofs.add(proofOf(accountId));
    const query = { accountId, sessionUid: null, transactionId: null, clientId: 'bank', now: NOW };
    expect(await stores.facts.load(query)).toMatchObject({ proofs: [], credentials: [], lastActive: {} });
    expect(await stores.facts.load({ ...query, accountId: 'nobody' })).toBeUndefined();
  });

  test('another person’s session lends no facts', async () => {
    const { db, stores } = get();
    const [accountId, other] = [await addAccount(stores), await addAccount(stores)];
    const uid = await addSession(db, { uid: random.id(), accountId: other, lastAcr: { bank: 'phr' } });
    const query = { accountId, sessionUid: uid, transactionId: null, clientId: 'bank', now: NOW };
    expect((await stores.facts.load(query))?.lastAcr).toBeNull();
  });
}
