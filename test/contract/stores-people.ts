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
  totpOf,
} from '../support/rows.ts';
import type { Subject } from './stores.ts';

export function peopleContract(get: () => Subject): void {
  accounts(get);
  credentials(get);
  conditionalUse(get);

  test('a browser is known to the account that signed in with it, until it is forgotten', async () => {
    const { stores } = get();
    const [ada, bob] = [await addAccount(stores), await addAccount(stores)];
    const browser = random.id();
    await stores.browsers.remember(browser, ada, NOW);
    await stores.browsers.remember(browser, ada, NOW + 1);
    expect(await stores.browsers.knows(browser, ada)).toBe(true);
    expect(await stores.browsers.knows(browser, bob)).toBe(false);
    await stores.browsers.forgetAll(ada, []);
    expect(await stores.browsers.knows(browser, ada)).toBe(false);
  });
}

function accounts(get: () => Subject): void {
  test('an account is found by its id, username and address, and by nothing else', async () => {
    const { stores } = get();
    const id = await addAccount(stores);
    const account = await stores.accounts.byId(id);
    expect(account).toMatchObject({ id, emailVerifiedAt: NOW, status: 'active', lastMethod: null });
    expect(await stores.accounts.byIdentifier(account?.username ?? '')).toEqual(account);
    expect(await stores.accounts.byIdentifier(account?.email ?? '')).toEqual(account);
    expect(await stores.accounts.byIdentifier('nobody')).toBeUndefined();
    expect(await stores.accounts.byId('nobody')).toBeUndefined();
  });

  test('a username or address that is taken is refused as account_exists', async () => {
    const { stores } = get();
    const ada = await stores.accounts.byId(await addAccount(stores));
    const taken = { code: 'account_exists' };
    await expect(addAccount(stores, { username: ada?.username ?? '' })).rejects.toMatchObject(taken);
    await expect(addAccount(stores, { email: ada?.email ?? '' })).rejects.toMatchObject(taken);
    await addAccount(stores, { email: null });
    await addAccount(stores, { email: null });
  });

  test('accounts are listed a page at a time', async () => {
    const { stores } = get();
    await addAccount(stores);
    const all = await stores.accounts.list(1000);
    const [first, second] = [await stores.accounts.list(1), await stores.accounts.list(1, all[0]?.id)];
    expect([...first, ...second]).toEqual(all.slice(0, 2));
    expect(all[0]).toEqual(await stores.accounts.byId(all[0]?.id ?? ''));
  });

  test('an account is in the groups it was put in last', async () => {
    const { stores } = get();
    const [plain, staff] = [await addAccount(stores), await addAccount(stores, { groups: ['staff'] })];
    expect((await stores.accounts.byId(plain))?.groups).toEqual([]);
    expect((await stores.accounts.byId(staff))?.groups).toEqual(['staff']);
    await stores.accounts.setGroups(staff, ['a', 'b'], NOW);
    expect((await stores.accounts.byId(staff))?.groups).toEqual(['a', 'b']);
    expect((await stores.accounts.byId(plain))?.groups).toEqual([]);
  });

  test('the method used last is kept', async () => {
    const { stores } = get();
    const id = await addAccount(stores);
    await stores.accounts.setLastMethod(id, 'passkey', NOW);
    expect((await stores.accounts.byId(id))?.lastMethod).toBe('passkey');
  });

  test('rule 4: disabling an account ends its sessions, proofs, records, grants and tokens, and no one else’s', async () => {
    const { db, stores } = get();
    const [ada, bob] = [await addAccount(stores), await addAccount(stores)];
    const left: Record<string, string[]> = { proof: [], assurance_record: [], artifact: [], session: [] };
    for (const accountId of [ada, bob]) {
      const uid = await addSession(db, { uid: random.id(), accountId });
      const [proof, record] = [proofOf(accountId), recordOf(accountId)];
      await stores.proofs.add(proof);
      await stores.records.add(record);
      const token = await addArtifact(db, { accountId, recordId: record.id });
      const grant = await addArtifact(db, { accountId, model: 'Grant' });
      left['session']?.push(uid);
      left['proof']?.push(proof.id);
      left['assurance_record']?.push(record.id);
      left['artifact']?.push(token, grant);
    }
    await stores.accounts.setStatus(ada, 'disabled', NOW);
    expect((await stores.accounts.byId(ada))?.status).toBe('disabled');
    for (const [table, ids] of Object.entries(left)) {
      const key = table === 'session' ? 'uid' : 'id';
      expect(await remaining(db, table, ids, key), table).toEqual(ids.slice(ids.length / 2));
    }
    await stores.accounts.setStatus(ada, 'active', NOW);
    expect((await stores.accounts.byId(ada))?.status).toBe('active');
  });
}

