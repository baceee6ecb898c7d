/** Config → oidc-provider configuration. Pure: behaviour comes in through `hooks`. */
import type { Adapter, Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import type { Config } from '../config/schema.ts';
import { acrValuesImplied, acrValuesSupported } from '../domain/ladder.ts';
import { accountClient, CHANGE_PARAMETER, ENROL_PARAMETER } from './account-client.ts';
import type { createPolicy } from './assurance-check.ts';
import { clientMetadata, metadataOf, STILE_METADATA } from './clients.ts';
import { loadGrant } from './grants.ts';
import {
  accessTokenTtl,
  extraTokenClaims,
  findAccount,
  type IssuanceDeps,
  issueRefreshToken,
  refreshTokenTtl,
} from './issuance.ts';
import { checkAssuranceParameters, plainNames } from './requested-assurance.ts';
import { resourceServerInfo } from './resources.ts';
import { checkScopes, claimsOfScopes } from './scopes.ts';
import { stampJwt } from './token-times.ts';

/** Pages the library asks for. */
export interface ProviderPages {
  error(
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string | undefined },
  ): Promise<void>;
  logout(ctx: KoaContextWithOIDC, form: string): Promise<void>;
  loggedOut(ctx: KoaContextWithOIDC): Promise<void>;
}

export interface SettingsInput {
  readonly config: Config;
  readonly adapter: (model: string) => Adapter;
  readonly jwks: JWKS;
  readonly cookieKeys: readonly string[];
  readonly dpopNonceSecret: Uint8Array;
  readonly policy: ReturnType<typeof createPolicy>;
  readonly issuance: IssuanceDeps;
  readonly pages: ProviderPages;
}

