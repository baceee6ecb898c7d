/** The bank on a whole Stile, over HTTP: what somebody does who follows the README. */
import { generateSync } from 'otplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, createAgent, type Page } from '../support/agent.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, PASSWORD, passwordSignIn } from '../support/people.ts';
import { type BankWithStile, startBankWithStile } from './bank-with-stile.ts';

describe.skipIf(noPostgres)('the bank on Stile', () => {
  let world: BankWithStile;
  let client: string;

  beforeAll(async () => {
    world = await startBankWithStile();
    client = world.bank.urls.client;
  });
  afterAll(() => world?.stop());

  async function signedIn(username: string): Promise<{ agent: Agent; account: Page }> {
    await addPerson(world.stile, username);
    const agent = createAgent();
    return { agent, account: await passwordSignIn(agent, await agent.open(`${client}/sign-in`), username) };
  }

  async function transfer(agent: Agent, amount: string): Promise<Page> {
    return agent.submit(await agent.open(`${client}/transfer`), '/transfer', { to: 'Robin', amount });
  }

  /** From the page that offers factors: password and an emailed code (rule 6), then an authenticator app. */
  async function enrolTotp(agent: Agent, choose: Page): Promise<{ page: Page; secret: string }> {
    const prove = await agent.open(`${choose.url}?enrol=totp`);
    const confirm = await agent.submit(prove, '/password', { password: PASSWORD });
    const sent = await agent.submit(confirm, '/email/send');
    const mail = world.stile.core.outbox?.list()[0]?.text ?? '';
    const register = await agent.submit(sent, '/email', { code: /\b\d{6,8}\b/.exec(mail)?.[0] ?? '' });
    const secret = /secret=([A-Z2-7]+)/.exec(register.body)?.[1] ?? '';
    const page = await agent.submit(register, '/enrol/totp', {
      code: generateSync({ secret }),
      label: 'Phone',
    });
    return { page, secret };
  }

  it('shows the balance after a password, and what the token says', async () => {
    const { account } = await signedIn('balance');
    expect(account.url).toBe(`${client}/account`);
    expect(account.body).toContain('€18,753.70');
    expect(account.body).toContain('<code>urn:stile:acr:1fa</code>');
    expect(account.body).toContain('<code>pwd</code>');
  });

  it('makes a small transfer without asking for anything', async () => {
    const { agent } = await signedIn('small');
    const receipt = await transfer(agent, '50');
    expect(receipt.url.startsWith(`${client}/transfers/`)).toBe(true);
    expect(receipt.body).toContain('Your sign-in was enough');
  });

  it('asks for a second factor above 100, and the transfer goes through once it is enrolled', async () => {
    const { agent } = await signedIn('middle');
    const choose = await transfer(agent, '500');
    expect(choose.url.startsWith(`${world.stile.issuer}/interaction/`)).toBe(true);
    expect(choose.body).toContain('Harbour Bank');
    const { page } = await enrolTotp(agent, choose);
    expect(page.body).toContain('€500.00 sent to Robin');
    expect(page.body).toContain('<code>urn:stile:acr:mfa</code>');
    expect((await transfer(agent, '600')).body).toContain('Your sign-in was enough');
  });

  it('sends the person back with nothing sent when they cancel, and lets them try again', async () => {
    const { agent } = await signedIn('doubtful');
    const choose = await transfer(agent, '500');
    const cancelled = await agent.submit(choose, '/cancel');
    expect(cancelled.url.startsWith(`${client}/transfers/`)).toBe(true);
    expect(cancelled.body).toContain('You cancelled; nothing was sent');
    const again = await agent.submit(cancelled, '/again');
    expect(again.url.startsWith(`${world.stile.issuer}/interaction/`)).toBe(true);
    expect((await agent.open(`${client}/account`)).body).toContain('€18,753.70');
  });

  it('does not take a second factor for the passkey that a large transfer demands', async () => {
    const { agent } = await signedIn('large');
    await enrolTotp(agent, await transfer(agent, '500'));
    const choose = await transfer(agent, '2,000');
    expect(choose.url.startsWith(`${world.stile.issuer}/interaction/`)).toBe(true);
    expect(choose.body).not.toContain('?enrol=totp');
  });

  it('signs out at both', async () => {
    const { agent, account } = await signedIn('leaving');
    const confirm = await agent.submit(account, '/sign-out');
    expect(confirm.url.startsWith(world.stile.issuer)).toBe(true);
    const end = await agent.submit(confirm, '/session/end/confirm', { logout: 'yes' });
    expect(end.url).toBe(`${client}/`);
    const page = await agent.open(`${client}/account`);
    expect(page.url.startsWith(`${world.stile.issuer}/interaction/`)).toBe(true);
  });
});
