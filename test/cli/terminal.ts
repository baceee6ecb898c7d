import type { Terminal } from '../../src/cli/terminal.ts';

export interface FakeTerminal extends Terminal {
  readonly output: string[];
  readonly notes: string[];
  readonly progressed: string[];
}

/** Records what a command prints. `secrets` answer its questions, `input` is standard input. */
export function fakeTerminal({
  secrets = [],
  input = '',
}: {
  secrets?: string[];
  input?: string;
} = {}): FakeTerminal {
  const answers = [...secrets];
  const output: string[] = [];
  const notes: string[] = [];
  const progress: string[] = [];
  return {
    output,
    notes,
    progressed: progress,
    out: (line) => void output.push(line),
    note: (line) => void notes.push(line),
    stream: async (text) => void output.push(...text.split('\n').filter((line) => line !== '')),
    progress: (line) => void progress.push(line),
    firstLine: async () => input.split('\n')[0] ?? '',
    input: async () => input,
    askSecret: async () => answers.shift(),
  };
}
