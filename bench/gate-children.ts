/** The servers of the gate's benchmark, as processes of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly process: ChildProcess;
  readonly port: number;
}

const children: ChildProcess[] = [];

/** @param rules How many the gate has. */
export async function start(kind: 'bare' | 'fields' | 'gate', issuer: string, rules = '10'): Promise<Child> {
  const child = fork(fileURLToPath(new URL('./gate-server.js', import.meta.url)), [kind, issuer, rules], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc', ...(process.env['BENCH_PROFILE'] === kind ? ['--cpu-prof'] : [])],
  });
  children.push(child);
  const [port] = (await once(child, 'message')) as [number];
  return { process: child, port };
}

/** What a server says of itself. */
export async function ask<T>(
  { process: child }: Pick<Child, 'process'>,
  order: 'memory' | 'cpu' | 'verify',
): Promise<T> {
  child.send(order);
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

/** They end with the channel, having written what they were to. */
export function stopAll(): void {
  for (const child of children) child.disconnect();
}
