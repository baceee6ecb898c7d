/** The gate as it is started, against an issuer over HTTP: what of its file reaches the judgement of tokens. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestIssuer, type TestIssuer } from '@stile/sdk/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gate } from '../../src/cli/gate.ts';
import { original, send } from '../gate/support.ts';
import { fakeTerminal } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'gate-issuer-'));
const basic: (string | undefined)[] = [];
let web: Server;
let issuer: TestIssuer;

beforeAll(async () => {
  web = createServer(async (request, response) => {
    if (request.url === '/introspect') basic.push(request.headers.authorization);
    let body = '';
    for await (const chunk of request) body += chunk;
    const init = request.method === 'POST' ? { method: 'POST', body } : undefined;
    const answer = await issuer.fetch(issuer.issuer + request.url, init);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  issuer = await createTestIssuer({ issuer: `http://127.0.0.1:${(web.address() as AddressInfo).port}` });
});
afterAll(() => {
  web.close();
  web.closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** Statuses of calls with these tokens, by a gate whose file has `settings`; and what it wrote. */
async function statuses(settings: string, tokens: readonly string[]) {
  const file = join(folder, 'gate.yaml');
  const rules = 'rules: [{ path: /a, anyToken: true }]\n';
  writeFileSync(
    file,
    `issuer: ${issuer.issuer}\naudience: ${issuer.audience}\nlisten: { port: 0 }\n${settings}${rules}`,
  );
  const terminal = fakeTerminal();
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let ended: Promise<number> | undefined;
  const port = await new Promise<number>((onListening) => {
    ended = gate(terminal, { file, stopped, onListening });
  });
  const found: number[] = [];
  for (const token of tokens) {
    const headers = { ...original('GET', '/a'), authorization: `Bearer ${token}` };
    found.push((await send({ port, path: '/check/original', headers })).status);
  }
  stop();
  expect(await ended).toBe(0);
  return { found, written: terminal.output.join('\n') };
}

test('only tokens of its issuer, for its audience', async () => {
  const { found } = await statuses('', [
    await issuer.mint(),
    await issuer.mint({ claims: { aud: 'https://other.test' } }),
    await issuer.mint({ claims: { iss: 'http://127.0.0.1:9' } }),
    await issuer.mint({ typ: 'JWT' }),
  ]);
  expect(found).toEqual([200, 401, 401, 401]);
});

test('opaque tokens by introspection, with the client of the file; without it they are refused', async () => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'a0secret\n');
  const [good, other] = [issuer.mintOpaque(), issuer.mintOpaque({ claims: { aud: 'https://other.test' } })];
  const settings = `introspection: { clientId: gate, clientSecretFile: ${secret} }\n`;
  const { found, written } = await statuses(settings, [good, other, 'unknown']);
  expect(found).toEqual([200, 401, 401]);
  expect(basic[0]).toBe(`Basic ${Buffer.from('gate:a0secret').toString('base64')}`);
  expect(written).not.toContain(good);
  expect((await statuses('', [good])).found).toEqual([401]);
});

test('every decision is written by the time the gate has ended', async () => {
  const token = await issuer.mint();
  const { written } = await statuses('', [token, 'bad', token]);
  expect(written.split('\n').map((line) => JSON.parse(line).outcome)).toEqual(['allow', 'refuse', 'allow']);
});
