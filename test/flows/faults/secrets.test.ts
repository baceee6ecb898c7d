/** Secrets of a whole journey appear in no log line and in no table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/infra/log.ts';
import { createAgent } from '../../support/agent.ts';
import { createClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import {
  count,
  openGate,
  personWithPasskey,
  postForm,
  registerTotp,
  rows,
  stepUpWithTotp,
} from '../../support/journeys.ts';
import {
  addPerson,
  mailedCode,
  PASSWORD,
  passwordSignIn,
  redirectOf,
  signIn,
  silently,
} from '../../support/people.ts';
import { OPAQUE_API, startStile, type TestStile, WEB_SECRET } from '../../support/stile.ts';
import { createAuthenticator } from '../../support/webauthn.ts';

describe.skipIf(noPostgres)('secrets', () => {
  const lines: string[] = [];
  const secrets = new Map<string, string>();
  let stile: TestStile;
  beforeAll(async () => {
    const log = createLog({ level: 'debug', to: { write: (line: string) => void lines.push(line) } });
    stile = await startStile({ log });
    await journey();
  }, 120_000);
  afterAll(() => stile?.stop());

  const keep = (name: string, value: string | undefined) => {
    if (!value) throw new Error(`the journey brought no ${name}`);
    secrets.set(name, value);
  };

  /** Sign-in, enrolments, step-up, tokens, refreshing, and errors on every side. */
  async function journey(): Promise<void> {
    const client = await createClient(stile);
    await addPerson(stile, 'ada');
    await addPerson(stile, 'bob');
    keep('password', PASSWORD);
    keep('client secret', WEB_SECRET);
    const agent = createAgent();
    const request = await client.authorize({ scope: 'openid look', resource: OPAQUE_API });
    keep('state', request.state);
    keep('nonce', request.nonce);
    keep('verifier', request.verifier);
    const first = await agent.open(request.url);
    const wrong = await passwordSignIn(agent, first, 'ada', 'a wrong password that is secret too');
    keep('wrong password', 'a wrong password that is secret too');
    keep('csrf', /name="_csrf" value="([^"]*)"/.exec(wrong.body)?.[1]);
    const end = await agent.submit(wrong, '/password', { password: PASSWORD });
    keep('code', new URL(redirectOf(end)).searchParams.get('code') ?? undefined);
    const tokens = await client.exchange(request, redirectOf(end));
    keep('access token', tokens.access_token);
    keep('refresh token', tokens.refresh_token);
    keep('id token', tokens.id_token);
    await client.exchange(request, redirectOf(end)).catch(() => undefined);
    await client.refresh('a-token-nobody-has-issued');
    keep('unknown token', 'a-token-nobody-has-issued');

    const start = await agent.open(`${stile.issuer}/account/add/totp`);
    const opened = await openGate(stile, agent, start, { username: 'ada', method: 'totp' });
    keep('emailed code', mailedCode(stile, 'ada'));
    const { secret } = await registerTotp(stile, agent, opened);
    keep('seed', secret);
    const stepped = await stepUpWithTotp(stile, client, {
      agent,
      secret,
      scope: 'openid look',
      resource: OPAQUE_API,
    });
    keep('stepped-up access token', stepped.access_token);
    const renewed = (await (await client.refresh(String(stepped.refresh_token))).json()) as Record<
      string,
      string
    >;
    keep('renewed refresh token', renewed['refresh_token']);
    keep('used refresh token', stepped.refresh_token);
    await client.refresh(String(stepped.refresh_token));
    await client.introspect(stepped.access_token);
    await client.revoke(stepped.access_token);
    for (const cookie of agent.cookies()) {
      const [name = '', value = ''] = cookie.split('=');
      if (!name.endsWith('.sig'))
        keep(`cookie ${name}`, name === 'stile_browser' ? value.split('.')[0] : value);
    }
    await personWithPasskey(stile, client, { username: 'bob', authenticator: createAuthenticator() });
    await faults(stile);
    await living();
  }

  /** What is still good when the tables are searched. */
  async function living(): Promise<void> {
    const client = await createClient(stile);
    const { agent, tokens } = await signIn(client, 'bob', { scope: 'openid look', resource: OPAQUE_API });
    keep('living access token', tokens.access_token);
    keep('living refresh token', tokens.refresh_token);
    const { page } = await silently(agent, client);
    keep('living code', new URL(redirectOf(page)).searchParams.get('code') ?? undefined);
    const waiting = await client.authorize({ login_hint: 'a-name-of-somebody' });
    keep('state of a sign-in under way', waiting.state);
    keep('hint of a sign-in under way', 'a-name-of-somebody');
    await createAgent().open(waiting.url);
    const cookie = agent.cookies().find((each) => each.startsWith('stile_session='));
    keep('living session cookie', cookie?.split('=')[1]);
    const opaque = `SELECT count(*) AS "n" FROM "artifact" WHERE "model" = 'AccessToken'`;
    expect(await count(stile, opaque)).toBeGreaterThan(0);
  }

  async function faults({ issuer }: TestStile): Promise<void> {
    const agent = createAgent();
    await agent.open(`${issuer}/interaction/${'x'.repeat(30)}?code=${secrets.get('code')}`);
    await agent.open(`${issuer}/auth?client_id=nobody&token=${secrets.get('access token')}`);
    const page = await agent.open((await (await createClient(stile)).authorize()).url);
    await postForm(agent, page, { action: '/identifier', fields: { identifier: 'x'.repeat(300) } });
    await stile.core.db.query('ALTER TABLE "auth_transaction" RENAME TO "away"');
    const fault = await agent.submit(page, '/identifier', { identifier: 'ada' });
    await stile.core.db.query('ALTER TABLE "away" RENAME TO "auth_transaction"');
    expect(fault.status).toBe(500);
  }

  it('fault: no log line of a whole journey holds a password, code, token, cookie, seed or client secret', () => {
    const log = lines.join('');
    expect(lines.length).toBeGreaterThan(50);
    expect(log).toContain('"request failed"');
    for (const [name, value] of secrets) expect(log.includes(value), `${name} in the log`).toBe(false);
    expect(log).not.toMatch(/\/interaction\/[\w-]{15,}/);
    expect(log).not.toMatch(/\$argon2|eyJ[\w-]{10,}/);
  });

  it('fault: a log line carries the correlation id that the page shows', async () => {
    const page = await createAgent().open(`${stile.issuer}/nowhere`);
    const id = String(page.headers.get('x-correlation-id'));
    expect(page.body).toContain(id);
    expect(lines.filter((line) => line.includes(id)).length).toBeGreaterThanOrEqual(2);
  });

  it('fault: no table holds a token, code, cookie, seed or password in clear', async () => {
    const columns = await rows<{ table: string; column: string; type: string }>(
      stile,
      `SELECT table_name AS "table", column_name AS "column", data_type AS "type"
       FROM information_schema.columns WHERE table_schema = 'public'`,
    );
    expect(columns.length).toBeGreaterThan(80);
    // State, nonce and verifier are the client's.
    const kept = [...secrets].filter(([name]) => !['state', 'nonce', 'verifier'].includes(name));
    for (const { table, column, type } of columns) {
      const value = type === 'bytea' ? `encode("${column}", 'escape')` : `"${column}"::text`;
      const found = await rows<{ text: string | null }>(stile, `SELECT ${value} AS "text" FROM "${table}"`);
      const text = found.map((row) => row.text ?? '').join('\n');
      for (const [name, value] of kept)
        expect(text.includes(value), `${name} in ${table}.${column}`).toBe(false);
    }
  });
});
