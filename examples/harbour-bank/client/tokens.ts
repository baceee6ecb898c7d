/** Tokens: what is kept of a token response, and refreshing. */
import * as oidc from 'openid-client';
import type { Session, Tokens } from './sessions.ts';
import type { ClientSettings, SignIn } from './sign-in.ts';

/** Seconds by which the clocks of provider and client may differ. */
export const CLOCK_TOLERANCE = 10;

type Response = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** `old` stands in for what a refresh response may leave out (OpenID Connect Core 12.2). */
export function tokensOf({ now }: ClientSettings, response: Response, old: Tokens | undefined): Tokens {
  const claims = response.claims();
  const idToken = response.id_token ?? old?.idToken;
  const sub = claims?.sub ?? old?.sub;
  if (idToken === undefined || sub === undefined) throw new Error('No ID token was returned.');
  if (old && old.sub !== sub) throw new Error('The refreshed ID token is about somebody else.');
  return {
    access: response.access_token,
    refresh: response.refresh_token ?? old?.refresh,
    idToken,
    obtainedAt: now(),
    expiresAt: now() + (response.expiresIn() ?? 60),
    sub,
    name: text(claims?.['name']) ?? text(claims?.['preferred_username']) ?? old?.name,
    authentication: claims
      ? { acr: text(claims['acr']), amr: texts(claims['amr']), authTime: claims.auth_time }
      : (old?.authentication ?? { acr: undefined, amr: [], authTime: undefined }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** Tokens that are good for a call now, refreshed if need be; undefined: the person has to be sent to sign in. */
export async function currentTokens(signIn: SignIn, session: Session): Promise<Tokens | undefined> {
  const { tokens } = session;
  if (!tokens || signIn.settings.now() < tokens.expiresAt - CLOCK_TOLERANCE) return tokens;
  if (tokens.refresh === undefined) return undefined;
  session.refreshing ??= refresh(signIn, tokens, tokens.refresh).finally(() => {
    session.refreshing = undefined;
  });
  const renewed = await session.refreshing;
  if (renewed) session.tokens = renewed;
  return renewed;
}

/** A refresh keeps acr and auth_time as they were; an `invalid_grant` is the end of these tokens, not a fault. */
async function refresh(signIn: SignIn, old: Tokens, refreshToken: string): Promise<Tokens | undefined> {
  const { resource } = signIn.settings;
  const configuration = await signIn.configuration();
  try {
    return tokensOf(
      signIn.settings,
      await oidc.refreshTokenGrant(configuration, refreshToken, { resource }),
      old,
    );
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') return undefined;
    throw error;
  }
}
