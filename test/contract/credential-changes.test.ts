import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLastFactor, removeCredential, renameCredential } from '../../src/services/credential-changes.ts';
import type { Credential } from '../../src/services/ports/people.ts';
import { noPostgres } from '../support/database.ts';
import {
  audited,
  changing,
  codeOf,
  createPerson,
  createWorld,
  type FactorWorld,
  signIn,
} from '../support/factor-world.ts';
import { addPasskey, addTotp, currentCode, usePasskey, useTotp } from '../support/factors.ts';
import { addArtifact, addSession, proofOf, recordOf, remaining } from '../support/rows.ts';

describe.skipIf(noPostgres)('changing factors', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  /** A person with a password, an app and a passkey, who has just used password and passkey. */
  async function person() {
    const account = await createPerson(world);
    const app = await addTotp(world, account);
    const key = await addPasskey(world, account);
    const context = await signIn(world, account);
    return { account, app, key, context, prove: () => usePasskey(world, context, key.authenticator) };
  }

  const credentialsOf = (accountId: string) => world.deps.credentials.byAccount(accountId);

  test('rule 6: removing needs the best level of the account: a password and a code are not enough', async () => {
    const { account, app, context } = await person();
    expect(await useTotp(world, context, currentCode(world, app))).toBe('none');
    expect(await codeOf(removeCredential(world.deps, await changing(world, context), app.id))).toBe(
      'step_up_required',
    );
    expect(await credentialsOf(account.id)).toHaveLength(3);
  });

  test('rule 6: with the best level fresh it is removed, the person told, and the audit written', async () => {
    const { account, app, context, prove } = await person();
    expect(await prove()).toBe('none');
    await removeCredential(world.deps, await changing(world, context), app.id);
    expect((await credentialsOf(account.id)).map(({ id }) => id)).not.toContain(app.id);
    expect(world.mails.at(-1)).toMatchObject({ to: account.email, text: expect.stringContaining('"App"') });
    const events = await audited(world, 'credential_removed');
    expect(events.at(-1)).toMatchObject({
      account_id: account.id,
      data: { credential: app.id, method: 'totp' },
    });
  });

  test('rule 6: fresh is five minutes', async () => {
    const { app, context, prove } = await person();
    expect(await prove()).toBe('none');
    const later = async () => ({
      ...(await changing(world, context)),
      transaction: { id: 'other', clientId: 'account' },
    });
    world.pass(301);
    expect(await codeOf(removeCredential(world.deps, await later(), app.id))).toBe('step_up_required');
  });

  test('rule 4: with a credential go its proofs, and every record and stored token on them', async () => {
    const { account, key, app, context, prove } = await person();
    const { db } = world.database;
    const uid = await addSession(db, { uid: world.deps.random.id(), accountId: account.id });
    const own = recordOf(account.id, { credentialIds: [key.credential.id], sessionUid: uid });
    const other = recordOf(account.id, { credentialIds: [app.id], sessionUid: uid });
    for (const record of [own, other]) await world.deps.records.add(record);
    const tokens = [
      await addArtifact(db, { recordId: own.id }),
      await addArtifact(db, { recordId: other.id }),
    ];
    const expiresAt = world.deps.clock.now() + 1000;
    const old = proofOf(account.id, { method: 'passkey', credentialId: key.credential.id, expiresAt });
    await world.deps.proofs.add(old);
    expect(await prove()).toBe('none');
    await removeCredential(world.deps, await changing(world, context), key.credential.id);
    expect(await remaining(db, 'assurance_record', [own.id, other.id])).toEqual([other.id]);
    expect(await remaining(db, 'artifact', tokens)).toEqual([tokens[1]]);
    expect(await remaining(db, 'proof', [old.id])).toEqual([]);
    const proofs = await world.deps.proofs.ofTransaction(context.transactionId, world.deps.clock.now());
    expect(proofs.map(({ method }) => method)).toEqual(['password']);
  });

  test('the last way into an account stays, also when an app would be left', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    const [password] = await credentialsOf(account.id);
    const id = password?.id ?? '';
    expect(await codeOf(removeCredential(world.deps, await changing(world, context), id))).toBe(
      'last_factor',
    );
    await addTotp(world, account);
    expect(await codeOf(removeCredential(world.deps, await changing(world, context), id))).toBe(
      'last_factor',
    );
    expect(isLastFactor(world.deps, await credentialsOf(account.id), id)).toBe(true);
  });

  test('two tabs that remove different factors at once cannot lock the person out', async () => {
    for (let round = 0; round < 5; round += 1) {
      const account = await createPerson(world);
      const key = await addPasskey(world, account);
      const context = await signIn(world, account);
      expect(await usePasskey(world, context, key.authenticator)).toBe('none');
      const change = await changing(world, context);
      const both = change.facts.credentials.map(({ id }) => id);
      const answers = await Promise.all(both.map((id) => codeOf(removeCredential(world.deps, change, id))));
      expect(answers.sort()).toEqual(['last_factor', 'none']);
      expect(await credentialsOf(account.id)).toHaveLength(1);
    }
  });

  test('a factor that is removed while it is used leaves no proof that counts, and nobody waits in a circle', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { account, context, prove } = await person();
      expect(await prove()).toBe('none');
      const change = await changing(world, context);
      const [password] = change.facts.credentials;
      const uses = Array.from({ length: 4 }, () => codeOf(signIn(world, account)));
      const removal = codeOf(removeCredential(world.deps, change, password?.id ?? ''));
      expect(await removal).toBe('none');
      for (const answer of await Promise.all(uses)) expect(['none', 'wrong_credentials']).toContain(answer);
    }
  });

  test('rule 6: a refused removal is audited, with why', async () => {
    const { account, app, context } = await person();
    await codeOf(removeCredential(world.deps, await changing(world, context), app.id));
    const lonely = await createPerson(world);
    const [only] = await credentialsOf(lonely.id);
    const alone = await changing(world, await signIn(world, lonely));
    await codeOf(removeCredential(world.deps, alone, only?.id ?? ''));
    expect((await audited(world, 'credential_removed')).slice(-2)).toMatchObject([
      {
        outcome: 'denied',
        account_id: account.id,
        data: { credential: app.id, method: 'totp', error: 'step_up_required' },
      },
      { outcome: 'denied', account_id: lonely.id, data: { method: 'password', error: 'last_factor' } },
    ]);
  });

  test('another person’s factor is not found', async () => {
    const [mine, theirs] = [await person(), await person()];
    expect(await mine.prove()).toBe('none');
    const change = await changing(world, mine.context);
    expect(await codeOf(removeCredential(world.deps, change, theirs.app.id))).toBe('credential_not_found');
    const rename = renameCredential(world.deps, change, { id: theirs.app.id, label: 'Mine' });
    expect(await codeOf(rename)).toBe('credential_not_found');
  });

  test('a factor is renamed, with an audit', async () => {
    const { account, app, context } = await person();
    await renameCredential(world.deps, await changing(world, context), {
      id: app.id,
      label: '  Old   phone ',
    });
    const labels = (await credentialsOf(account.id)).map((credential: Credential) => credential.label);
    expect(labels).toContain('Old phone');
    const events = await audited(world, 'credential_renamed');
    expect(events.at(-1)).toMatchObject({ account_id: account.id, outcome: 'success' });
  });

  test.each(['', ' ', 'x'.repeat(61), 'a\u0007b'])('the name %j is refused', async (label) => {
    const { app, context } = await person();
    const rename = renameCredential(world.deps, await changing(world, context), { id: app.id, label });
    expect(await codeOf(rename)).toBe('invalid_label');
  });
});
