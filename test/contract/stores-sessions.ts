import { expect, test } from 'vitest';
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
import type { Subject } from './stores.ts';

export function sessionsContract(get: () => Subject): void {
  reading(get);
  ending(get);
  clients(get);

  test('an audit event is rolled back with the change it describes', async () => {
    const { db, stores } = get();
    const event = (id: string) => ({
      id,
      at: NOW,
      type: 'attempt' as const,
      outcome: 'success' as const,
      accountId: null,
      clientId: 'bank',
      sessionUid: null,
      correlationId: 'c',
      data: { stepUp: false, method: 'totp' as const },
    });
    const [lost, kept] = [random.sortableId(), random.sortableId()];
    const failing = stores.transactions.run(async () => {
      await stores.audit.append(event(lost));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await stores.transactions.run(() => stores.audit.append(event(kept)));
    expect(await remaining(db, 'audit_event', [lost, kept])).toEqual([kept]);
  });
}

function reading(get: () => Subject): void {
  test('a person sees their live sessions', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const uid = await addSession(db, { uid: random.id(), accountId });
    await addSession(db, { uid: random.id(), accountId, expiresAt: NOW });
    expect(await stores.sessions.byAccount(accountId, NOW)).toEqual([
      {
        uid,
        accountId,
        userAgent: 'Firefox',
        address: '::1',
        createdAt: NOW,
        lastSeenAt: NOW,
        expiresAt: NOW + 1000,
      },
    ]);
  });

  test('a session remembers when each level was last used', async () => {
    const { db, stores } = get();
    const uid = await addSession(db, { uid: random.id(), accountId: await addAccount(stores) });
    expect(await stores.sessions.idle(uid)).toEqual({});
    await stores.sessions.setIdle(uid, { phr: NOW });
    expect(await stores.sessions.idle(uid)).toEqual({ phr: NOW });
    expect(await stores.sessions.idle('none')).toEqual({});
  });
}

/** A session with all that rests on it; `left` tells which of it is there. */
async function fullSession({ db, stores }: Subject, accountId: string) {
  const uid = await addSession(db, { uid: random.id(), accountId });
  const proof = proofOf(accountId);
  await stores.proofs.add(proof);
  await stores.proofs.promote(proof.transaction, uid, null);
  const record = recordOf(accountId, { sessionUid: uid });
  await stores.records.add(record);
  const onRecord = await addArtifact(db, { accountId, recordId: record.id });
  const onSession = await addArtifact(db, { accountId, sessionUid: uid });
  const left = async () => [
    ...(await remaining(db, 'session', [uid], 'uid')).map(() => 'session'),
    ...(await remaining(db, 'proof', [proof.id])).map(() => 'proof'),
    ...(await remaining(db, 'assurance_record', [record.id])).map(() => 'record'),
    ...(await remaining(db, 'artifact', [onRecord, onSession])).map(() => 'token'),
  ];
  return { uid, left };
}

const everything = ['session', 'proof', 'record', 'token', 'token'];

function ending(get: () => Subject): void {
  test('rule 8: ending a session ends its proofs, records and tokens; another’s session is left alone', async () => {
    const subject = get();
    const { sessions } = subject.stores;
    const [ada, bob] = [await addAccount(subject.stores), await addAccount(subject.stores)];
    const [one, two] = [await fullSession(subject, ada), await fullSession(subject, ada)];
    expect(await sessions.end(one.uid, bob)).toBe(false);
    expect(await one.left()).toEqual(everything);
    expect(await sessions.end(one.uid, ada)).toBe(true);
    expect(await one.left()).toEqual([]);
    expect(await two.left()).toEqual(everything);
  });

  test('rule 8: signing out everywhere else keeps this session, its proofs and what it is proving now', async () => {
    const subject = get();
    const { db, stores } = subject;
    const accountId = await addAccount(stores);
    const [here, there] = [await fullSession(subject, accountId), await fullSession(subject, accountId)];
    const staged = [here.uid, there.uid].map((sessionUid) => ({
      id: random.id(),
      sessionUid,
      clientId: 'bank',
      accountId,
      pinned: true,
      createdAt: NOW,
      expiresAt: NOW + 600,
    }));
    const proofs = staged.map(({ id }) => proofOf(accountId, { transaction: id }));
    for (const transaction of staged) await stores.authTransactions.open(transaction);
    for (const proof of proofs) await stores.proofs.add(proof);
    expect(await stores.sessions.endAll(accountId, here.uid)).toBe(1);
    expect(await here.left()).toEqual(everything);
    expect(await there.left()).toEqual([]);
    expect(
      await remaining(
        db,
        'proof',
        proofs.map(({ id }) => id),
      ),
    ).toEqual([proofs[0]?.id]);
  });

  test('rule 8: signing out everywhere ends offline tokens and grants, too', async () => {
    const subject = get();
    const { db, stores } = subject;
    const accountId = await addAccount(stores);
    const session = await fullSession(subject, accountId);
    const offline = await addArtifact(db, { accountId });
    const grant = await addArtifact(db, { accountId, model: 'Grant' });
    expect(await stores.sessions.endAll(accountId)).toBe(1);
    expect(await session.left()).toEqual([]);
    expect(await remaining(db, 'artifact', [offline, grant])).toEqual([]);
  });
}

function clients(get: () => Subject): void {
  test('a client is put, replaced, listed and removed', async () => {
    const { clients } = get().stores;
    const id = `client-${random.id()}`;
    const client = { id, metadata: { redirect_uris: ['https://a.example/cb'] }, secretHash: null };
    await clients.put(client, NOW);
    expect(await clients.byId(id)).toEqual(client);
    const changed = { id, metadata: { client_name: 'Bank' }, secretHash: 'hash' };
    await clients.put(changed, NOW + 1);
    expect(await clients.list()).toContainEqual(changed);
    expect(await clients.remove(id)).toBe(true);
    expect(await clients.remove(id)).toBe(false);
    expect(await clients.byId(id)).toBeUndefined();
  });

  test('what Prisma serves is refused inside a transaction, which it would escape', async () => {
    const { db, stores } = get();
    const inside = db.transaction(() => stores.clients.byId('x'));
    await expect(inside).rejects.toThrow('the pool was used inside a transaction');
  });
}