export function providerSettings(input: SettingsInput): Configuration {
  const { config, issuance } = input;
  const detailTypes = Object.keys(config.authorizationDetails);
  return {
    adapter: input.adapter as never,
    jwks: input.jwks,
    clients: [
      ...config.clients.map((client) => clientMetadata(client, detailTypes)),
      accountClient(config.issuer),
    ] as never,
    acrValues: acrValuesSupported(config.levels as never),
    discovery: { acr_values_implied: acrValuesImplied(config.levels as never) } as never,
    claims: claimsByScope,
    scopes: ['openid', 'offline_access', ...Object.keys(config.scopes)],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    extraClientMetadata: { properties: [STILE_METADATA] },
    // `max_age` is no extra parameter: its validator looks at it as it was sent, before the library reads it.
    extraParams: {
      max_age: checkRequest,
      [ENROL_PARAMETER]: null,
      [CHANGE_PARAMETER]: null,
      ...Object.fromEntries(Object.values(plainNames).map((name) => [name, null])),
    } as never,
    pkce: { required: () => true },
    // OpenID Connect Core 3.1.2.1: redirect_uri is required, also where only one is registered.
    allowOmittingSingleRegisteredRedirectUri: false,
    // A browser-based client calls from the origins it is sent back to (RFC 8252 loopback clients need none).
    clientBasedCORS: (_ctx, origin, client) =>
      client.redirectUris?.some((uri) => originOf(uri) === origin) ?? false,
    rotateRefreshToken: true,
    conformIdTokenClaims: true,
    enabledJWA: {
      idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA', 'RS256', 'PS256'],
    } as never,
    cookies: cookieSettings(config, input.cookieKeys),
    ttl: timesToLive(input),
    features: features(input),
    formats: {
      customizers: { jwt: async (_ctx, token, jwt) => stampJwt(issuance.assurance.clock, token, jwt) },
    },
    interactions: { policy: input.policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (ctx, sub, token) => findAccount(issuance, ctx, sub, token) as never,
    extraTokenClaims: (ctx, token) => extraTokenClaims(issuance, ctx, token as never) as never,
    issueRefreshToken: (ctx) => issueRefreshToken(issuance, ctx),
    loadExistingGrant: loadGrant,
    revokeGrantPolicy: ({ oidc }) => oidc.route !== 'token' && oidc.route !== 'revocation',
    renderError: (ctx, out) => input.pages.error(ctx, out as never),
  };
}

/** What the library does not look at, or only after it has read it in its own way. */
async function checkRequest(ctx: KoaContextWithOIDC): Promise<void> {
  await checkAssuranceParameters(ctx);
  checkScopes(ctx);
}

function originOf(uri: string): string | undefined {
  return URL.canParse(uri) ? new URL(uri).origin : undefined;
}

const claimsByScope = {
  acr: null,
  amr: null,
  auth_time: null,
  iss: null,
  sid: null,
  // The library leaves these out of ID tokens unless asked; RFC 9470 clients compare them, so they are always in.
  openid: ['sub', 'acr', 'amr', 'auth_time'],
  ...claimsOfScopes,
};

function cookieSettings(config: Config, keys: readonly string[]): NonNullable<Configuration['cookies']> {
  const secure = config.issuer.startsWith('https:');
  const common = { httpOnly: true, sameSite: 'lax', signed: true, overwrite: true, secure } as const;
  return {
    keys: [...keys],
    names: {
      session: secure ? '__Host-stile_session' : 'stile_session',
      interaction: secure ? '__Secure-stile_interaction' : 'stile_interaction',
      resume: secure ? '__Secure-stile_resume' : 'stile_resume',
    },
    long: common,
    short: common,
  };
}

function timesToLive({ config, issuance }: SettingsInput): NonNullable<Configuration['ttl']> {
  const { session, tokens } = config;
  const now = () => issuance.assurance.clock.now();
  return {
    AuthorizationCode: tokens.code,
    AccessToken: (ctx, token) => accessTokenTtl(issuance, ctx, token),
    RefreshToken: (ctx, token) => refreshTokenTtl(issuance, ctx, token),
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? tokens.accessToken,
    IdToken: tokens.idToken,
    Interaction: config.interaction.ttl,
    Session: (_ctx, { iat }) =>
      Math.max(1, Math.min(session.idle, (iat ?? now()) + session.absolute - now())),
    Grant: session.absolute + tokens.refreshToken,
  };
}

function features(input: SettingsInput): NonNullable<Configuration['features']> {
  const { config, pages } = input;
  const settings: NonNullable<Configuration['features']> = {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true, nonceSecret: input.dpopNonceSecret as never, requireNonce: () => false },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => mayIntrospect(client, token),
    },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
    },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => [],
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_ctx, indicator, client) =>
        resourceServerInfo(config.resources, indicator, client) as never,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => pages.logout(ctx, form),
      postLogoutSuccessSource: (ctx) => pages.loggedOut(ctx),
    },
  };
  return Object.assign(settings, detailsFeature(config));
}

/** A client reads its own tokens; an API those of the resources it is registered for (RFC 7662 section 4). */
function mayIntrospect(
  client: Parameters<typeof metadataOf>[0],
  token: { clientId?: string | undefined; aud?: unknown },
): boolean {
  if (client && token.clientId === client.clientId) return true;
  return [token.aud].flat().some((audience) => metadataOf(client).introspect?.includes(String(audience)));
}

/** RFC 9396: only what this request asked, never what an earlier one was granted. */
function detailsFeature(config: Config): object {
  const types = Object.keys(config.authorizationDetails);
  if (types.length === 0) return {};
  const own = (details: unknown) => (typeof details === 'string' ? JSON.parse(details) : undefined);
  return {
    richAuthorizationRequests: {
      enabled: true,
      types: Object.fromEntries(types.map((type) => [type, { validate: () => undefined }])),
      authorizationDetailsForGrantSource: (ctx: KoaContextWithOIDC) =>
        own(ctx.oidc.params?.['authorization_details']),
      authorizationDetailsForAccessToken: (_ctx: unknown, _token: unknown, source: { rar?: unknown }) =>
        source.rar,
      authorizationDetailsForIntrospection: (_ctx: unknown, token: { rar?: unknown }) => token.rar,
    },
  };
}
