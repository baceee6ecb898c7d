/** Requests over raw keep-alive connections: the load has to cost less than what it loads. */
import { connect, type Socket } from 'node:net';

export interface GateLoad {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

export interface LoadOptions {
  readonly port: number;
  /** The bytes of the next request; undefined when there are no more. */
  readonly next: () => string | undefined;
  readonly connections?: number;
  readonly seconds?: number;
}

export async function loadGate({
  port,
  next,
  connections = 16,
  seconds = 3,
}: LoadOptions): Promise<GateLoad> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const begin = performance.now();
  const until = begin + seconds * 1000;
  const one = () =>
    repeat(port, () => (performance.now() < until ? next() : undefined), { latencies, statuses });
  await Promise.all(Array.from({ length: connections }, one));
  const taken = (performance.now() - begin) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { perSecond: sorted.length / taken, p50: at(0.5), p99: at(0.99), statuses };
}

interface Tally {
  readonly latencies: number[];
  readonly statuses: Record<string, number>;
}

function repeat(port: number, next: () => string | undefined, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sent = 0;
    let waiting = '';
    const go = () => {
      const bytes = next();
      if (bytes === undefined) {
        socket.end();
        resolve();
        return;
      }
      sent = performance.now();
      socket.write(bytes);
    };
    socket.setEncoding('latin1');
    socket.on('connect', go);
    socket.on('error', reject);
    socket.on('data', (text: string) => {
      waiting += text;
      const head = waiting.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(waiting)?.[1] ?? 0);
      if (waiting.length < head + 4 + length) return;
      const status = waiting.slice(9, 12);
      tally.latencies.push(performance.now() - sent);
      tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
      waiting = '';
      go();
    });
  });
}
