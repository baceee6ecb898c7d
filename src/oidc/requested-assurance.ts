/** What an authorization request says about assurance, from the parameters the library has checked. */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { AcrClaim, RequestedAssurance } from '../domain/requirement.ts';

type Parameters = Readonly<Record<string, unknown>>;

/**
 * What `acr_values` and `max_age` are called in a request without `openid`: RFC 9470 is OAuth's, but the library takes
 * them for OpenID Connect's alone and refuses such a request. See http/plain-oauth.
 */
export const plainNames = { acr_values: 'stile_acr_values', max_age: 'stile_max_age' } as const;

/**
 * Reads `acr_values`, the acr claims of `claims`, `max_age`, `prompt`, scopes, resources and `authorization_details`
 * types. Throws `invalid_request` for a malformed `max_age` or acr claim (OpenID Connect Core 3.1.2.1, 5.5.1.1).
 */
export function requestedAssurance(params: Parameters): RequestedAssurance {
  const maxAge = maxAgeOf(params['max_age'] ?? params[plainNames.max_age]);
  return {
    acrValues: words(params['acr_values'] ?? params[plainNames.acr_values]),
    acrClaims: acrClaimsOf(params['claims']),
    ...(maxAge === undefined ? {} : { maxAge }),
    promptLogin: words(params['prompt']).includes('login'),
    promptNone: words(params['prompt']).includes('none'),
    scopes: words(params['scope']),
    resources: listOf(params['resource']),
    ...detailsOf(params['authorization_details']),
  };
}

/** `max_age` in seconds. Rule 10: `^\d{1,9}$` or `invalid_request`. */
export function maxAgeOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value)) {
    throw new errors.InvalidRequest('invalid max_age parameter value');
  }
  return Number(value);
}

/**
 * Refuses at once what `requestedAssurance` could not read later. The library reads `max_age` as a JavaScript number
 * before anything of ours runs, so that `1e3` or a space pass; this looks at the request as it was sent.
 */
export async function checkAssuranceParameters(ctx: KoaContextWithOIDC): Promise<void> {
  const sent = ctx.method === 'POST' ? (ctx.oidc.body as Parameters | undefined) : ctx.query;
  maxAgeOf(sent?.['max_age'] ?? sent?.[plainNames.max_age]);
  acrClaimsOf(ctx.oidc.params?.['claims']);
}

function words(value: unknown): string[] {
  return typeof value === 'string' ? value.split(' ').filter(Boolean) : [];
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((each): each is string => typeof each === 'string');
  return typeof value === 'string' ? [value] : [];
}

type Claims = { readonly [member in 'id_token' | 'userinfo']?: { readonly acr?: unknown } | null };

function acrClaimsOf(claims: unknown): AcrClaim[] {
  if (typeof claims !== 'string') return [];
  const { id_token, userinfo } = JSON.parse(claims) as Claims;
  return [...acrClaim('claims', id_token?.acr), ...acrClaim('userinfo', userinfo?.acr)];
}

/** A claim that names no value is met by any: there is always an acr. */
function acrClaim(source: AcrClaim['source'], acr: unknown): AcrClaim[] {
  if (typeof acr !== 'object' || acr === null) return [];
  const { essential, value, values } = acr as { essential?: unknown; value?: unknown; values?: unknown };
  const asked = values ?? (value === undefined ? undefined : [value]);
  if (asked === undefined) return [];
  if (!Array.isArray(asked) || asked.some((each) => typeof each !== 'string')) {
    throw new errors.InvalidRequest('invalid acr claim');
  }
  return [{ source, essential: essential === true, values: asked }];
}

function detailsOf(sent: unknown): Pick<RequestedAssurance, 'detailTypes' | 'details'> {
  if (typeof sent !== 'string') return { detailTypes: [] };
  const parsed: unknown = JSON.parse(sent);
  const details: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return { details, detailTypes: typesOf(details) };
}

/** The `type` of each of the details that has one. */
export function typesOf(details: readonly unknown[]): string[] {
  return details.flatMap((detail) => {
    const type = typeof detail === 'object' && detail !== null && 'type' in detail ? detail.type : undefined;
    return typeof type === 'string' ? [type] : [];
  });
}
