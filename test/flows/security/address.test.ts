/** The server's address is the issuer's, whatever a request calls it. */
import { IncomingMessage, request, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import Koa from 'koa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerAs } from '../../../src/http/own-address.ts';
import { createAgent, type Page } from '../../support/agent.ts';
import { createClient, type TestClient } from '../../support/client.ts';
import { noPostgres } from '../../support/database.ts';
import { addPerson, signIn } from '../../support/people.ts';
import { startStile, type TestStile } from '../../support/stile.ts';

it('security: cookies are secure wherever the issuer is, also behind a proxy that says nothing', () => {
  const app = new Koa();
  answerAs(app, 'https://id.example');
  const message = new IncomingMessage(new Socket());
  expect(app.createContext(message, new ServerResponse(message)).secure).toBe(true);
});

describe.skipIf(noPostgres)('address', () => {
  let stile: TestStile;
  let client: TestClient;
  beforeAll(async () => {
    // The headers of one proxy are trusted, as they are behind nginx, which passes X-Forwarded-Host on as it came.
    stile = await startStile({ config: { trustProxy: 1 } });
    client = await createClient(stile, 'spa');
    await addPerson(stile, 'ada');
  });
  afterAll(() => stile?.stop());

  interface Sent {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  }

  /** A request as an attacker writes it: fetch would correct the Host field and the target. */
  function send(target: string, { method = 'GET', headers = {}, body = '' }: Sent = {}): Promise<Page> {
    const { port } = new URL(stile.issuer);
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method, path: target, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            url: target,
            status: response.statusCode ?? 0,
            headers: new Headers(response.headers as Record<string, string>),
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  const forged: readonly Record<string, string>[] = [
    { Host: 'evil.example' },
    { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' },
  ];

  it('security: no header and no request target chooses the addresses that discovery gives', async () => {
    const path = '/.well-known/openid-configuration';
    const honest = await send(path);
    for (const headers of forged) expect((await send(path, { headers })).body).toBe(honest.body);
    expect((await send(`http://evil.example${path}`)).body).toBe(honest.body);
    expect(honest.body).toContain(`"token_endpoint":"${stile.issuer}/token"`);
    expect(honest.body).not.toContain('evil.example');
  });

  it('security: a sign-in resumes at the issuer, wherever it was said to begin', async () => {
    const agent = createAgent();
    const { url } = await client.authorize();
    const begun = await agent.request(url, { headers: { 'X-Forwarded-Host': 'evil.example' } });
    expect(new URL(begun.location ?? '').origin).toBe(stile.issuer);
    const seconds = await agent.open(begun.location ?? '');
    const ended = await agent.request(seconds.url.replace(/$/, '/cancel'), {
      method: 'POST',
      headers: { Origin: stile.issuer },
      body: new URLSearchParams({ _csrf: /name="_csrf" value="([^"]+)"/.exec(seconds.body)?.[1] ?? '' }),
    });
    expect(new URL(ended.location ?? '').origin).toBe(stile.issuer);
  });

  it('security: a DPoP proof made for another server is not taken as one for this one', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const proofFor = (htu: string) =>
      new SignJWT({ htu, htm: 'POST', jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey);
    const { tokens } = await signIn(client, 'ada');
    const refresh = async (htu: string, headers: Record<string, string>) =>
      send('/token', {
        method: 'POST',
        headers: {
          ...headers,
          'Content-Type': 'application/x-www-form-urlencoded',
          DPoP: await proofFor(htu),
        },
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: 'spa',
          refresh_token: String(tokens.refresh_token),
        }).toString(),
      });
    for (const headers of forged) {
      const scheme = headers['X-Forwarded-Proto'] ?? 'http';
      const stolen = await refresh(`${scheme}://evil.example/token`, headers);
      expect(JSON.parse(stolen.body)).toMatchObject({ error: 'invalid_dpop_proof' });
    }
    expect((await refresh(`${stile.issuer}/token`, forged[0] ?? {})).status).toBe(200);
  });
});
