/** Requests over raw keep-alive connections, one at a time on each: the load has to cost less than what it loads. */
import { connect, type Socket } from 'node:net';

export interface GateLoad {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How much of a core the load itself took. */
  readonly share: number;
}

export interface LoadOptions {
  readonly port: number;
  /** The bytes of the next request; undefined when there are no more. */
  readonly next: () => Buffer | undefined;
  readonly connections?: number;
  readonly seconds?: number;
}

export async function loadGate({
  port,
  next,
  connections = 16,
  seconds = 3,
}: LoadOptions): Promise<GateLoad> {
  const tally: Tally = { latencies: [], statuses: {} };
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const until = begin + seconds * 1000;
  const one = () => repeat(port, () => (performance.now() < until ? next() : undefined), tally);
  await Promise.all(Array.from({ length: connections }, one));
  const taken = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(tally.latencies).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    perSecond: sorted.length / taken,
    p50: at(0.5),
    p99: at(0.99),
    statuses: tally.statuses,
    share: (user + system) / 1e6 / taken,
  };
}

/** Connections in a row that may end without an answer. */
const TRIES = 3;

interface Tally {
  readonly latencies: number[];
  readonly statuses: Record<string, number>;
}

/** On one connection at a time: a server may close one that was idle for too long, and is then asked again. */
function repeat(port: number, next: () => Buffer | undefined, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    const open = (unanswered: Buffer | undefined, tries: number) => {
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let sent = 0;
      let waiting: Buffer | undefined;
      let asked = unanswered;
      let answered = 0;
      let over = false;
      const send = (bytes: Buffer | undefined) => {
        asked = bytes;
        if (bytes === undefined) {
          over = true;
          socket.end();
          resolve();
          return;
        }
        sent = performance.now();
        socket.write(bytes);
      };
      const again = (error: Error) => {
        if (over) return;
        over = true;
        if (waiting || (answered === 0 && tries === 0)) reject(error);
        else open(asked, answered === 0 ? tries - 1 : TRIES);
      };
      socket.on('connect', () => send(asked ?? next()));
      socket.on('error', again);
      socket.on('close', () => again(new Error('the server closed the connection')));
      socket.on('data', (chunk: Buffer) => {
        waiting = waiting ? Buffer.concat([waiting, chunk]) : chunk;
        if (!isWhole(waiting)) return;
        const status = waiting.toString('latin1', 9, 12);
        tally.latencies.push(performance.now() - sent);
        tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
        waiting = undefined;
        answered += 1;
        send(next());
      });
    };
    open(undefined, TRIES);
  });
}

/** Head and body of a response. */
function isWhole(bytes: Buffer): boolean {
  const head = bytes.indexOf('\r\n\r\n', 'latin1');
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1] ?? 0;
  return bytes.length >= head + 4 + Number(length);
}
