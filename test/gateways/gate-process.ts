/** `stile gate` as a process of its own, which can be sent signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface GateProcess {
  readonly port: number;
  readonly child: ChildProcess;
  /** Everything it has said on standard error. */
  readonly notes: string[];
  /** The first line from now on that fits, after those that were waited for. */
  until(pattern: RegExp): Promise<string>;
  /** Its exit code. */
  stop(): Promise<number | null>;
}

const runner = ['test/support/run-ts.mjs', 'src/cli.ts'];

export async function startGateProcess(file: string): Promise<GateProcess> {
  const child = spawn(process.execPath, [...runner, 'gate', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const notes: string[] = [];
  let read = 0;
  let wake = () => {};
  createInterface({ input: child.stderr }).on('line', (line) => {
    notes.push(line);
    wake();
  });
  child.once('exit', () => wake());
  const until = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      while (read < notes.length) {
        const line = notes[read++] ?? '';
        if (pattern.test(line)) return line;
      }
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`ended:\n${notes.join('\n')}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const port = Number(/:(\d+) with/.exec(await until(/The gate answers on/))?.[1]);
  return {
    port,
    child,
    notes,
    until,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
  };
}
