/** The account page's sessions: seeing devices, ending one, signing out everywhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { count, postForm, rows } from '../../support/journeys.ts';
import {
  addPerson,
  errorOf,
  passwordSignIn,
  redirectOf,
  type SignedIn,
  signIn,
  silently,
} from '../../support/people.ts';
import { OPAQUE_API, startStile, type TestStile } from '../../support/stile.ts';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0';
const opaque = { scope: 'openid look', resource: OPAQUE_API };
/** Refresh tokens that an ordinary sign-out leaves alone. */
const outliving = `SELECT count(*) AS "n" FROM "artifact" WHERE "model" = 'RefreshToken' AND "account_id" = $1
  AND "payload"->>'expiresWithSession' IS NULL`;

describe.skipIf(noPostgres)('sessions on the account page', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
    for (const name of ['ada', 'bob', 'cyd', 'dan']) await addPerson(stile, name);
  });
  afterAll(() => stile?.stop());

  const account = (agent: Agent) => agent.open(`${stile.issuer}/account`);
  const refreshes = async (token: string | undefined) => (await client.refresh(String(token))).status;
  const devices = ({ body }: { body: string }) =>
    [...body.matchAll(/sessions\/([\w-]+)\/end"/g)].map(([, uid]) => uid ?? '');

  /** With offline access, which outlives an ordinary sign-out. */
  async function offline(agent: Agent, parameters: Record<string, string> = {}): Promise<SignedIn['tokens']> {
    const scope = 'openid look offline_access';
    const request = await client.authorize({ ...opaque, scope, prompt: 'consent', ...parameters });
    const page = await agent.open(request.url);
    const end = await agent.submit(page, '/consent', { decision: 'allow' });
    return client.exchange(request, redirectOf(end));
  }

  it('rule 7: the list shows every device of the person, this one marked, and nobody else', async () => {
    const { agent } = await signIn(client, 'ada');
    await signIn(client, 'bob');
    const other = createAgent();
    const request = await client.authorize();
    await passwordSignIn(other, await other.open(request.url), 'ada');
    await other.open((await client.authorize()).url, { headers: { 'User-Agent': FIREFOX } });
    const page = await account(agent);
    expect(page.body).toContain('Firefox on Windows');
    expect(page.body).toContain('127.0.0.1');
    expect(page.body.match(/badge-strong/g)).toHaveLength(1);
    expect(devices(page)).toHaveLength(1);
  });

  it("rule 7: ending another device's session ends its tokens and leaves this one", async () => {
    const here = await signIn(client, 'bob', opaque);
    const there = await signIn(client, 'bob', opaque);
    const [session] = await rows<{ session_uid: string }>(
      stile,
      `SELECT "session_uid" FROM "assurance_record" WHERE "account_id" = $1 ORDER BY "id" DESC LIMIT 1`,
      [here.tokens.claims.sub],
    );
    const page = await account(here.agent);
    const done = await here.agent.submit(page, `/sessions/${session?.session_uid}/end`);
    expect(done.url).toContain('session_ended');
    expect(errorOf((await silently(there.agent, client)).page)).toBe('login_required');
    expect((await client.introspect(there.tokens.access_token))['active']).toBe(false);
    expect(await refreshes(there.tokens.refresh_token)).toBe(400);
    expect((await client.introspect(here.tokens.access_token))['active']).toBe(true);
    expect(await refreshes(here.tokens.refresh_token)).toBe(200);
  });

  it("trap: nobody ends another person's session, whatever uid they post", async () => {
    const mine = await signIn(client, 'cyd');
    const theirs = await signIn(client, 'bob');
    const [session] = await rows<{ uid: string }>(
      stile,
      'SELECT "uid" FROM "session" WHERE "account_id" = $1 ORDER BY "last_seen_at" DESC LIMIT 1',
      [theirs.tokens.claims.sub],
    );
    const another = await signIn(client, 'cyd');
    const page = await account(mine.agent);
    const [own = ''] = devices(page);
    const body = page.body.replaceAll(own, String(session?.uid));
    await postForm(mine.agent, { ...page, body }, { action: `/sessions/${session?.uid}/end` });
    expect(new URL(redirectOf((await silently(theirs.agent, client)).page)).searchParams.has('code')).toBe(
      true,
    );
    expect(new URL(redirectOf((await silently(another.agent, client)).page)).searchParams.has('code')).toBe(
      true,
    );
  });

  it('rule 4: signing out everywhere ends every session and token, offline ones too', async () => {
    const here = await signIn(client, 'dan', opaque);
    const there = await signIn(client, 'dan', opaque);
    const lasting = await offline(there.agent);
    expect(await count(stile, outliving, [here.tokens.claims.sub])).toBe(1);
    expect(lasting.refresh_token).toBeDefined();
    const done = await here.agent.submit(await account(here.agent), '/account/sessions/end-all');
    expect(done.status).toBe(200);
    for (const { agent } of [here, there])
      expect(errorOf((await silently(agent, client)).page)).toBe('login_required');
    for (const tokens of [here.tokens, there.tokens, lasting]) {
      expect(await refreshes(tokens.refresh_token)).toBe(400);
      expect((await client.introspect(tokens.access_token))['active']).toBe(false);
    }
  });
});
