/**
 * The door: bodies are read here, in one way, and become typed values or `bad_request`.
 */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { z } from 'zod';
import { StileError } from '../domain/errors.ts';

/** Bytes of a form; WebAuthn answers (attestation) are larger. */
export const FORM_LIMIT = 8 * 1024;
export const PASSKEY_LIMIT = 64 * 1024;
const MOST_FIELDS = 50;

/**
 * Reads a urlencoded body and parses it with the schema. Errors: `unsupported_media_type`, `payload_too_large`,
 * `bad_request` (malformed encoding, a repeated field, NUL, or not what the schema says).
 */
export async function guardForm<S extends z.ZodType>(
  ctx: Context,
  schema: S,
  limit = FORM_LIMIT,
): Promise<z.output<S>> {
  return parse(schema, fieldsOf(await readForm(ctx, limit)));
}

/** A urlencoded body as it was sent. Errors: `unsupported_media_type`, `payload_too_large`, `bad_request`. */
export async function readForm(ctx: Context, limit = FORM_LIMIT): Promise<string> {
  if (ctx.is('application/x-www-form-urlencoded') === false || !ctx.get('Content-Type')) {
    throw new StileError('unsupported_media_type');
  }
  if (ctx.get('Content-Encoding')) throw new StileError('unsupported_media_type', { detail: 'encoded body' });
  return readBody(ctx, limit);
}

function parse<S extends z.ZodType>(schema: S, fields: Readonly<Record<string, string>>): z.output<S> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  // Paths and codes only: the values may be passwords.
  const detail = result.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`).join(', ');
  throw new StileError('bad_request', { detail });
}

async function readBody(ctx: Context, limit: number): Promise<string> {
  const bytes = await readBytes(ctx, limit);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new StileError('bad_request', { detail: 'unreadable body', cause: error });
  }
}

/** A body's bytes. Errors: `payload_too_large`, `bad_request` when it does not arrive whole. */
export async function readBytes(ctx: Context, limit: number): Promise<Buffer> {
  if (Number(ctx.get('Content-Length')) > limit) throw tooLarge(ctx);
  const body = await collect(ctx.req, limit).catch((cause: unknown) => {
    throw new StileError('bad_request', { detail: 'unreadable body', cause });
  });
  if (body === 'too large') throw tooLarge(ctx);
  return body;
}

/** By events, which cost a fraction of an iterator. A request that is too large is left whole: what answers asks it for its socket. */
function collect(request: IncomingMessage, limit: number): Promise<Buffer | 'too large'> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      settle();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limit) return;
      request.pause();
      done(() => resolve('too large'));
    };
    const onEnd = () =>
      done(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    const onBroken = (cause?: Error) => done(() => reject(cause ?? new Error('the client went away')));
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

/** The rest of the body is not read, so the connection cannot be used again. */
function tooLarge(ctx: Context): StileError {
  ctx.set('Connection', 'close');
  return new StileError('payload_too_large');
}

function fieldsOf(encoded: string): Readonly<Record<string, string>> {
  const pairs = encoded === '' ? [] : encoded.split('&');
  if (pairs.length > MOST_FIELDS) throw new StileError('bad_request', { detail: 'too many fields' });
  const fields = new Map<string, string>();
  for (const pair of pairs) {
    const [name, value] = decodePair(pair);
    if (fields.has(name)) throw new StileError('bad_request', { detail: 'repeated field' });
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}

/** Unlike URLSearchParams, refuses what is not percent-encoded UTF-8. */
function decodePair(pair: string): readonly [string, string] {
  const at = pair.indexOf('=');
  const name = decode(at < 0 ? pair : pair.slice(0, at));
  const value = at < 0 ? '' : decode(pair.slice(at + 1));
  if (`${name}${value}`.includes('\0')) throw new StileError('bad_request', { detail: 'NUL in a field' });
  return [name, value];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    throw new StileError('bad_request', { detail: 'malformed encoding', cause: error });
  }
}
