/** What a person allows is what the page said. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgent } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, passwordSignIn, redirectOf, signIn } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

describe.skipIf(noPostgres)('consent', () => {
  let stile: TestStile;
  let third: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    third = await createClient(stile, 'third');
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  const emailText = 'See your email address';

  it('security: a claim asked for beside the scopes is on the consent page', async () => {
    const claims = JSON.stringify({ userinfo: { email: null } });
    const request = await third.authorize({ claims });
    const agent = createAgent();
    const page = await passwordSignIn(agent, await agent.open(request.url), 'ada');
    expect(page.body).toContain(emailText);
    const end = await agent.submit(page, '/consent', { decision: 'allow' });
    const { access_token } = await third.exchange(request, redirectOf(end));
    const headers = { Authorization: `Bearer ${access_token}` };
    expect(await (await fetch(`${stile.issuer}/me`, { headers })).json()).toMatchObject({
      email: 'ada@example.test',
    });
  });

  it('security: asked again for what was allowed before, the page says what that is', async () => {
    const { agent } = await signIn(await createClient(stile), 'ada');
    const ask = async () =>
      agent.open((await third.authorize({ scope: 'openid email', prompt: 'consent' })).url);
    const first = await ask();
    expect(first.body).toContain(emailText);
    await agent.submit(first, '/consent', { decision: 'allow' });
    expect((await ask()).body).toContain(emailText);
  });
});
