/** The gate's file: read at the start, looked at again and again, and taken whole or not at all. */
import { readFileSync, statSync } from 'node:fs';
import { GateFileError } from '../gate/parse-rules.ts';
import type { Metrics } from '../gate/records.ts';
import { createSettling } from '../gate/settling.ts';
import { type GateState, nextState, stateOf } from '../gate/state.ts';
import { CommandError } from './failures.ts';
import type { Terminal } from './terminal.ts';

/** Milliseconds between two looks. */
const LOOK = 500;

export interface Followed {
  readonly state: () => GateState;
  stop(): void;
}

/**
 * The state a file makes, replaced when the file changes and has come to rest, wherever links lead, and on SIGHUP, which is
 * always answered. @throws CommandError where it cannot be used at the start.
 */
export function followFile(
  terminal: Terminal,
  file: string,
): Followed & { readonly start: (metrics: Metrics) => void } {
  // Before it is read: a change in between is seen.
  const settled = createSettling(() => stampOf(file));
  let text = required(file);
  let state = readState(file, text);
  let stop = () => {};
  const start = (metrics: Metrics) => {
    const reload = (asked: boolean) => {
      const found = readText(file);
      if (found === text && !asked) return;
      text = found;
      state = replaced(terminal, { metrics, state, file, text });
    };
    const looks = setInterval(() => settled() && reload(false), LOOK);
    const onSignal = () => reload(true);
    process.on('SIGHUP', onSignal);
    stop = () => {
      clearInterval(looks);
      process.off('SIGHUP', onSignal);
    };
  };
  return { state: () => state, start, stop: () => stop() };
}

interface Replacement {
  readonly metrics: Metrics;
  readonly state: GateState;
  readonly file: string;
  readonly text: string;
}

/** The new state; with a fault, or any other error, the old one, said aloud. */
function replaced(terminal: Terminal, { metrics, state, file, text }: Replacement): GateState {
  try {
    const next = nextState(state, text);
    metrics.reloaded(next.settings.rules);
    terminal.note(`Reloaded ${file}: ${next.settings.rules.length} rules.`);
    return next;
  } catch (error) {
    metrics.reloaded(undefined);
    terminal.note(`${file} was not taken; the rules before it stay in force.`);
    const message = error instanceof Error ? error.message : 'unreadable';
    for (const line of message.split('\n')) terminal.note(`  ${line}`);
    return state;
  }
}

/** @throws CommandError with every fault. */
export function readState(file: string, text = required(file)): GateState {
  try {
    return stateOf(text);
  } catch (error) {
    if (error instanceof GateFileError) throw new CommandError(`${file} cannot be used:\n${error.message}`);
    throw error;
  }
}

/** @throws CommandError where there is nothing to read. */
export function required(file: string): string {
  const text = readText(file);
  if (text === '') throw new CommandError(`${file} cannot be read, or is empty`);
  return text;
}

/** Empty where it cannot be read: while it is replaced it may be away. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Of what links lead to. */
function stampOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
}
