/** Where a request went, as a DPoP proof names it (RFC 9449 4.3): from the request's target, never by way of its Host. */

/** A name or an address, and a port. Anything else in `Host` would be read as a part of the path. */
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The absolute address of a request; only its target where the host is none that can be believed. */
export function addressOf(scheme: string, host: string | undefined, target: string): string {
  const sane = host !== undefined && HOST.test(host) && target.startsWith('/');
  return sane ? `${scheme}://${host}${target}` : target;
}

interface Target {
  /** Scheme and authority, where they are known. */
  readonly base: string | undefined;
  /** As it was sent: nothing decoded, nothing resolved. */
  readonly path: string;
}

function split(url: string): Target {
  const [, base, path = ''] = /^(https?:\/\/[^/?#\\]+)?([^?#]*)/i.exec(url) ?? [];
  return { base, path: base !== undefined && path === '' ? '/' : path };
}

export function pathOf(url: string): string {
  return split(url).path;
}

/**
 * What `htu` has to be, on the public `origin` where one is given. undefined: no proof can be bound to such a request, as
 * its path may be another for who routes it (dot segments, backslashes), or its origin is not known.
 */
export function calledAddress(url: string, origin: string | undefined): string | undefined {
  const { base, path } = split(url);
  const known = origin ?? base;
  if (known === undefined || !path.startsWith('/') || isAmbiguous(path)) return undefined;
  return new URL(known).origin + path;
}

function isAmbiguous(path: string): boolean {
  return /\\|%5c/i.test(path) || path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}
