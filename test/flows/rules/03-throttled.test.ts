/** Rule 3: whoever is throttled keeps a page, and the client gets `access_denied`. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { addressBucket } from '../../../src/domain/throttle.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { FIRST, MFA, newPerson, obtain, PHR, quietly, stopClock } from '../../support/journey.ts';
import { answerPasskey } from '../../support/journeys.ts';
import { PASSWORD, redirectOf } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const TRIES = 2;
const EVERY = 6;

describe.skipIf(noPostgres)('throttled', () => {
  let stile: TestStile;
  let web: TestClient;
  beforeAll(async () => {
    const account = { attempts: TRIES, window: 900, consecutive: 100 };
    const throttle = {
      account,
      address: { attempts: EVERY, window: 900 },
      email: { attempts: 1, window: 900 },
    };
    stile = await startStile({ config: { throttle } });
    web = await createClient(stile);
  });
  beforeEach(async () => {
    stopClock();
    await stile.core.db.query('DELETE FROM "throttle"');
  });
  afterAll(async () => {
    vi.useRealTimers();
    await stile?.stop();
  });

  /** A page with `Retry-After`, whose one form that cancels ends the request. */
  async function expectWayBack(agent: Agent, page: Page): Promise<void> {
    expect([page.status, page.location]).toEqual([429, undefined]);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(page.body.match(/action="[^"]*\/cancel"/g)).toHaveLength(1);
    const end = new URL(redirectOf(await agent.submit(page, '/cancel'))).searchParams;
    expect([end.get('error'), end.get('error_description')]).toEqual(['access_denied', 'too many attempts']);
    const [interaction = ''] = /^.*\/interaction\/[^/]+/.exec(page.url) ?? [];
    const again = await agent.open(interaction);
    expect([again.status, again.location]).toEqual([400, undefined]);
  }

  it('rule 3: throttled at one factor is a page with the other ways and a way back: access_denied', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const { agent } = await obtain(stile, web, { person });
    const start = await agent.open((await web.authorize({ acr_values: MFA })).url);
    let page = await agent.open(`${start.url}?with=totp`);
    for (let at = 0; at <= TRIES; at += 1) page = await agent.submit(page, '/totp', { code: '000000' });
    expect(page.body).toContain('with=passkey');
    await expectWayBack(agent, page);
    expect((await quietly(agent, web)).claims.sub).toBe(person.id);
  });

  it('rule 3: throttled at every factor is a page with a way back from each: access_denied, never unmet', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const { agent } = await obtain(stile, web, { person });
    const turnedAway = async (acr_values: string, method: string) => {
      const start = await agent.open((await web.authorize({ acr_values, prompt: 'login' })).url);
      return agent.open(`${start.url}?with=${method}`);
    };
    const authenticator = person.passkey?.authenticator;
    if (!authenticator) throw new Error('no passkey');
    const { throttle, settings, clock } = stile.core.services;
    for (let at = 0; at < EVERY; at += 1)
      await throttle.take(addressBucket('127.0.0.1'), settings.throttle.address, clock.now());
    const password = await turnedAway(FIRST, 'password');
    await expectWayBack(agent, await agent.submit(password, '/password', { password: PASSWORD }));
    const key = await turnedAway(PHR, 'passkey');
    await expectWayBack(agent, await answerPasskey(stile, agent, { page: key, authenticator }));
  });

  it('rule 3: throttled before anybody is known is a page with a way back: access_denied', async () => {
    const person = await newPerson(stile);
    const agent = createAgent();
    let page = await agent.open((await web.authorize()).url);
    page = await agent.submit(page, '/identifier', { identifier: person.username });
    for (let at = 0; at <= TRIES; at += 1)
      page = await agent.submit(page, '/password', { password: 'wrong' });
    await expectWayBack(agent, page);
  });

  it('rule 3: throttled at codes by mail is the page that sends them, with a way back: access_denied', async () => {
    const person = await newPerson(stile);
    const { agent } = await obtain(stile, web, { person });
    let page = await agent.open((await web.authorize({ acr_values: MFA })).url);
    page = await agent.open(new URL('?enrol=totp', page.url).href);
    if (page.body.includes('/password"'))
      page = await agent.submit(page, '/password', { password: PASSWORD });
    for (let at = 0; at < 2; at += 1) page = await agent.submit(page, '/email/send');
    expect(page.body).toContain('/email"');
    await expectWayBack(agent, page);
  });

  it('rule 3: whoever leaves a page that did not turn them away has cancelled', async () => {
    const person = await newPerson(stile, { totp: true });
    const { agent } = await obtain(stile, web, { person });
    const page = await agent.open((await web.authorize({ acr_values: MFA })).url);
    const wrong = await agent.submit(page, '/totp', { code: '000000' });
    const end = new URL(redirectOf(await agent.submit(wrong, '/cancel'))).searchParams;
    expect(end.get('error_description')).toBe('the person cancelled');
  });
});
