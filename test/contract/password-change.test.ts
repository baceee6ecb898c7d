/** Changing the password on the account page: rule 6 opens it, rule 4 ends what the old one opened. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maySetPassword, type PasswordContext, setPassword } from '../../src/services/password-change.ts';
import type { Account } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  changing,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  openTransaction,
  PASSWORD,
  signIn,
} from '../support/factor-world.ts';
import { addPasskey, addTotp, currentCode, usePasskey, useTotp } from '../support/factors.ts';
import { addArtifact, addSession, recordOf, remaining } from '../support/rows.ts';

const NEXT = 'a punt on the broad water';

describe.skipIf(noPostgres)('changing the password', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  const passwordsOf = async ({ id }: Account) =>
    (await world.deps.credentials.byAccount(id)).filter(({ method }) => method === 'password');
  const passwordOf = async (account: Account) => {
    const [only, ...others] = await passwordsOf(account);
    if (only?.method !== 'password' || others.length > 0) throw new Error('not one password');
    return only;
  };
  const proofsOf = (uid: string) => world.deps.proofs.ofSession(uid, world.deps.clock.now());

  /** A session in which the person gave the password. */
  async function session(account: Account) {
    const uid = await addSession(world.database.db, { uid: world.deps.random.id(), accountId: account.id });
    const { transactionId } = await signIn(world, account);
    await world.deps.proofs.promote(transactionId, uid, null);
    const context = await openTransaction(world, { accountId: account.id, sessionUid: uid });
    const change = async (): Promise<PasswordContext> => ({
      ...(await changing(world, context)),
      sessionUid: uid,
    });
    return { uid, context, change };
  }

  /** A record on the password in a session, and a stored token on it. */
  async function tokenIn(account: Account, uid: string) {
    const credentialIds = [(await passwordOf(account)).id];
    const record = recordOf(account.id, { sessionUid: uid, credentialIds });
    await world.deps.records.add(record);
    return addArtifact(world.database.db, {
      recordId: record.id,
      accountId: account.id,
      sessionUid: uid,
      expiresAt: world.deps.clock.now() + 1000,
    });
  }

  test('rule 4: a changed password ends everything on the old one, and every other session', async () => {
    const account = await createPerson(world);
    const [here, there] = [await session(account), await session(account)];
    const old = await passwordOf(account);
    const tokens = [await tokenIn(account, here.uid), await tokenIn(account, there.uid)];
    const staged = await signIn(world, account);
    await setPassword(world.deps, await here.change(), NEXT);
    const next = await passwordOf(account);
    expect(next.id).not.toBe(old.id);
    expect(await world.deps.hasher.verify(next.hash, NEXT)).toMatchObject({ ok: true });
    expect(await remaining(world.database.db, 'artifact', tokens)).toEqual([]);
    expect(await remaining(world.database.db, 'session', [here.uid, there.uid], 'uid')).toEqual([here.uid]);
    expect(await proofsOf(there.uid)).toEqual([]);
    expect(await world.deps.proofs.ofTransaction(staged.transactionId, world.deps.clock.now())).toEqual([]);
    expect(await codeOf(signIn(world, account))).toBe('wrong_credentials');
  });

  test('rule 2: this session keeps what was proved in it, with its time: a change makes nothing fresh', async () => {
    const account = await createPerson(world);
    const here = await session(account);
    const [before] = await proofsOf(here.uid);
    world.pass(200);
    await setPassword(world.deps, await here.change(), NEXT);
    expect(await proofsOf(here.uid)).toEqual([{ ...before, credentialId: (await passwordOf(account)).id }]);
    expect((await maySetPassword(world.deps, await here.change())).kind).toBe('allowed');
    world.pass(120);
    expect((await maySetPassword(world.deps, await here.change())).kind).toBe('stepUp');
  });

  test('rule 6: it needs the best level of the account, fresh; a refusal is audited', async () => {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const here = await session(account);
    expect(await codeOf(setPassword(world.deps, await here.change(), NEXT))).toBe('step_up_required');
    expect((await audited(world, 'credential_changed')).at(-1)).toMatchObject({
      outcome: 'denied',
      account_id: account.id,
      data: { method: 'password', credential: expect.any(String), error: 'step_up_required' },
    });
    expect(await useTotp(world, here.context, currentCode(world, app))).toBe('none');
    await setPassword(world.deps, await here.change(), NEXT);
    world.pass(301);
    const later = { ...(await here.change()), transaction: { id: 'other', clientId: 'account' } };
    expect(await codeOf(setPassword(world.deps, later, PASSWORD))).toBe('step_up_required');
  });

  test('rule 6: every address is told, and the audit says what was replaced and how it is bound', async () => {
    const account = await createPerson(world);
    const here = await session(account);
    const old = await passwordOf(account);
    await session(account);
    await setPassword(world.deps, await here.change(), NEXT);
    expect(world.mails.at(-1)).toMatchObject({
      to: account.email,
      subject: 'Your password was changed',
      text: expect.stringContaining('In every browser but the one in which this was done'),
    });
    const next = await passwordOf(account);
    expect((await audited(world, 'credential_changed')).at(-1)).toMatchObject({
      outcome: 'success',
      account_id: account.id,
      session_uid: here.uid,
      data: {
        credential: next.id,
        replaced: old.id,
        boundAt: next.boundAt,
        sessionsEnded: 1,
        decision: { facts: { request: { change: 'credential_changed' } }, outcome: 'satisfied' },
      },
    });
    expect(JSON.stringify([world.mails.at(-1), await audited(world, 'credential_changed')])).not.toContain(
      NEXT,
    );
  });

  test('rule 6: a password set through the address stays one: changing it does not launder it', async () => {
    const account = await createPerson(world);
    const sql = `UPDATE "credential" SET "bound_by" = 'email_code' WHERE "account_id" = $1`;
    await world.database.db.query(sql, [account.id]);
    const here = await session(account);
    await setPassword(world.deps, await here.change(), NEXT);
    expect(await passwordOf(account)).toMatchObject({ boundBy: 'email_code' });
  });

  test.each([
    ['short', 'password_too_weak'],
    ['password123', 'password_too_weak'],
    [PASSWORD, 'password_unchanged'],
  ])('%j is refused, and nothing changes', async (typed, code) => {
    const account = await createPerson(world);
    const here = await session(account);
    const old = await passwordOf(account);
    expect(await codeOf(setPassword(world.deps, await here.change(), typed))).toBe(code);
    expect(await passwordOf(account)).toEqual(old);
  });

  test('two tabs at once: one password, and the other tab is told', async () => {
    const account = await createPerson(world);
    const change = await (await session(account)).change();
    const typed = [NEXT, `${NEXT} again`];
    const answers = await Promise.all(typed.map((each) => codeOf(setPassword(world.deps, change, each))));
    expect(answers.sort()).toEqual(['credential_not_found', 'none']);
    expect(await passwordsOf(account)).toHaveLength(1);
  });

  test('rule 4: whoever is using the old password while it is changed is left with nothing', async () => {
    for (let round = 0; round < 5; round += 1) {
      const account = await createPerson(world);
      const here = await session(account);
      const change = await here.change();
      const uses = Array.from({ length: 4 }, () => signIn(world, account).catch(() => undefined));
      await setPassword(world.deps, change, NEXT);
      const held = await passwordOf(account);
      for (const used of await Promise.all(uses)) {
        const { facts } = used ? await changing(world, used) : { facts: { proofs: [] } };
        expect(facts.proofs.filter(({ credentialId }) => credentialId === held.id)).toEqual([]);
      }
      expect(await world.deps.hasher.verify(held.hash, NEXT)).toMatchObject({ ok: true });
    }
  });

  test('an account without a password has none to change: it is added inside an interaction', async () => {
    const account = await createPerson(world, { password: null });
    const { authenticator } = await addPasskey(world, account);
    const uid = await addSession(world.database.db, { uid: world.deps.random.id(), accountId: account.id });
    const context = await openTransaction(world, { accountId: account.id, sessionUid: uid });
    expect(await usePasskey(world, context, authenticator)).toBe('none');
    const change = { ...(await changing(world, context)), sessionUid: uid };
    expect(await maySetPassword(world.deps, change)).toEqual({ kind: 'refused' });
    expect(await codeOf(setPassword(world.deps, change, NEXT))).toBe('credential_not_found');
    expect(await passwordsOf(account)).toEqual([]);
  });
});
