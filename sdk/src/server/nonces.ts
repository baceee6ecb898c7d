/** DPoP nonces (RFC 9449 9): stateless, an HMAC over a window of time; nothing is stored. */
import { base64url } from 'jose';
import type { Soon } from './soon.ts';

/** Seconds a nonce is given out; it is accepted for one window more, and from a process one window ahead. */
const WINDOW = 150;

export interface Nonces {
  readonly current: () => Soon<string>;
  /** Epoch seconds at which it is no longer accepted; undefined: it was not given out lately. */
  readonly endOf: (nonce: unknown) => Soon<number | undefined>;
}

export type NonceSecret = string | Uint8Array;

/**
 * @param secrets The first makes the nonces; those of the others are accepted, too, while secrets are being replaced.
 * @param now Epoch seconds.
 */
export function createNonces(
  [secret, ...others]: readonly [NonceSecret, ...NonceSecret[]],
  now: () => number,
): Nonces {
  const window = () => Math.floor(now() / WINDOW);
  const [mine, ...theirs] = [secret, ...others].map(createSeries) as [Series, ...Series[]];
  const endOf = (at: number) => (at + 2) * WINDOW;
  const find = async (nonce: unknown, at: number): Promise<number | undefined> => {
    for (const series of [mine, ...theirs])
      for (const each of [at, at - 1, at + 1]) if (nonce === (await series(each))) return endOf(each);
    return undefined;
  };
  return {
    current: () => mine(window()),
    endOf: (nonce) => {
      const at = window();
      return nonce === mine(at) ? endOf(at) : find(nonce, at);
    },
  };
}

/** The nonce of a window; at once where it was made before. */
type Series = (window: number) => Soon<string>;

function createSeries(secret: NonceSecret): Series {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
  const key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const made = new Map<number, string>();
  const make = async (window: number): Promise<string> => {
    const message = new TextEncoder().encode(`dpop-nonce ${window}`);
    const nonce = base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', await key, message)));
    for (const other of made.keys()) if (Math.abs(other - window) > 2) made.delete(other);
    made.set(window, nonce);
    return nonce;
  };
  return (window) => made.get(window) ?? make(window);
}
