/** What is kept of a token response, and refreshing. */
import * as oauth from 'oauth4webapi';
import { StepUpError } from './errors.ts';
import { type Connection, withNonce } from './issuer.ts';
import type { ClientOptions, Tokens } from './types.ts';

export function nowOf({ now }: Pick<ClientOptions, 'now'>): number {
  return now ? now() : Math.floor(Date.now() / 1000);
}

/** `old` stands in for what a refresh response may leave out (OpenID Connect Core 12.2). */
export function tokensOf(
  options: ClientOptions,
  response: oauth.TokenEndpointResponse,
  asked: readonly string[],
  old?: Tokens,
): Tokens {
  const type = response.token_type === 'dpop' ? 'dpop' : 'bearer';
  const claims = oauth.getValidatedIdTokenClaims(response) ?? old?.claims;
  const [idToken, sub] = [response.id_token ?? old?.idToken, claims?.['sub']];
  if (idToken === undefined || typeof sub !== 'string')
    throw new StepUpError('invalid_response', 'The token response lacks an ID token');
  // Falling back to a bearer token would take the protection away unseen.
  if ((type === 'dpop') !== (options.dpop !== undefined))
    throw new StepUpError('invalid_response', `A token of type ${type} was not asked for`);
  if (old && old.sub !== sub)
    throw new StepUpError('other_subject', 'The refreshed token is for somebody else');
  const refresh = response.refresh_token ?? old?.refresh;
  const now = nowOf(options);
  return {
    access: response.access_token,
    type,
    ...(refresh === undefined ? {} : { refresh }),
    idToken,
    resource: options.resource,
    scope: response.scope?.split(' ') ?? old?.scope ?? asked,
    sub,
    ...assuranceOf(claims ?? {}),
    since: old?.since ?? now,
    expiresAt: now + (response.expires_in ?? 60),
    claims: { ...claims },
  };
}

/** acr, amr and auth_time of the ID token. */
function assuranceOf({ acr, amr, auth_time: authTime }: Readonly<Record<string, unknown>>) {
  return {
    ...(typeof acr === 'string' ? { acr } : {}),
    ...(Array.isArray(amr) ? { amr: amr.filter((each) => typeof each === 'string') } : {}),
    ...(typeof authTime === 'number' ? { authTime } : {}),
  };
}

/** A refresh keeps acr and auth_time; undefined: these tokens have ended (`invalid_grant`). */
export async function refreshTokens(
  options: ClientOptions,
  { server, client, auth, http, dpop }: Connection,
  old: Tokens & { readonly refresh: string },
): Promise<Tokens | undefined> {
  const request = {
    ...http,
    ...(dpop ? { DPoP: dpop } : {}),
    additionalParameters: { resource: old.resource },
  };
  try {
    const result = await withNonce(async () => {
      const response = await oauth.refreshTokenGrantRequest(server, client, auth, old.refresh, request);
      return oauth.processRefreshTokenResponse(server, client, response);
    });
    return tokensOf(options, result, old.scope, old);
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return undefined;
    throw error;
  }
}
