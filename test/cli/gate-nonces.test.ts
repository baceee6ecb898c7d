/** Several gates behind one address: each takes the DPoP nonces of the others. Real processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createDpopKey, createTestIssuer, type TestIssuer } from '@stile/sdk/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { original, send } from '../gate/support.ts';
import { fakeTerminal } from './terminal.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'gate-nonces-'));
const [old, fresh] = ['o'.repeat(43), 'n'.repeat(43)];
/** Milliseconds: each process compiles what it runs. */
const SLOW = 120_000;
const gates: ChildProcess[] = [];
let web: Server;
let issuer: TestIssuer;

beforeAll(async () => {
  web = createServer((request, response) => {
    void issuer.fetch(issuer.issuer + request.url).then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  issuer = await createTestIssuer({ issuer: `http://127.0.0.1:${(web.address() as AddressInfo).port}` });
});
afterEach(async () => {
  for (const gate of gates.splice(0)) {
    gate.kill('SIGTERM');
    await once(gate, 'exit');
  }
});
afterAll(() => {
  web.close();
  rmSync(folder, { recursive: true });
});

/** The port of a new process. @param secrets Of its file. */
async function startGate(secrets: readonly string[]): Promise<number> {
  const child = fork(
    here('../support/run-ts.mjs'),
    [here('../../src/cli.ts'), 'gate', '--config', config(secrets)],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  gates.push(child);
  if (!child.stderr) throw new Error('no stderr');
  for await (const line of createInterface(child.stderr)) {
    const [, port] = /answers on 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('the gate did not start');
}

function config(secrets: readonly string[]): string {
  const name = join(folder, String(gates.length));
  writeFileSync(`${name}.secret`, `${secrets.join('\n')}\n`);
  const setting = `nonceSecretFile: ${name}.secret\n`;
  const rules = 'rules: [{ path: /a, anyToken: true }]\n';
  writeFileSync(
    `${name}.yaml`,
    `issuer: ${issuer.issuer}\naudience: ${issuer.audience}\nlisten: { port: 0 }\n${setting}${rules}`,
  );
  return `${name}.yaml`;
}

/** A client that calls one gate, and then the other with the first one's nonce. */
async function carryOver(first: number, second: number) {
  const key = await createDpopKey();
  const token = await issuer.mint({ jkt: key.thumbprint });
  const call = { method: 'GET', url: 'https://bank.test/a', token };
  const ask = async (port: number, nonce?: string) => {
    const dpop = await key.proof({ ...call, ...(nonce !== undefined && { nonce }) });
    const headers = { ...original('GET', '/a'), authorization: `DPoP ${token}`, dpop };
    return send({ port, path: '/check/original', headers });
  };
  const refused = await ask(first);
  expect(String(refused.headers['www-authenticate'])).toMatch(/use_dpop_nonce/);
  return (await ask(second, String(refused.headers['dpop-nonce']))).status;
}

test('gates that share a secret take nonces of each other', { timeout: SLOW }, async () => {
  const [one, two] = await Promise.all([startGate([fresh]), startGate([fresh])]);
  expect(await carryOver(one, two)).toBe(200);
  expect(await carryOver(two, one)).toBe(200);
});

test('while a secret is replaced, the nonces of the one before are taken', { timeout: SLOW }, async () => {
  const [before, after] = await Promise.all([startGate([old]), startGate([fresh, old])]);
  expect(await carryOver(before, after)).toBe(200);
  expect(await carryOver(after, before)).toBe(401);
});

test('a short secret, or none, is refused without being told', async () => {
  for (const secrets of [['short-one'], [fresh, 'short-one'], [' ']]) {
    const terminal = fakeTerminal();
    expect(await run(['gate', '--config', config(secrets)], terminal)).toBe(1);
    expect(terminal.notes.join('\n')).toMatch(/\.secret(: a secret of 32| cannot be read, or is empty)/);
    expect(terminal.notes.join('\n')).not.toMatch(/short-one/);
  }
});
