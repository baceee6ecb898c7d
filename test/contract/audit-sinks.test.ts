import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileSink, signatureOf, webhookSink } from '../../src/infra/audit-sink-kinds.ts';
import { type DelivererDeps, deliver, type Sink } from '../../src/infra/audit-sinks.ts';
import { checkpointLine, entryLine } from '../../src/services/audit-lines.ts';
import { type AuditWorld, auditWorld } from '../support/audit.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';
import { NOW } from '../support/rows.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe.skipIf(noPostgres)('audit sinks', () => {
  let fresh: OpenTestDatabase;
  let world: AuditWorld;
  let server: Server;
  let url: string;
  let received: Received[];
  /** What the receiver answers; never where it is not called. */
  let answer: (respond: (status: number, headers?: Record<string, string>) => void) => void;
  let now: number;
  let said: { facts: object; message: string }[];
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    fresh = await openFreshDatabase();
    world = await auditWorld(fresh.db);
    [received, said, now] = [[], [], NOW];
    answer = (respond) => respond(204);
    server = createServer(async (request, response) => {
      received.push({ headers: request.headers, body: await text(request) });
      answer((status, headers) => response.writeHead(status, headers).end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events?key=hidden`;
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await fresh.drop();
  });

  const deps = (sinks: readonly Sink[], holder = 'this'): DelivererDeps => ({
    db: fresh.db,
    log: { warn: (facts, message) => void said.push({ facts, message }) },
    now: () => now,
    holder,
    sinks,
    lineOf: (item) => (item.kind === 'entry' ? entryLine(item) : checkpointLine(item)),
  });
  const webhook = (secret?: string) => webhookSink({ url, now: () => now, ...(secret ? { secret } : {}) });
  const linesOf = (body: string) =>
    body
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const idsReceived = () =>
    received.flatMap(({ body }) => linesOf(body).flatMap(({ event }) => (event ? [event.id] : [])));

  test('a webhook is sent sealed events, in order, once, and is told again of none', async () => {
    const ids = await world.write(450);
    await world.seal();
    await world.write(1);
    await deliver(deps([webhook()]));
    expect(idsReceived()).toEqual(ids);
    expect(received.map(({ headers }) => headers['stile-sequence'])).toEqual(['1-200', '201-400', '401-450']);
    await deliver(deps([webhook()]));
    expect(received).toHaveLength(3);
    await world.seal();
    await deliver(deps([webhook()]));
    expect(received.at(-1)?.headers).toMatchObject({
      'stile-sequence': '451-451',
      'content-type': 'application/x-ndjson',
    });
    expect((await world.verifyLines(received.flatMap(({ body }) => body.split('\n')))).findings).toEqual([]);
  });

  test('a webhook’s batch is signed over its time and its body', async () => {
    await world.write(1);
    await world.seal();
    await deliver(deps([webhook('s'.repeat(32))]));
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    expect(headers['stile-signature']).toBe(signatureOf('s'.repeat(32), NOW, body));
    expect(headers['stile-signature']).toMatch(new RegExp(`^t=${NOW},v1=[0-9a-f]{64}$`));
    const mac = (secret: string, time: number) => signatureOf(secret, time, body).split('v1=')[1];
    expect(mac('s'.repeat(32), NOW + 1)).not.toBe(mac('s'.repeat(32), NOW));
    expect(mac('other', NOW)).not.toBe(mac('s'.repeat(32), NOW));
  });

  test('a sink that is down loses nothing, and is tried again after a second, two, four', async () => {
    const ids = await world.write(3);
    await world.seal();
    const asked: number[] = [];
    answer = (respond) => respond(500);
    for (; now < NOW + 16; now += 1) {
      const before = received.length;
      await deliver(deps([webhook()]));
      if (received.length > before) asked.push(now - NOW);
    }
    expect(asked).toEqual([0, 1, 3, 7, 15]);
    // A page elsewhere that says yes to everything has taken nothing.
    answer = (respond) =>
      received.at(-1)?.body === '' ? respond(200) : respond(302, { location: `${url}&elsewhere` });
    now += 100;
    await deliver(deps([webhook()]));
    answer = (respond) => respond(200);
    received = [];
    now += 300;
    await deliver(deps([webhook()]));
    expect(idsReceived()).toEqual(ids);
    expect(said.map(({ facts }) => (facts as { reason?: string }).reason).slice(0, 1)).toEqual([
      'it answered 500',
    ]);
    expect(JSON.stringify(said)).not.toContain('hidden');
    const { rows } = await fresh.db.query('SELECT * FROM "audit_sink"');
    expect(rows).toMatchObject([{ seq: 3, failures: 0, holder: null }]);
    expect(JSON.stringify(rows)).not.toContain('hidden');
  });

  test('a sink that is down holds up no other', async () => {
    await world.write(1);
    await world.seal();
    const folder = await mkdtemp(join(tmpdir(), 'stile-sink-'));
    const path = join(folder, 'audit.jsonl');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await deliver(deps([webhook(), fileSink(path)]));
    expect(linesOf(await readFile(path, 'utf8'))).toHaveLength(2);
    expect(said).toMatchObject([{ facts: { reason: 'ECONNREFUSED', failures: 1, retryIn: 1 } }]);
    await rm(folder, { recursive: true });
  });

  test('a file is appended to, readable by its owner alone, and verifies; a line cut short by a crash comes again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stile-sink-'));
    const path = join(folder, 'audit.jsonl');
    const sink = fileSink(path);
    await world.write(2);
    await world.seal();
    await deliver(deps([sink]));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    // As if the process had died while writing, before it could say how far it had come.
    await world.write(1);
    await world.seal();
    await appendFile(path, '{"seal":{"seq":3,"eve');
    await deliver(deps([sink]));
    const lines = (await readFile(path, 'utf8')).split('\n');
    const { findings, sealed } = await world.verifyLines(lines);
    expect(sealed).toBe(3);
    expect(findings.map(({ kind }) => kind)).toEqual(['unreadable']);
    await rm(folder, { recursive: true });
  });

  test('one process delivers at a time; its lease ends, so that another goes on where it died', async () => {
    await world.write(1);
    await world.seal();
    const sink = webhook();
    const other = fork(here('../support/run-ts.mjs'), [
      here('../support/audit-deliverer.ts'),
      fresh.url,
      url,
      String(NOW),
    ]);
    children.push(other);
    await once(other, 'message');
    const asked = new Promise<void>((resolve) => {
      answer = () => resolve();
    });
    other.send('go');
    await asked;
    answer = (respond) => respond(204);
    // It holds the sink, and waits for an answer.
    await deliver(deps([sink], 'second'));
    expect(received).toHaveLength(1);
    other.kill('SIGKILL');
    await once(other, 'exit');
    now = NOW + 59;
    await deliver(deps([sink], 'second'));
    expect(received).toHaveLength(1);
    now = NOW + 60;
    await deliver(deps([sink], 'second'));
    // At least once: nobody knows whether the first one was taken.
    expect(received).toHaveLength(2);
    expect(received[1]?.body).toBe(received[0]?.body);
    const { rows } = await fresh.db.query('SELECT "seq" FROM "audit_sink"');
    expect(rows).toEqual([{ seq: 1 }]);
  }, 90_000);

  test('who comes back after its lease has ended moves nothing on', async () => {
    await world.write(1);
    await world.seal();
    const slow: Sink = {
      ...webhook(),
      send: async () => {
        now += 60;
        await deliver(deps([webhook()], 'second'));
        await world.write(1);
        await world.seal();
      },
    };
    await deliver(deps([slow], 'first'));
    expect((await fresh.db.query('SELECT "seq" FROM "audit_sink"')).rows).toEqual([{ seq: 1 }]);
    await deliver(deps([webhook()], 'second'));
    expect((await fresh.db.query('SELECT "seq" FROM "audit_sink"')).rows).toEqual([{ seq: 2 }]);
  });

  test('sealing and writing go on while a sink does not answer', async () => {
    await world.write(1);
    await world.seal();
    const asked = new Promise<() => void>((resolve) => {
      answer = (respond) => resolve(() => respond(204));
    });
    const delivering = deliver(deps([webhook()]));
    const respond = await asked;
    answer = (also) => also(204);
    await world.write(1);
    expect(await world.seal()).toBe(1);
    respond();
    await delivering;
    expect(idsReceived()).toHaveLength(2);
  });
});