function credentials(get: () => Subject): void {
  test('every kind of credential comes back as it was added', async () => {
    const { stores } = get();
    const accountId = await addAccount(stores);
    const added = [
      passwordOf(accountId),
      totpOf(accountId),
      passkeyOf(accountId),
      passkeyOf(accountId, { attestation: null, boundAt: null }),
    ];
    for (const credential of added) await stores.credentials.add(credential);
    expect(await stores.credentials.byAccount(accountId)).toEqual(added);
    for (const credential of added) {
      expect(await stores.credentials.byId(credential.id)).toEqual(credential);
    }
    expect(await stores.credentials.byWebauthnId(passkeyOf(accountId).webauthnId)).toBeUndefined();
    const passkey = added[2];
    if (passkey?.method !== 'passkey') throw new Error('not a passkey');
    expect(await stores.credentials.byWebauthnId(passkey.webauthnId)).toEqual(passkey);
  });

  test('a passkey is registered once, for whichever account', async () => {
    const { stores } = get();
    const passkey = passkeyOf(await addAccount(stores));
    await stores.credentials.add(passkey);
    const again = passkeyOf(await addAccount(stores), { webauthnId: passkey.webauthnId });
    await expect(stores.credentials.add(again)).rejects.toMatchObject({ code: 'passkey_registered' });
  });

  test('a credential is renamed and removed by its owner only', async () => {
    const { stores } = get();
    const [ada, bob] = [await addAccount(stores), await addAccount(stores)];
    const { id } = passkeyOf(ada);
    await stores.credentials.add({ ...passkeyOf(ada), id });
    expect(await stores.credentials.rename(bob, id, 'his')).toBe(false);
    expect(await stores.credentials.remove(bob, id)).toBe(false);
    expect(await stores.credentials.rename(ada, id, 'hers')).toBe(true);
    expect((await stores.credentials.byId(id))?.label).toBe('hers');
    expect(await stores.credentials.remove(ada, id)).toBe(true);
    expect(await stores.credentials.byId(id)).toBeUndefined();
    expect(await stores.credentials.remove(ada, id)).toBe(false);
  });

  test('rule 4: removing a credential ends its proofs and every record and stored token on them', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const [lost, kept] = [passkeyOf(accountId), totpOf(accountId)];
    for (const credential of [lost, kept]) await stores.credentials.add(credential);
    const proofs = [lost, kept].map(({ id }) => proofOf(accountId, { credentialId: id }));
    const records = [[lost.id], [kept.id, lost.id], [kept.id]].map((credentialIds) =>
      recordOf(accountId, { credentialIds }),
    );
    for (const proof of proofs) await stores.proofs.add(proof);
    const tokens: string[] = [];
    for (const record of records) {
      await stores.records.add(record);
      tokens.push(await addArtifact(db, { accountId, recordId: record.id }));
    }
    await stores.credentials.remove(accountId, lost.id);
    expect(
      await remaining(
        db,
        'proof',
        proofs.map(({ id }) => id),
      ),
    ).toEqual([proofs[1]?.id]);
    expect(
      await remaining(
        db,
        'assurance_record',
        records.map(({ id }) => id),
      ),
    ).toEqual([records[2]?.id]);
    expect(await remaining(db, 'artifact', tokens)).toEqual([tokens[2]]);
  });

  test('rule 4: a password in the place of another: what rested on the old one ends, but for proofs of one session', async () => {
    const { db, stores } = get();
    const accountId = await addAccount(stores);
    const [old, next] = [passwordOf(accountId), passwordOf(accountId)];
    await stores.credentials.add(old);
    const proofs = ['keep', 'other', null].map(() => proofOf(accountId, { credentialId: old.id }));
    for (const [index, uid] of ['keep', 'other', null].entries()) {
      const proof = proofs[index] ?? proofOf(accountId);
      await stores.proofs.add(proof);
      if (uid) await stores.proofs.promote(proof.transaction, uid, null);
    }
    const record = recordOf(accountId, { credentialIds: [old.id], sessionUid: 'keep' });
    await stores.records.add(record);
    const token = await addArtifact(db, { accountId, recordId: record.id });
    expect(await stores.credentials.replacePassword(old.id, next, 'keep')).toBe(true);
    expect((await stores.credentials.byAccount(accountId)).map(({ id }) => id)).toEqual([next.id]);
    expect(await stores.proofs.ofSession('keep', NOW)).toMatchObject([
      { id: proofs[0]?.id, at: NOW, credentialId: next.id },
    ]);
    const ids = proofs.map(({ id }) => id);
    expect(await remaining(db, 'proof', ids)).toEqual([ids[0]]);
    expect(await remaining(db, 'artifact', [token])).toEqual([]);
    expect(await stores.credentials.replacePassword(old.id, passwordOf(accountId), 'keep')).toBe(false);
    const another = passwordOf(await addAccount(stores));
    expect(await stores.credentials.replacePassword(next.id, another, 'keep')).toBe(false);
  });

  test('a new password hash replaces the old one, and use is noted', async () => {
    const { stores } = get();
    const password = passwordOf(await addAccount(stores));
    await stores.credentials.add(password);
    await stores.credentials.setPasswordHash(password.id, 'new');
    await stores.credentials.touch(password.id, NOW + 5);
    expect(await stores.credentials.byId(password.id)).toMatchObject({ hash: 'new', lastUsedAt: NOW + 5 });
  });
}

