/** After a change of password every browser but the one it was made in is new again, and not remembered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/infra/db.ts';
import { createBrowserStore } from '../../../src/infra/stores/browsers.ts';
import { createRememberedDeviceStore } from '../../../src/infra/stores/remembered-devices.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, newPerson, type Person } from '../../support/journey.ts';
import { PASSWORD, passwordSignIn } from '../../support/people.ts';
import { type BankWithStile, startBankWithStile } from '../bank-with-stile.ts';

const NEXT = 'seven swans over the sluice';
const REASON = 'You have not signed in on this device before.';
const policy = `
version: 1
rules:
  - name: new-device
    when: request.event == "authorization" && !device.known && !device.remembered && risk.dormantDays >= 0
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: ${REASON}
`;

describe.skipIf(noPostgres)('a change of password at the bank', () => {
  let world: BankWithStile;
  let db: Database;

  beforeAll(async () => {
    world = await startBankWithStile({ policy });
    db = await openDatabase({ url: world.stile.database.url }, { log: { warn: () => {} } });
  });
  afterAll(async () => {
    await db?.close();
    await world?.stop();
  });

  /** A new session of the browser: what the page is once the password was given. */
  async function byPassword(agent: Agent, { username }: Person, password = PASSWORD): Promise<Page> {
    await leave(agent);
    return passwordSignIn(agent, await agent.open(`${world.bank.urls.client}/sign-in`), username, password);
  }

  async function leave(agent: Agent): Promise<void> {
    const home = await agent.open(world.bank.urls.client);
    if (home.body.includes('action="/sign-out"')) await agent.submit(home, '/sign-out');
    const account = await agent.open(`${world.stile.issuer}/account`);
    if (account.body.includes('/account/sign-out"')) await agent.submit(account, '/account/sign-out');
  }

  /** Signs in with everything that is asked for, and has the browser remembered. */
  async function makeFamiliar(agent: Agent, person: Person): Promise<void> {
    const ticking: Agent = {
      ...agent,
      submit: (page, action, fields) =>
        agent.submit(
          page,
          action,
          page.body.includes('name="remember"') ? { ...fields, remember: 'on' } : fields,
        ),
    };
    const page = await byPassword(agent, person);
    const { page: done } = await answer(world.stile, ticking, page, { person });
    expect(done.url).toBe(`${world.bank.urls.client}/account`);
  }

  it('the other browser is a new device again and not remembered; this one is as familiar as before', async () => {
    const person = await newPerson(world.stile, { totp: true });
    const [there, here] = [createAgent(), createAgent()];
    await byPassword(createAgent(), person);
    for (const agent of [there, here]) await makeFamiliar(agent, person);
    expect((await byPassword(there, person)).body).not.toContain(REASON);

    const form = await here.open(`${world.stile.issuer}/account/password`);
    const done = await here.submit(form, '/account/password', { password: NEXT, repeat: NEXT });
    expect(done.body).toContain('other browsers are no longer remembered');
    expect(done.body.match(/\/account\/devices\/[^"]+\/forget/g)).toHaveLength(1);

    expect((await byPassword(there, person, NEXT)).body).toContain(REASON);
    expect((await byPassword(here, person, NEXT)).url).toBe(`${world.bank.urls.client}/account`);
  });

  it('a sign-in that was judged before browsers were forgotten, and ends after, makes its own no more familiar', async () => {
    const person = await newPerson(world.stile, { totp: true });
    const stopAt = ['http://127.0.0.1:9/'];
    const there = createAgent(stopAt);
    await byPassword(createAgent(), person);
    await makeFamiliar(there, person);
    stopAt.push(`${world.stile.issuer}/auth/`);
    const { location = '' } = await byPassword(there, person);
    expect(location).toContain('/auth/');
    // As a change does whose transaction finds this one's row held, and leaves it.
    await createBrowserStore(db).forgetAll(person.id, []);
    await createRememberedDeviceStore(db).removeAll(person.id, []);
    stopAt.pop();
    expect((await there.open(location)).url).toBe(`${world.bank.urls.client}/account`);
    expect((await byPassword(there, person)).body).toContain(REASON);
  });

  it('a sign-in that browsers are forgotten in is kept all the same', async () => {
    const person = await newPerson(world.stile, { totp: true });
    const stopAt = ['http://127.0.0.1:9/'];
    const there = createAgent(stopAt);
    await byPassword(createAgent(), person);
    await makeFamiliar(there, person);
    stopAt.push(`${world.stile.issuer}/auth/`);
    const { location = '' } = await byPassword(there, person);
    const visits = async () => {
      const sql = 'SELECT "id" FROM "sign_in_history" WHERE "account_id" = $1';
      return (await db.query(sql, [person.id])).rows.length;
    };
    const before = await visits();
    await db.query(`UPDATE "auth_transaction" SET "state" = "state" - 'assessed'`);
    stopAt.pop();
    await there.open(location);
    expect(await visits()).toBe(before + 1);
  });
});
