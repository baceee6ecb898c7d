/** Stepping up: from a password to a second factor, in one transaction. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, Page } from '../support/agent.ts';
import { createClient, type TestClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { assertionFor, newPerson, nextCode, obtain } from '../support/journey.ts';
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

  it('asks for the strongest factor first, for the one last used from then on, and offers the others', async () => {
    const person = await newPerson(stile, { totp: true, passkey: {} });
    const ask = async (agent: Agent) => agent.open((await client.authorize({ acr_values: MFA })).url);
    const shown = ({ body }: Page) =>
      ['totp', 'passkey'].map((method) => [body.includes(`/${method}"`), body.includes(`?with=${method}"`)]);
    const asked = {
      totp: [
        [true, false],
        [false, true],
      ],
      passkey: [
        [false, true],
        [true, false],
      ],
    };

    const first = await obtain(stile, client, { person });
    const page = await ask(first.agent);
    expect(shown(page)).toEqual(asked.passkey);
    const chosen = await first.agent.open(new URL('?with=totp', page.url).href);
    expect(shown(chosen)).toEqual(asked.totp);
    redirectOf(await first.agent.submit(chosen, '/totp', { code: nextCode(stile, person) }));

    const second = await obtain(stile, client, { person });
    const again = await ask(second.agent);
    expect(shown(again)).toEqual(asked.totp);
    const other = await second.agent.open(new URL('?with=passkey', again.url).href);
    redirectOf(
      await second.agent.submit(other, '/passkey', { response: assertionFor(stile, other, person) }),
    );
    expect(shown(await ask((await obtain(stile, client, { person })).agent))).toEqual(asked.passkey);
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
