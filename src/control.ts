/**
 * A running process takes commands from the same machine: a Unix socket in its data folder, which only the owner of
 * the folder can reach; one JSON line asks, one answers. So a second command loses nothing while the first one
 * holds the embedded database.
 */
import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join, relative } from 'node:path';
import { catalogue, type ErrorCode, StileError } from './domain/errors.ts';

/** Command name → what serves it. The input is unchecked: the handler parses it. */
export type ControlHandlers = Readonly<Record<string, (input: unknown) => Promise<unknown>>>;

export interface ControlServer {
  /** Stops taking commands; those under way are answered. */
  close(): Promise<void>;
}

type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message?: string };

/** Bytes; also of an answer. A policy has up to a quarter of it. */
const longest = 1024 * 1024;
/** Milliseconds. */
const patience = 30_000;

/** The socket of a data folder; relative where that is shorter, because its length is limited (sun_path). */
export function controlPath(directory: string): string {
  const path = join(directory, 'control.sock');
  const short = relative('.', path);
  return short.length < path.length ? short : path;
}

/**
 * Serves commands at `path` (mode 0600) until closed. The caller holds the folder's lock, so a socket left behind by
 * a process that died is removed.
 */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<ControlServer> {
  await rm(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, handlers);
  });
  await listening(server, path);
  await chmod(path, 0o600);
  return { close: () => closed(server, open) };
}

/**
 * Sends one command to the process that serves `path`. Errors: `StileError` as its handler threw it; `undefined` is
 * never an answer of a handler that returns nothing (null is). Error `unavailable` when nobody listens.
 */
export async function callControl(path: string, command: string, input: unknown): Promise<unknown> {
  const answer = await ask(path, `${JSON.stringify({ command, input })}\n`);
  if (answer.ok) return answer.result;
  throw new StileError(answer.code, answer.message === undefined ? {} : { detail: answer.message });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Node removes the socket file with the server. */
function closed(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  });
}

function serve(socket: Socket, handlers: ControlHandlers): void {
  socket.setTimeout(patience, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  onLine(socket, async (line) => {
    socket.end(`${JSON.stringify(await answerTo(line, handlers))}\n`);
  });
}

async function answerTo(line: string | undefined, handlers: ControlHandlers): Promise<Answer> {
  try {
    const { command, input } = parseCommand(line);
    if (!Object.hasOwn(handlers, command)) throw new StileError('not_found');
    return { ok: true, result: (await handlers[command]?.(input)) ?? null };
  } catch (error) {
    if (!(error instanceof StileError)) return { ok: false, code: 'internal' };
    return { ok: false, code: error.code, message: error.message };
  }
}

function parseCommand(line: string | undefined): { command: string; input: unknown } {
  try {
    const parsed: unknown = JSON.parse(line ?? '');
    if (typeof parsed === 'object' && parsed !== null && 'command' in parsed) {
      return { command: String(parsed.command), input: 'input' in parsed ? parsed.input : undefined };
    }
  } catch {
    // answered below
  }
  throw new StileError('bad_request');
}

function ask(path: string, line: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const away = (): void => reject(new StileError('unavailable', { detail: 'no process answers' }));
    const socket = createConnection(path, () => socket.write(line));
    socket.setTimeout(patience, () => socket.destroy());
    socket.once('error', away);
    socket.once('close', away);
    onLine(socket, async (text) => {
      const answer = parseAnswer(text);
      if (answer) resolve(answer);
      socket.end();
    });
  });
}

function parseAnswer(line: string | undefined): Answer | undefined {
  const parsed: unknown = line === undefined ? undefined : JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null || !('ok' in parsed)) return undefined;
  if (parsed.ok === true) return { ok: true, result: 'result' in parsed ? parsed.result : null };
  const code = 'code' in parsed ? String(parsed.code) : '';
  const message = 'message' in parsed ? { message: String(parsed.message) } : {};
  return { ok: false, code: isCode(code) ? code : 'internal', ...message };
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(catalogue, code);
}

/** Calls once, with the first line, or with undefined when it is too long. */
function onLine(socket: Socket, use: (line: string | undefined) => Promise<void>): void {
  let text = '';
  const take = (part: string): void => {
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= longest) return;
    socket.off('data', take);
    use(end < 0 ? undefined : text.slice(0, end)).catch(() => socket.destroy());
  };
  socket.setEncoding('utf8');
  socket.on('data', take);
}
