/** Each thing that may ask for more, at the Harbour Bank: what the person is asked, and why, in the rule's own words. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rememberSignIn, visitOf } from '../../../src/services/risk.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { noPostgres } from '../../support/database.ts';
import { answer, newPerson, type Person } from '../../support/journey.ts';
import { rows } from '../../support/journeys.ts';
import { writeMmdb } from '../../support/mmdb.ts';
import { PASSWORD, passwordSignIn } from '../../support/people.ts';
import { type BankWithStile, startBankWithStile } from '../bank-with-stile.ts';

const policy = `
version: 1
rules:
  - name: new-device
    when: request.event == "authorization" && !device.known && !device.remembered && risk.dormantDays >= 0
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: You have not signed in on this device before.
  - name: far-away
    when: risk.newCountry
    require: { acr: ['urn:stile:acr:mfa', phr], maxAge: 600 }
    reason: You are signing in from a country that is new for you.
  - name: unlike-you
    when: risk.score >= 0.9 && "traders" in account.groups
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: This sign-in is unlike your others.
  - name: staff
    when: '"bank-staff" in account.groups'
    require: { acr: ['urn:stile:acr:mfa', phr], maxAge: 900 }
    reason: Staff confirm every sign-in.
  - name: odd-hour
    when: risk.unusualHour && request.event == "authorization" && !session.exists
    notify: true
    reason: You signed in at an hour that is unusual for you.
  - name: odd-hour-asks
    when: risk.unusualHour && "night-watch" in account.groups
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: You never sign in at this hour.
  - name: blocked
    when: '"blocked" in account.groups'
    deny: true
    reason: This account is being looked at. Please call us.
  - name: guessed
    when: request.event == "authorization" && risk.failuresOfAccount >= 2
    require: { acr: ['urn:stile:acr:mfa', phr] }
    reason: Somebody has tried to guess your password.
  - name: counted
    when: request.event == "authorization"
    require: { acr: [phr] }
    reason: Nobody sees this.
    mode: observe
`;

const HOME = '198.51.100.7';
const ABROAD = '203.0.113.9';
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

describe.skipIf(noPostgres)('policy at the bank', () => {
  let world: BankWithStile;
  let client: string;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stile-places-'));
    const countryDatabase = join(folder, 'countries.mmdb');
    const country = (code: string) => ({ country_code: code, country: { iso_code: code } });
    writeFileSync(
      countryDatabase,
      writeMmdb({ '198.51.100.0/24': country('GB'), '203.0.113.0/24': country('AU') }),
    );
    world = await startBankWithStile({ policy, config: { trustProxy: 1, network: { countryDatabase } } });
    client = world.bank.urls.client;
  });
  afterAll(() => world?.stop());

  /** A browser somewhere. */
  function browser(address = HOME, userAgent = firefox): Agent {
    return createAgent(undefined, undefined, { 'X-Forwarded-For': address, 'User-Agent': userAgent });
  }

  async function person(groups: readonly string[] = [], factors = { totp: true }): Promise<Person> {
    const made = await newPerson(world.stile, factors);
    const { accounts, clock } = world.stile.core.services;
    await accounts.setGroups(made.id, groups, clock.now());
    return made;
  }

  /** As far as a password goes: the bank, or what is asked for next. */
  async function byPassword(agent: Agent, who: Person): Promise<Page> {
    const page = await agent.open(`${client}/sign-in`);
    return page.body.includes('/identifier"') ? passwordSignIn(agent, page, who.username) : page;
  }

  /** Signs in with whatever is asked for. */
  async function signIn(agent: Agent, who: Person): Promise<readonly string[]> {
    const { page, asked } = await answer(world.stile, agent, await agent.open(`${client}/sign-in`), {
      person: who,
    });
    expect(page.url).toBe(`${client}/account`);
    return asked;
  }

  /** A past of sign-ins at this time of day, from home, in this browser. */
  async function past(who: Person, { days = 20, hours = 0 } = {}): Promise<void> {
    const { risk, clock } = world.stile.core.services;
    const request = { sessionUid: null, address: HOME, headers: { userAgent: firefox }, browserHash: 'old' };
    for (let day = days; day > 0; day -= 1) {
      const at = clock.now() - day * 86_400 + hours * 3600;
      const { visit } = visitOf({ ...risk, clock: { now: () => at } }, request);
      await rememberSignIn(risk, { accountId: who.id, sessionUid: null, visit, vouched: true });
    }
  }

  it('a new device: a second factor, and why; the device is then known', async () => {
    const who = await person();
    const [first, second] = [browser(), browser()];
    expect(await signIn(first, who)).toEqual(['password']);
    const page = await byPassword(second, who);
    expect(page.body).toContain('You have not signed in on this device before.');
    expect((await answer(world.stile, second, page, { person: who })).page.url).toBe(`${client}/account`);
    expect(await signIn(second.fork(), who)).toEqual([]);
    expect(await rememberedOf(who)).toEqual([]);
  });

  it('a password alone, where more was asked for, makes no device known', async () => {
    const who = await person();
    expect(await signIn(browser(), who)).toEqual(['password']);
    const thief = browser();
    for (let round = 0; round < 2; round += 1)
      expect((await byPassword(thief.fork(), who)).body).toContain(
        'You have not signed in on this device before.',
      );
    await byPassword(thief, who);
    expect((await byPassword(thief, who)).body).toContain('You have not signed in on this device before.');
  });

  it('a remembered device is not new, until it is forgotten; it satisfies no level', async () => {
    const who = await person();
    const agent = browser();
    expect(await signIn(agent, who)).toEqual(['password']);
    const other = browser();
    const page = await byPassword(other, who);
    expect(page.body).toContain('name="remember"');
    const { page: done } = await answer(world.stile, withTick(other), page, { person: who });
    expect(done.url).toBe(`${client}/account`);
    const account = await other.open(`${world.stile.issuer}/account`);
    expect(account.body).toContain('Remembered browsers');
    const [device] = await rememberedOf(who);
    await world.stile.core.db.query(
      `UPDATE "sign_in_history" SET "device_hash" = '' WHERE "account_id" = $1`,
      [who.id],
    );
    await leave(other);
    const { accounts, clock } = world.stile.core.services;
    await accounts.setGroups(who.id, ['bank-staff'], clock.now());
    const staff = await byPassword(other, who);
    expect(staff.body).toContain('Staff confirm every sign-in.');
    expect(staff.body).not.toContain('You have not signed in on this device before.');
    await accounts.setGroups(who.id, [], clock.now());
    expect(await signIn(other, who)).toEqual(['password']);
    const again = await other.open(`${world.stile.issuer}/account`);
    const forgotten = await other.submit(again, `/account/devices/${device?.id}/forget`);
    expect(forgotten.body).toContain('That browser is no longer remembered.');
    await world.stile.core.db.query(
      `UPDATE "sign_in_history" SET "device_hash" = '' WHERE "account_id" = $1`,
      [who.id],
    );
    await leave(other);
    expect((await byPassword(other, who)).body).toContain('You have not signed in on this device before.');
  });

  it('a password alone, although it was enough, makes no device known, nor is its wish to be remembered granted', async () => {
    const who = await person();
    const agent = browser();
    const { page, asked } = await answer(
      world.stile,
      withTick(agent),
      await withTick(agent).open(`${client}/sign-in`),
      { person: who },
    );
    expect([page.url, asked]).toEqual([`${client}/account`, ['password']]);
    expect(await rememberedOf(who)).toEqual([]);
    await leave(agent);
    const again = await byPassword(agent, who);
    expect(again.body).toContain('You have not signed in on this device before.');
    await answer(world.stile, agent, again, { person: who });
    await leave(agent);
    expect(await signIn(agent, who)).toEqual(['password']);
  });

  it('who has only a password is known by it', async () => {
    const who = await person([], { totp: false });
    const agent = browser();
    expect(await signIn(agent, who)).toEqual(['password']);
    await leave(agent);
    expect(await signIn(agent, who)).toEqual(['password']);
  });

  const rememberedOf = ({ id }: Person) =>
    rows<{ id: string }>(world.stile, 'SELECT "id" FROM "remembered_device" WHERE "account_id" = $1', [id]);

  /** The same browser, whose person ticks the box; with a first password, where there is none, it is sent all the same. */
  function withTick(agent: Agent): Agent {
    return {
      ...agent,
      submit: (page, action, fields) =>
        agent.submit(
          page,
          action,
          page.body.includes('name="remember"') || action === '/password'
            ? { ...fields, remember: 'on' }
            : fields,
        ),
    };
  }

  async function leave(agent: Agent): Promise<void> {
    const account = await agent.open(`${world.stile.issuer}/account`);
    await agent.submit(account, '/account/sign-out');
    await agent.open(`${client}/account`);
    const home = await agent.open(client);
    if (home.body.includes('action="/sign-out"')) await agent.submit(home, '/sign-out');
  }

  it('a new country: a second factor, and why', async () => {
    const who = await person();
    await past(who);
    const page = await byPassword(browser(ABROAD), who);
    expect(page.body).toContain('You are signing in from a country that is new for you.');
    expect(page.body).toContain('/totp"');
  });

  it('a sign-in that goes on in another country is judged there too, and does not make it familiar', async () => {
    const who = await person();
    const jar: Parameters<typeof createAgent>[1] = [];
    const at = (address: string, stopAt?: readonly string[]) =>
      createAgent(stopAt, jar, { 'X-Forwarded-For': address, 'User-Agent': firefox });
    const home = at(HOME);
    const abroad = at(ABROAD);
    await signIn(home, who);
    await leave(home);
    const movedPage = async () => {
      await leave(home);
      const begun = await home.open(`${client}/sign-in`);
      const named = await home.submit(begun, '/identifier', { identifier: who.username });
      const proved = await at(HOME, [`${world.stile.issuer}/auth`]).submit(named, '/password', {
        password: PASSWORD,
      });
      return abroad.open(proved.location ?? '');
    };
    await answer(world.stile, home, await byPassword(home, who), { person: who });
    const page = await movedPage();
    expect(page.body).toContain('You are signing in from a country that is new for you.');
    expect((await answer(world.stile, abroad, page, { person: who })).page.url).toBe(`${client}/account`);
    expect((await movedPage()).body).toContain('You are signing in from a country that is new for you.');
  });

  it('a sign-in that is proved in one country and goes on in another makes the other no more familiar', async () => {
    const who = await person();
    const jar: Parameters<typeof createAgent>[1] = [];
    const at = (address: string, stopAt?: readonly string[]) =>
      createAgent(stopAt, jar, { 'X-Forwarded-For': address, 'User-Agent': firefox });
    const [home, abroad] = [at(HOME), at(ABROAD)];
    await past(who);
    const taken = async () => {
      const begun = await home.open(`${client}/sign-in`);
      const named = await home.submit(begun, '/identifier', { identifier: who.username });
      // Somebody elsewhere is there before the browser follows.
      const stop = [`${world.stile.issuer}/interaction`];
      const proved = await at(HOME, stop).submit(named, '/password', { password: PASSWORD });
      return abroad.open(proved.location ?? '');
    };
    const page = await taken();
    expect(page.body).toContain('You are signing in from a country that is new for you.');
    expect((await answer(world.stile, abroad, page, { person: who })).page.url).toBe(`${client}/account`);
    await leave(home);
    expect((await taken()).body).toContain('You are signing in from a country that is new for you.');
  });

  it('what was found out elsewhere stays found out, whatever page it was found out on', async () => {
    const who = await person(['bank-staff'], { totp: false });
    const jar: Parameters<typeof createAgent>[1] = [];
    const at = (address: string) =>
      createAgent(undefined, jar, { 'X-Forwarded-For': address, 'User-Agent': firefox });
    const page = await byPassword(at(HOME), who);
    expect(page.body).toContain('Staff confirm every sign-in.');
    const [, csrf = ''] = /name="_csrf" value="([^"]+)"/.exec(page.body) ?? [];
    const sent = await at(ABROAD).request(`${page.url}/email/send`, {
      method: 'POST',
      body: new URLSearchParams({ _csrf: csrf }),
      headers: { Origin: world.stile.issuer },
    });
    expect(sent.status).toBe(303);
    const { rows } = await world.stile.core.db.query<{ state: Record<string, unknown> }>(
      'SELECT "state" FROM "auth_transaction" WHERE "account_id" = $1',
      [who.id],
    );
    expect(rows.map(({ state }) => state)).toMatchObject([{ codeSent: true, assessed: { moved: true } }]);
  });

  it('the score: somebody unlike this person', async () => {
    const who = await person(['traders']);
    await past(who);
    const page = await byPassword(browser(ABROAD, 'curl/8.0'), who);
    expect(page.body).toContain('This sign-in is unlike your others.');
  });

  it('failed attempts before it: a second factor, and why', async () => {
    const who = await person();
    const agent = browser();
    const page = await agent.open(`${client}/sign-in`);
    const [once, twice] = ['wrong horse', 'wrong stable'];
    const first = await passwordSignIn(agent, page, who.username, once);
    const second = await agent.submit(first, '/password', { password: String(twice) });
    expect((await agent.submit(second, '/password', { password: PASSWORD })).body).toContain(
      'Somebody has tried to guess your password.',
    );
    expect((await byPassword(browser(), await person())).body).not.toContain('tried to guess');
  });

  it('more rights than others have', async () => {
    const page = await byPassword(browser(), await person(['bank-staff']));
    expect(page.body).toContain('Staff confirm every sign-in.');
  });

  it('an unusual hour: the person is told, or asked, as the rule says', async () => {
    const who = await person();
    await past(who, { hours: 12 });
    const agent = browser();
    await signIn(agent, who);
    await world.stile.core.services.background.settled();
    const mail = world.stile.core.outbox?.list()[0];
    expect(mail?.text).toContain('You signed in at an hour that is unusual for you.');
    const guard = await person(['night-watch']);
    await past(guard, { hours: 12 });
    expect((await byPassword(browser(), guard)).body).toContain('You never sign in at this hour.');
  });

  it('a denial is shown with its reason, and the client learns no more than access_denied', async () => {
    const who = await person(['blocked']);
    const agent = browser();
    const page = await byPassword(agent, who);
    expect(page.status).toBe(403);
    expect(page.body).toContain('This account is being looked at. Please call us.');
    const back = await agent.submit(page, '/cancel');
    expect(back.url.startsWith(client)).toBe(true);
    expect(back.url).not.toContain('looked');
    const [decision] = await rows<{ outcome: string; data: { decision: { outcome: string } } }>(
      world.stile,
      `SELECT "outcome", "data" FROM "audit_event" WHERE "type" = 'decision' AND "account_id" = $1`,
      [who.id],
    );
    expect(decision).toMatchObject({ outcome: 'denied', data: { decision: { outcome: 'denied' } } });
  });

  it('what is observed is recorded and never felt', async () => {
    const who = await person();
    expect(await signIn(browser(), who)).toEqual(['password']);
    const [event] = await rows<{
      data: { decision: { policy: { matched: { rule: string; mode: string }[] } } };
    }>(world.stile, `SELECT "data" FROM "audit_event" WHERE "type" = 'authorization' AND "account_id" = $1`, [
      who.id,
    ]);
    expect(event?.data.decision.policy.matched).toContainEqual({
      rule: 'counted',
      mode: 'observe',
      effect: 'require',
    });
  });
});
