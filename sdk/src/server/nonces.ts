/** DPoP nonces (RFC 9449 9): stateless, an HMAC over a window of time; nothing is stored. */
import { base64url } from 'jose';

/** Seconds a nonce is given out; it is accepted for one window more, and from a process one window ahead. */
const WINDOW = 150;

export interface Nonces {
  readonly current: () => Promise<string>;
  /** Epoch seconds at which it is no longer accepted; undefined: it was not given out lately. */
  readonly endOf: (nonce: unknown) => Promise<number | undefined>;
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
    current: () => of(window()),
    endOf: async (nonce) => {
      for (const each of [window(), window() - 1, window() + 1])
        if (nonce === (await of(each))) return (each + 2) * WINDOW;
      return undefined;
    },
  };
}
