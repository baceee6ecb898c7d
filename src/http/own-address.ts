/**
 * The server's own address is the issuer's, whatever a request calls it: `Host`, `X-Forwarded-Host`, `X-Forwarded-Proto`
 * or an absolute request target. What the protocol library says and compares (discovery, the `htu` of a DPoP proof,
 * where a sign-in resumes) is built from here, so nobody else can choose it.
 */
import type Koa from 'koa';
import type { Request } from 'koa';

/** Makes every request of this application one to the issuer. */
export function answerAs(app: Koa, issuer: string): void {
  const { protocol, origin } = new URL(issuer);
  Object.defineProperties(app.request, {
    protocol: { get: () => protocol.slice(0, -1) },
    href: {
      get(this: Request) {
        return `${origin}${this.path}${this.search}`;
      },
    },
  });
}
