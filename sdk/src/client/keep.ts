/** A call kept with its body, so that it can be sent again, even after a redirect. */
import { StepUpError } from './errors.ts';
import type { KeptRequest } from './types.ts';

export interface KeepOptions {
  /** Bytes of a body, at most. Default 1 MiB. */
  readonly maxBody?: number;
  /**
   * `refuse`: a body that is a stream, or may be one, as that of a `Request`, is an error instead of being read into memory.
   * Default `buffer`.
   */
  readonly streams?: 'buffer' | 'refuse';
}

/** What fetch takes besides address, method, headers and body, with its defaults; not part of what is stored. */
const DEFAULTS = {
  signal: undefined,
  credentials: 'same-origin',
  cache: 'default',
  mode: 'cors',
  integrity: '',
  keepalive: false,
  referrerPolicy: '',
} as const;

export type Extras = Pick<RequestInit, keyof typeof DEFAULTS>;

/** Those given, or those of the `Request` that is given. Defaults are left out: some runtimes know no other. */
export function extrasOf(input: RequestInfo | URL, init: RequestInit = {}): Extras {
  const own: RequestInit = input instanceof Request ? input : {};
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[];
  const given = names.map((name) => [name, init[name] ?? own[name]] as const);
  return Object.fromEntries(given.filter(([name, value]) => value !== undefined && value !== DEFAULTS[name]));
}

/** Throws StepUpError `body_not_kept`. */
export async function keepRequest(
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  options: KeepOptions = {},
): Promise<KeptRequest> {
  const given = init?.body ?? (input instanceof Request ? input.body : undefined);
  if (options.streams === 'refuse' && given instanceof ReadableStream)
    throw new StepUpError('body_not_kept', 'A stream cannot be sent twice');
  const streamed = init?.body instanceof ReadableStream ? { duplex: 'half' } : {};
  const request = new Request(input, { ...init, ...streamed } as RequestInit);
  const body = await readBody(request, options.maxBody ?? 1_048_576);
  const headers = [...request.headers].filter(([name]) => name !== 'authorization' && name !== 'dpop');
  const { url, method } = request;
  return { url, method, headers, ...(body ? { body: toBase64(body) } : {}) };
}

async function readBody({ body }: Request, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!body) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.byteLength;
    if (length > most) {
      await reader.cancel();
      throw new StepUpError('body_not_kept', `The body is longer than ${most} bytes`);
    }
    chunks.push(next.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** The call, ready to be sent; without credentials. */
export function requestOf({ url, method, headers, body }: KeptRequest, extras: Extras = {}): Request {
  return new Request(url, {
    ...extras,
    method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    redirect: 'manual',
    ...(body === undefined ? {} : { body: fromBase64(body) }),
  });
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
