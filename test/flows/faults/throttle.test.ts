/** Guessing over HTTP: no more tries than the limit, whoever floods, and no answer tells who exists. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { setAccountStatus } from '../../../src/services/accounts.ts';
import { type Agent, createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { attempts, postForm } from '../../support/journeys.ts';
import { addPerson, PASSWORD, redirectOf, signIn } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

const LIMIT = 4;

describe.skipIf(noPostgres)('guessing', () => {
  let stile: TestStile;
  let twin: TestStile;
  let client: TestClient;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const wide = { attempts: 100_000, window: 900 };
    const account = { attempts: LIMIT, window: 900, consecutive: 100 };
    const config = { throttle: { account, address: wide, email: { attempts: 2, window: 3600 } } };
    stile = await startStile({ config });
    twin = await startStile({ config, database: stile.database, issuer: stile.issuer });
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan', 'known', 'ended'])
      ids[name] = await addPerson(stile, name);
    await setAccountStatus(stile.core.services, String(ids['ended']), { status: 'disabled' });
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(async () => {
    await twin?.stop();
    await stile?.stop();
  });

  /** The password page for a name, in a new browser unless one is given. */
  async function passwordPage(identifier: string, agent: Agent = createAgent()) {
    const first = await agent.open((await client.authorize({ prompt: 'login' })).url);
    const asks = first.body.includes('/identifier"');
    const page = asks ? await agent.submit(first, '/identifier', { identifier }) : first;
    return { agent, first, page };
  }

  async function guess(identifier: string, password: string, agent?: Agent): Promise<Page> {
    const { agent: browser, page } = await passwordPage(identifier, agent);
    return postForm(browser, page, { action: '/password', fields: { password } });
  }

  it('fault: 100 passwords at once, over two servers, are no more tries than the limit', async () => {
    const spies = [stile, twin].map(({ core }) => vi.spyOn(core.services.hasher, 'verify'));
    const browsers = await Promise.all(Array.from({ length: 10 }, () => passwordPage('ada')));
    const answers = await Promise.all(
      browsers.flatMap(({ agent, page }) =>
        Array.from({ length: 10 }, (_, at) => {
          const url = new URL(page.url);
          if (at % 2 === 0) url.port = String(twin.running.port);
          const headers = { Origin: stile.issuer };
          return postForm(
            agent,
            { ...page, url: url.href },
            {
              action: '/password',
              fields: { password: `wrong ${at}` },
              headers,
            },
          );
        }),
      ),
    );
    const verified = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    expect(verified).toBe(LIMIT);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(LIMIT);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(100 - LIMIT);
    const audited = await attempts(stile, String(ids['ada']));
    expect(audited.filter((error) => error === 'wrong_credentials')).toHaveLength(LIMIT);
  });

  it("fault: strangers' flood closes an account to strangers, not to a browser it knows", async () => {
    const { agent: known } = await signIn(client, 'bob');
    for (let at = 0; at < LIMIT; at += 1) expect((await guess('bob', 'wrong')).status).toBe(422);
    const refused = await guess('bob', PASSWORD);
    expect(refused.status).toBe(429);
    expect(refused.location).toBeUndefined();
    const allowed = await guess('bob', PASSWORD, known);
    expect(allowed.status).toBe(303);
  });

  it('fault: too many attempts are a page with 429 and Retry-After, and after that time it works again', async () => {
    for (let at = 0; at < LIMIT; at += 1) await guess('cyd', 'wrong');
    const refused = await guess('cyd', PASSWORD);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toContain('text/html');
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(900);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + (wait + 1) * 1000);
    expect((await guess('cyd', PASSWORD)).status).toBe(303);
  });

  it('fault: behind a proxy a network is what the proxy saw, whatever the client says of itself', async () => {
    const config = { trustProxy: 1, throttle: { address: { attempts: LIMIT, window: 900 } } };
    const behind = await startStile({ config, database: stile.database });
    try {
      const there = await createClient(behind);
      const from = async (seen: string, said: string) => {
        const agent = createAgent();
        const first = await agent.open((await there.authorize()).url);
        const page = await agent.submit(first, '/identifier', { identifier: `nobody-${said}` });
        const headers = { 'X-Forwarded-For': `${said}, ${seen}` };
        return postForm(agent, page, { action: '/password', fields: { password: 'wrong' }, headers });
      };
      for (let at = 0; at < LIMIT; at += 1)
        expect((await from('203.0.113.7', `198.51.100.${at}`)).status).toBe(422);
      expect((await from('203.0.113.7', '198.51.100.99')).status).toBe(429);
      expect((await from('203.0.113.8', '198.51.100.0')).status).toBe(422);
    } finally {
      await behind.stop();
    }
  });

  it('fault: codes are mailed no more often than the limit', async () => {
    const { agent } = await signIn(client, 'dan');
    const sent = () => stile.core.outbox?.list().filter(({ to }) => to === 'dan@example.test').length;
    let page = await agent.open(`${stile.issuer}/account/add/totp`);
    page = await agent.submit(page, '/password', { password: PASSWORD });
    const answers = [];
    for (let at = 0; at < 4; at += 1) answers.push(await agent.submit(page, '/email/send'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(sent()).toBe(2);
  });

  const varying = ['date', 'set-cookie', 'x-correlation-id', 'retry-after'];

  /** A page without what differs for everybody: the name, the interaction, tokens and challenges. */
  function shown({ status, headers, body }: Page, identifier: string) {
    const text = body
      .replaceAll(identifier, 'NAME')
      .replaceAll(/\/interaction\/[\w-]+/g, '/interaction/UID')
      .replaceAll(/name="_csrf" value="[^"]*"/g, 'name="_csrf"')
      .replaceAll(/&#34;challenge&#34;:&#34;[^&]*&#34;/g, 'CHALLENGE');
    const named = [...headers].filter(([name]) => !varying.includes(name));
    const cookies = headers.getSetCookie().map((cookie) => cookie.split('=')[0]);
    return { status, headers: named, cookies, text };
  }

  it('fault: no page tells a name that exists from one that does not, nor a disabled one', async () => {
    const seen = new Map<string, ReturnType<typeof shown>[]>();
    for (const identifier of ['known', 'ended', 'nobdy']) {
      const pages: Page[] = [];
      for (let at = 0; at <= LIMIT; at += 1) {
        const { agent, page } = await passwordPage(identifier);
        pages.push(page, await postForm(agent, page, { action: '/password', fields: { password: 'wrong' } }));
      }
      seen.set(
        identifier,
        pages.map((page) => shown(page, identifier)),
      );
    }
    const known = seen.get('known');
    expect(known?.at(-1)?.status).toBe(429);
    expect(seen.get('nobdy')).toEqual(known);
    expect(seen.get('ended')).toEqual(known);
  });

  it('fault: the right password of a disabled account is answered as a wrong one', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 2000_000);
    const right = shown(await guess('ended', PASSWORD), 'ended');
    const wrong = shown(await guess('nobdy', PASSWORD), 'nobdy');
    expect(right.status).toBe(422);
    expect(right).toEqual(wrong);
  });

  it('fault: an address and a name in other letters lead to the same person and the same count', async () => {
    for (let at = 0; at < LIMIT; at += 1) await guess(['KNOWN', ' known '][at % 2] ?? '', 'wrong');
    expect((await guess('known', 'wrong')).status).toBe(429);
    const agent = createAgent();
    const { page } = await passwordPage('DAN@example.test', agent);
    expect(redirectOf(await agent.submit(page, '/password', { password: PASSWORD }))).toContain('code=');
  });
});