function conditionalUse(get: () => Subject): void {
  test('a TOTP step is accepted once, of twenty that come at the same time', async () => {
    const { stores } = get();
    const totp = totpOf(await addAccount(stores));
    await stores.credentials.add(totp);
    const take = (step: number) => stores.credentials.takeTotpStep(totp.id, step, NOW);
    const taken = await Promise.all(Array.from({ length: 20 }, () => take(100)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await take(99)).toBe(false);
    expect(await take(101)).toBe(true);
  });

  test.each([
    { stored: 5, shown: 6, accepted: true },
    { stored: 5, shown: 5, accepted: false },
    { stored: 5, shown: 4, accepted: false },
    { stored: 5, shown: 0, accepted: false },
    { stored: 0, shown: 0, accepted: true },
    { stored: 0, shown: 1, accepted: true },
  ])('a passkey’s counter of $stored followed by $shown: accepted $accepted', async (row) => {
    const { stores } = get();
    const passkey = passkeyOf(await addAccount(stores), { counter: row.stored });
    await stores.credentials.add(passkey);
    const use = { counter: row.shown, userVerified: true, backedUp: true };
    expect(await stores.credentials.takePasskeyCounter(passkey.id, use, NOW)).toBe(row.accepted);
    const after = row.accepted ? { counter: row.shown, userVerifying: true, backedUp: true } : passkey;
    expect(await stores.credentials.byId(passkey.id)).toMatchObject(after);
  });

  test('an authenticator that has verified its user stays known to be able to', async () => {
    const { stores } = get();
    const passkey = passkeyOf(await addAccount(stores), { userVerifying: true });
    await stores.credentials.add(passkey);
    const use = { counter: 0, userVerified: false, backedUp: false };
    await stores.credentials.takePasskeyCounter(passkey.id, use, NOW);
    expect(await stores.credentials.byId(passkey.id)).toMatchObject({ userVerifying: true });
  });
}
