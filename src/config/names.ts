/** Names the checks share. */

/** Scopes every configuration has. */
export const standardScopes: readonly string[] = ['openid', 'profile', 'email', 'offline_access'];

/** The account page's own client: no other may be called so. */
export const accountClientId = 'stile-account';

/** Does a host name or address stay on this machine? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
