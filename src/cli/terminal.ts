/** Where a command reads and writes. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

export interface Terminal {
  /** A line of output. */
  out(line: string): void;
  /** A line for the person, beside the output. */
  note(line: string): void;
  /** Output as it comes; resolves when there is room for more. */
  stream(text: string): Promise<void>;
  /** How far a long command is, where somebody looks on: it replaces what it said before; '' wipes it away. */
  progress(line: string): void;
  /** The first line of standard input. */
  firstLine(): Promise<string>;
  /** All of standard input. */
  input(): Promise<string>;
  /** Asks without showing the answer. Undefined when nobody can be asked. */
  askSecret(question: string): Promise<string | undefined>;
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    stream: (text) => streamed(stdout, text),
    progress: (line) => {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${line}`);
    },
    firstLine: () => firstLine(stdin),
    input: () => text(stdin),
    askSecret: async (question) => (stdin.isTTY ? askHidden(stdin, stderr, question) : undefined),
  };
}

async function streamed(output: NodeJS.WritableStream, text: string): Promise<void> {
  if (!output.write(text)) await once(output, 'drain');
}

async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input });
  for await (const line of lines) {
    lines.close();
    return line;
  }
  return '';
}

/** Raw mode keeps the terminal from echoing; Ctrl-C still ends the command. */
function askHidden(
  input: NodeJS.ReadStream,
  output: NodeJS.WritableStream,
  question: string,
): Promise<string> {
  output.write(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.resume();
  return new Promise((resolve) => {
    let text = '';
    const done = (): void => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
    };
    const take = (keys: string): void => {
      for (const key of keys) {
        if (key === '\r' || key === '\n' || key === '\u0004') {
          done();
          resolve(text);
          return;
        }
        if (key === '\u0003') {
          done();
          process.kill(process.pid, 'SIGINT');
          return;
        }
        text = key === '\u007f' || key === '\b' ? [...text].slice(0, -1).join('') : text + key;
      }
    };
    input.on('data', take);
  });
}
