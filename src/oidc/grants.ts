/** Grants: what a client may have. First-party clients are granted what they ask; others what a person consented to. */
import type { Grant, KoaContextWithOIDC } from 'oidc-provider';
import { metadataOf } from './clients.ts';

/** The grant of this session and client; for a first-party client widened to what is asked, without a page. */
export async function loadGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { oidc } = ctx;
  const clientId = oidc.client?.clientId ?? '';
  const grantId = oidc.result?.consent?.grantId ?? oidc.session?.grantIdFor(clientId);
  const found = grantId ? await oidc.provider.Grant.find(grantId) : undefined;
  const accountId = oidc.account?.accountId;
  const own = found?.accountId === accountId && found?.clientId === clientId ? found : undefined;
  if (!metadataOf(oidc.client).firstParty || accountId === undefined) return own;
  const grant = own ?? new oidc.provider.Grant({ accountId, clientId });
  if (widen(ctx, grant)) await grant.save();
  return grant;
}

/** Adds what this request asks and the grant has not seen yet; true when anything was added. */
export function widen(ctx: Pick<KoaContextWithOIDC, 'oidc'>, grant: Grant): boolean {
  const { oidc } = ctx;
  const scopes = missing([...oidc.requestParamOIDCScopes], grant.getOIDCScopeEncountered());
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  const claims = missing([...oidc.requestParamClaims], grant.getOIDCClaimsEncountered().join(' '));
  if (claims.length > 0) grant.addOIDCClaims(claims);
  let added = scopes.length + claims.length;
  for (const [indicator, server] of Object.entries(oidc.resourceServers ?? {})) {
    const asked = [...oidc.requestParamScopes].filter((scope) => server.scopes.has(scope));
    const lacking = missing(asked, grant.getResourceScopeEncountered(indicator));
    if (lacking.length > 0) grant.addResourceScope(indicator, lacking.join(' '));
    added += lacking.length;
  }
  return added > 0;
}

function missing(asked: readonly string[], seen: string): string[] {
  const known = new Set(seen.split(' '));
  return asked.filter((name) => !known.has(name));
}
