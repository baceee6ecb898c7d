/** Stepping up: from a password to a second factor, in one transaction. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type TestClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { addPerson, enrolTotp, errorOf, redirectOf, signIn, silently, totpCode } from '../support/people.ts';
import { startStile, type TestStile } from '../support/stile.ts';

const MFA = 'urn:stile:acr:mfa';

describe.skipIf(noPostgres)('stepping up', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    stile = await startStile();
    client = await createClient(stile);
  });
  afterAll(() => stile?.stop());

  it('enrols the first authenticator app inside the step-up and issues mfa', async () => {
    await addPerson(stile, 'ada');
    const { agent, tokens: base } = await signIn(client, 'ada');
    const request = await client.authorize({ acr_values: MFA });
    const first = await agent.open(request.url);
    expect(first.status).toBe(200);
    const { page } = await enrolTotp(stile, agent, first, 'ada');
    const tokens = await client.exchange(request, redirectOf(page));
    expect(tokens.claims).toMatchObject({ acr: MFA, amr: ['mfa', 'otp', 'pwd'], sub: base.claims.sub });
  });

  it('asks for the authenticator app and nothing else', async () => {
    await addPerson(stile, 'bob');
    const { agent } = await signIn(client, 'bob');
    const enrolment = await client.authorize({ acr_values: MFA });
    const { page: enrolled, secret } = await enrolTotp(stile, agent, await agent.open(enrolment.url), 'bob');
    await client.exchange(enrolment, redirectOf(enrolled));

    const later = await signIn(client, 'bob');
    expect(later.tokens.claims.acr).toBe('urn:stile:acr:1fa');
    const request = await client.authorize({ acr_values: MFA });
    const page = await later.agent.open(request.url);
    expect(page.body).toContain('/totp"');
    expect(page.body).not.toContain('/password"');
    const code = totpCode(secret, stile.core.clock.now() + 30);
    const end = await later.agent.submit(page, '/totp', { code });
    const tokens = await client.exchange(request, redirectOf(end));
    expect(tokens.claims).toMatchObject({ acr: MFA, amr: ['mfa', 'otp', 'pwd'] });
    const again = await silently(later.agent, client, { acr_values: MFA });
    expect((await client.exchange(again.request, redirectOf(again.page))).claims.acr).toBe(MFA);
  });

  it('rule 3: prompt=none says login_required for an enrolled factor, interaction_required for an enrolment', async () => {
    await addPerson(stile, 'cyd');
    const { agent } = await signIn(client, 'cyd');
    const { page } = await silently(agent, client, { acr_values: MFA });
    expect(errorOf(page)).toBe('interaction_required');
  });
});
