/** DPoP nonces (RFC 9449 9): stateless, an HMAC over a window of time; nothing is stored. */
import { base64url } from 'jose';
import type { Soon } from './soon.ts';

/** Seconds a nonce is given out; it is accepted for one window more, and from a process one window ahead. */
const WINDOW = 150;

export interface Nonces {
  readonly current: () => Soon<string>;
  /** Whether it was given out lately. */
  readonly accepts: (nonce: unknown) => Soon<boolean>;
  /** Seconds after which no nonce of now is accepted any more. */
  readonly lifetime: number;
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
  const acceptsLater = async (nonce: string, at: number): Promise<boolean> => {
    const wanted = [mine, ...theirs].flatMap((series) => [series(at), series(at - 1), series(at + 1)]);
    return (await Promise.all(wanted)).includes(nonce);
  };
  return {
    lifetime: 3 * WINDOW,
    current: () => mine(window()),
    accepts: (nonce) => {
      if (typeof nonce !== 'string') return false;
      const at = window();
      return nonce === mine(at) || acceptsLater(nonce, at);
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
