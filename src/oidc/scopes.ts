/** Scopes and claims: what belongs together, and what a client may ask for at all. */
import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { metadataOf } from './clients.ts';

/** Claims that come with a scope (OpenID Connect Core 5.4). */
export const claimsOfScopes: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'preferred_username'],
  email: ['email', 'email_verified'],
};

/** The scope whose claim it is; undefined for claims about the authentication, which are in every ID token. */
export function scopeOfClaim(claim: string): string | undefined {
  return Object.keys(claimsOfScopes).find((scope) => claimsOfScopes[scope]?.includes(claim));
}

/** Whether the client's registration lets it have the scope; without a list it may have all. */
export function mayHaveScope(client: Client | undefined, scope: string): boolean {
  return metadataOf(client).scopes?.includes(scope) !== false;
}

/** Error `invalid_scope` for a scope, or a claim of a scope, that the client is not registered for. */
export function checkScopes({ oidc }: Pick<KoaContextWithOIDC, 'oidc'>): void {
  const claimed = [...oidc.requestParamClaims].flatMap((claim) => scopeOfClaim(claim) ?? []);
  for (const scope of [...oidc.requestParamScopes, ...claimed]) {
    if (!mayHaveScope(oidc.client, scope))
      throw new errors.InvalidScope('requested scope is not allowed', scope);
  }
}
