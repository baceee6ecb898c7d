/** An administrator's code confirms a first second factor where no address can, for one account, once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../../src/domain/evaluate.ts';
import { adminCodeFactor, issueAdminCode } from '../../src/services/admin-code.ts';
import { type AttemptContext, attempt } from '../../src/services/attempt.ts';
import { mayEnrol } from '../../src/services/change-gate.ts';
import { emailCodeFactor, sendEmailCode } from '../../src/services/email-code.ts';
import { beginTotp } from '../../src/services/enrol-totp.ts';
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
  signIn,
} from '../support/factor-world.ts';
import { mailedCode, useEmailCode } from '../support/factors.ts';

describe.skipIf(noPostgres)('a code from an administrator', () => {
  let world: FactorWorld;

  beforeAll(async () => {
    world = await createWorld({ config: { throttle: { address: { attempts: 100_000, window: 900 } } } });
  });
  afterAll(() => world.database.drop());

  const unreachable = () => createPerson(world, { email: null });
  const issue = async (account: Account) => (await issueAdminCode(world.deps, account)).code;
  const use = ({ deps }: FactorWorld, context: AttemptContext, code: string) =>
    codeOf(attempt(deps, context, adminCodeFactor(deps, { accountId: context.accountId, code })));
  const gateOf = async (context: AttemptContext) =>
    mayEnrol(world.deps, await changing(world, context), 'totp');
  const other = (code: string) => (code === '00000000' ? '00000001' : '00000000');

  test('rule 6: it confirms where there is no verified address, and the credential says so', async () => {
    const account = await unreachable();
    const context = await signIn(world, account);
    const code = await issue(account);
    expect(await codeOf(beginTotp(world.deps, await changing(world, context)))).toBe('step_up_required');
    expect(await use(world, context, other(code))).toBe('wrong_code');
    expect(await gateOf(context)).toMatchObject({ kind: 'confirm', channel: 'admin_code' });
    expect(await use(world, context, code)).toBe('none');
    expect(await gateOf(context)).toMatchObject({
      kind: 'allowed',
      boundAt: 'urn:stile:acr:1fa',
      boundBy: 'admin_code',
    });
  });

  test('rule 6: it confirms where the address itself set the first factor', async () => {
    const account = await createPerson(world);
    const sql = `UPDATE "credential" SET "bound_by" = 'email_code' WHERE "account_id" = $1`;
    await world.database.db.query(sql, [account.id]);
    const context = await signIn(world, account);
    expect(await useEmailCode(world, context, (await mailedCode(world, context)) ?? '')).toBe('none');
    expect(await gateOf(context)).toMatchObject({ kind: 'confirm', channel: 'admin_code' });
    expect(await use(world, context, await issue(account))).toBe('none');
    expect((await gateOf(context)).kind).toBe('allowed');
  });

  test('it confirms in the transaction in which it was entered, and in no other', async () => {
    const account = await unreachable();
    const [context, later] = [await signIn(world, account), await signIn(world, account)];
    expect(await use(world, context, await issue(account))).toBe('none');
    expect((await gateOf(context)).kind).toBe('allowed');
    expect(await gateOf(later)).toMatchObject({ kind: 'confirm', channel: 'admin_code' });
  });

  test('it is no way in: not before a first factor, and it holds no level, whatever the ladder says', async () => {
    const account = await unreachable();
    const nobody = await openTransaction(world, { accountId: account.id, pinned: true });
    const code = await issue(account);
    expect(await use(world, nobody, code)).toBe('bad_request');
    const context = await signIn(world, account);
    expect(await use(world, context, code)).toBe('none');
    const [given] = (
      await world.deps.proofs.ofTransaction(context.transactionId, world.deps.clock.now())
    ).filter(({ method }) => method === 'admin_code');
    expect(given).toMatchObject({ kinds: [], phishingResistant: false });
    const any = { acr: 'any', alternatives: [{ slots: [{}] }], perClient: false, crossDevice: true };
    for (const levels of [world.deps.levels, [{ ...any, aliases: [] }]]) {
      const outcome = evaluate({
        proofs: given ? [given] : [],
        requirement: { clauses: [] },
        levels,
        account: { credentials: [], enrollable: [] },
        transaction: { id: context.transactionId, clientId: 'bank' },
        now: world.deps.clock.now(),
      });
      expect(outcome.kind).toBe('unmet');
    }
  });

  test('it is another account’s to nobody', async () => {
    const [one, two] = [await unreachable(), await unreachable()];
    const code = await issue(one);
    const context = await signIn(world, two);
    expect(await use(world, context, code)).toBe('code_expired');
    await issue(two);
    expect(await use(world, context, code)).toBe('wrong_code');
    expect(await use(world, await signIn(world, one), code)).toBe('none');
  });

  test('it and an emailed code never stand for one another', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    const owner = `tx:${context.transactionId}`;
    const fixed = { ...world.deps, random: { ...world.deps.random, digits: () => '12345678' } };
    const byMail = () =>
      attempt(
        world.deps,
        context,
        emailCodeFactor(world.deps, { owner, accountId: account.id, code: '12345678' }),
      );
    await issueAdminCode(fixed, account);
    expect(await codeOf(byMail())).toBe('code_expired');
    expect(await use(world, context, '12345678')).toBe('none');
    await sendEmailCode(fixed, { owner, accountId: account.id, correlationId: null });
    expect(await use(world, context, '12345678')).toBe('code_expired');
    expect(await codeOf(byMail())).toBe('none');
  });

  test('it is used once, also when five transactions enter it at once', async () => {
    const account = await unreachable();
    const code = await issue(account);
    const contexts = await Promise.all(Array.from({ length: 10 }, () => signIn(world, account)));
    const answers = await Promise.all(contexts.slice(0, 5).map((context) => use(world, context, code)));
    expect(answers.filter((answer) => answer === 'none')).toHaveLength(1);
    const rest = await Promise.all(contexts.slice(5).map((context) => use(world, context, code)));
    expect(new Set(rest)).toEqual(new Set(['code_expired']));
  });

  test('a new one replaces the old one', async () => {
    const account = await unreachable();
    const [old, fresh] = [await issue(account), await issue(account)];
    const context = await signIn(world, account);
    expect(await use(world, context, old)).toBe(old === fresh ? 'none' : 'wrong_code');
    expect(await use(world, context, fresh)).toBe('none');
  });

  test('it lives as long as configured, and has as many tries', async () => {
    const account = await unreachable();
    const context = await signIn(world, account);
    const late = await issue(account);
    world.pass(900);
    expect(await use(world, context, late)).toBe('code_expired');
    const code = await issue(account);
    for (let tried = 0; tried < 5; tried += 1)
      expect(await use(world, context, other(code))).toBe('wrong_code');
    expect(await use(world, context, code)).toBe('code_expired');
  });

  test('five an hour for each account, counted before anything is made; emailed ones do not count', async () => {
    const account = await createPerson(world);
    const context = await signIn(world, account);
    for (let sent = 0; sent < 5; sent += 1) await mailedCode(world, context);
    let last = '';
    for (let made = 0; made < 5; made += 1) last = await issue(account);
    expect(await codeOf(issue(account))).toBe('too_many_attempts');
    expect(await use(world, context, last)).toBe('none');
    world.pass(3600);
    expect(await codeOf(issue(account))).toBe('none');
  });

  test('none for a disabled account, and none that was made before is taken', async () => {
    const account = await unreachable();
    const context = await signIn(world, account);
    const code = await issue(account);
    await world.deps.accounts.setStatus(account.id, 'disabled', world.deps.clock.now());
    const now = await world.deps.accounts.byId(account.id);
    expect(await codeOf(issueAdminCode(world.deps, now ?? account))).toBe('account_disabled');
    expect(await use(world, context, code)).not.toBe('none');
  });

  test('the audit says that an administrator issued it, and neither it nor the database shows it', async () => {
    const account = await unreachable();
    const code = await issue(account);
    const events = await audited(world, 'admin_code_issued');
    expect(events.at(-1)).toMatchObject({
      outcome: 'success',
      account_id: account.id,
      data: { issuedBy: 'administrator', expiresAt: world.deps.clock.now() + 900 },
    });
    const { rows } = await world.database.db.query('SELECT * FROM "ceremony" WHERE "account_id" = $1', [
      account.id,
    ]);
    const ceremony = await world.deps.ceremonies.peek(`account:${account.id}`, 'admin-code', 0);
    expect(rows).toHaveLength(1);
    expect(JSON.stringify([events, rows, ceremony])).not.toContain(code);
  });
});
