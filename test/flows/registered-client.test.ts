/** Administration on the command line beside a running server: both work on the same database, without a restart. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { formatKey } from '../../src/config/secrets.ts';
import { fakeTerminal } from '../cli/terminal.ts';
import { createClient, type TestClient } from '../support/client.ts';
import { noPostgres } from '../support/database.ts';
import { count } from '../support/journeys.ts';
import { addPerson, errorOf, redirectOf, signIn, silently } from '../support/people.ts';
import { CALLBACK, OPAQUE_API, startStile, type TestStile, testConfig } from '../support/stile.ts';

const raw = { clientId: 'shop', name: 'The Shop', firstParty: true, redirectUris: [CALLBACK] };
const look = { scope: 'openid look', resource: OPAQUE_API };

describe.skipIf(noPostgres)('clients and accounts on the command line', () => {
  let stile: TestStile;
  let web: TestClient;
  let folder: string;
  beforeAll(async () => {
    stile = await startStile();
    web = await createClient(stile);
    for (const name of ['ada', 'bob']) await addPerson(stile, name);
    folder = mkdtempSync(join(tmpdir(), 'stile-registered-'));
    const { issuer } = stile;
    const listen = { host: '127.0.0.1', port: Number(new URL(issuer).port) };
    const config = { demo: true, issuer, listen, log: { level: 'silent' }, ...testConfig() };
    writeFileSync(join(folder, 'stile.json'), JSON.stringify(config));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stile?.stop();
  });

  async function command(args: readonly string[], input = ''): Promise<string> {
    vi.stubEnv('DATABASE_URL', stile.database.url);
    vi.stubEnv('STILE_KEYS', formatKey('test', Buffer.alloc(32, 7)));
    vi.stubEnv('SMTP_URL', '');
    const terminal = fakeTerminal({ input });
    const code = await run([...args, '--config', join(folder, 'stile.json')], terminal);
    if (code !== 0) throw new Error(terminal.notes.join('\n'));
    return terminal.output.join('\n');
  }

  const basic = (secret: string) => ({
    Authorization: `Basic ${Buffer.from(`shop:${secret}`).toString('base64')}`,
  });
  const token = async (body: Record<string, string>, secret: string) => {
    const answer = await fetch(String(web.server.token_endpoint), {
      method: 'POST',
      headers: basic(secret),
      body: new URLSearchParams(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, string> };
  };

  it('a client registered beside a running server signs people in at once, and ends with all it had', async () => {
    const { agent } = await signIn(web, 'ada');
    const before = await fetch((await web.authorize({ client_id: 'shop' })).url, { redirect: 'manual' });
    expect(before.status).toBe(400);

    const output = await command(['client', 'add', '--file', '-'], JSON.stringify(raw));
    const secret = /client secret {2}(\S+)/.exec(output)?.[1] ?? '';
    const request = await web.authorize({ client_id: 'shop', ...look });
    const code = new URL(redirectOf(await agent.open(request.url))).searchParams.get('code') ?? '';
    const grant = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...look };
    const exchange = { ...grant, code_verifier: request.verifier };
    expect((await token(exchange, `${secret}x`)).status).toBe(401);
    const tokens = await token(exchange, secret);
    expect(tokens.status).toBe(200);
    expect(await web.introspect(String(tokens.body['access_token']), 'api')).toMatchObject({ active: true });
    expect(
      await count(stile, `SELECT count(*) AS "n" FROM "client" WHERE "secret_hash" = $1`, [secret]),
    ).toBe(0);

    expect(await command(['client', 'remove', 'shop'])).toContain('Removed shop');
    expect(await web.introspect(String(tokens.body['access_token']), 'api')).toEqual({ active: false });
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens.body['refresh_token']) };
    expect((await token(refresh, secret)).status).toBe(401);
    await command(['client', 'add', '--file', '-'], JSON.stringify(raw));
    const left = `SELECT count(*) AS "n" FROM "artifact" WHERE "client_id" = $1`;
    expect(await count(stile, left, ['shop'])).toBe(0);
    expect((await silently(agent, web)).page.location).toContain('code=');
  });

  it('rule 4: a disabled account ends with its sessions and tokens; enabled, it signs in anew', async () => {
    const { agent, tokens } = await signIn(web, 'bob', look);
    await command(['user', 'disable', 'bob']);
    expect(errorOf((await silently(agent, web)).page)).toBe('login_required');
    expect((await web.introspect(tokens.access_token))['active']).toBe(false);
    expect((await web.refresh(String(tokens.refresh_token))).status).toBe(400);
    await expect(signIn(web, 'bob')).rejects.toThrow('no redirect, but 422');
    await command(['user', 'enable', 'bob']);
    expect((await web.refresh(String(tokens.refresh_token))).status).toBe(400);
    expect((await signIn(web, 'bob')).tokens.access_token).toBeDefined();
  });
});
