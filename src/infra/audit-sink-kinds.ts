/** The two kinds of sink: a file that is appended to, and an address that is posted to. */
import { createHmac } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type Batch, type Sink, sinkKey } from './audit-sinks.ts';

const TIMEOUT = 10_000;

/**
 * Appends, and returns when the disk has it. A line that a crash has cut short is ended first: it comes again, whole.
 */
export function fileSink(path: string): Sink {
  return {
    name: 'file',
    key: sinkKey('file', path),
    send: async ({ lines }) => {
      const file = await open(path, 'a+', 0o600);
      try {
        const { size } = await file.stat();
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(size - 1, 0));
        await file.appendFile(size > 0 && buffer[0] !== 0x0a ? `\n${lines}` : lines);
        await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

export interface WebhookOptions {
  readonly url: string;
  readonly secret?: string;
  /** Milliseconds a receiver has to answer; less than a deliverer's lease. */
  readonly timeout?: number;
  /** Epoch seconds. */
  readonly now: () => number;
}

/**
 * Posts JSON Lines. `Stile-Signature: t=<epoch seconds>,v1=<hex>` is the HMAC-SHA-256 of `<t>.<body>`; `Stile-Sequence:
 * <first>-<last>` tells a batch that came before. Any 2xx is yes; a redirection is no.
 */
export function webhookSink({ url, secret, now, timeout = TIMEOUT }: WebhookOptions): Sink {
  return {
    name: `webhook ${new URL(url).host}`,
    key: sinkKey('webhook', url),
    send: async ({ lines, first, last }: Batch) => {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        signal: AbortSignal.timeout(timeout),
        headers: {
          'content-type': 'application/x-ndjson',
          'stile-sequence': `${first}-${last}`,
          ...(secret === undefined ? {} : { 'stile-signature': signatureOf(secret, now(), lines) }),
        },
        body: lines,
      }).catch((error: unknown) => {
        throw new Error(reasonOf(error));
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
  };
}

export function signatureOf(secret: string, time: number, body: string): string {
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

/** A code, never an address. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be reached';
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
