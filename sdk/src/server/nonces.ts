/** DPoP nonces (RFC 9449 9): stateless, an HMAC over a window of time; nothing is stored. */
import { base64url } from 'jose';

/** Seconds a nonce is given out; it is accepted for one window more, and from a process one window ahead. */
const WINDOW = 150;

export interface Nonces {
  readonly current: () => Promise<string>;
  /** Whether it was given out lately. */
  readonly accepts: (nonce: unknown) => Promise<boolean>;
  /** Seconds after which no nonce of now is accepted any more. */
  readonly lifetime: number;
}

/** @param now Epoch seconds. */
export function createNonces(secret: string | Uint8Array, now: () => number): Nonces {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : Uint8Array.from(secret);
  const key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const made = new Map<number, string>();
  const of = async (window: number): Promise<string> => {
    const known = made.get(window);
    if (known !== undefined) return known;
    const message = new TextEncoder().encode(`dpop-nonce ${window}`);
    const nonce = base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', await key, message)));
    for (const other of made.keys()) if (Math.abs(other - window) > 2) made.delete(other);
    made.set(window, nonce);
    return nonce;
  };
  const window = () => Math.floor(now() / WINDOW);
  return {
    lifetime: 3 * WINDOW,
    current: () => of(window()),
    accepts: async (nonce) => {
      if (typeof nonce !== 'string') return false;
      const around = [window(), window() - 1, window() + 1];
      return (await Promise.all(around.map(of))).includes(nonce);
    },
  };
}
