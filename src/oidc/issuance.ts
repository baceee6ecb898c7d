/**
 * The gate at issuance (rule 5): `findAccount` runs before anything is issued, and before a refresh token is used up; a code
 * is used up by being presented. `extraTokenClaims` is the backstop that fails closed.
 */
import {
  type AccessToken,
  type Account,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type RefreshToken,
} from 'oidc-provider';
import type { Config } from '../config/schema.ts';
import { rank } from '../domain/level.ts';
import { type AssuranceDeps, loadFacts } from '../services/assurance.ts';
import type { AccountStore, Account as StoredAccount } from '../services/ports/people.ts';
import type { StoredAssurance } from '../services/protocol-context.ts';
import { levelEnd, type RenewalQuestion, renew, tokensEnd } from '../services/renewal.ts';
import { metadataOf } from './clients.ts';
import { deviceOf, requestState } from './request-state.ts';
import { resourceServerInfo } from './resources.ts';
import { checkScopes, mayHaveScope } from './scopes.ts';

export interface IssuanceDeps {
  readonly accounts: Pick<AccountStore, 'byId'>;
  readonly assurance: AssuranceDeps;
  readonly tokens: Config['tokens'];
  readonly resources: Config['resources'];
}

interface GrantSource {
  readonly kind: string;
  readonly clientId?: string;
  scope?: string;
  readonly resource?: string | string[];
  readonly rar?: readonly { readonly type: string }[];
  readonly consumed?: unknown;
}

const gated = new Set(['AuthorizationCode', 'RefreshToken']);

/**
 * The account of a session or token. Undefined: gone or disabled. For a code or refresh token it is also the gate:
 * `InvalidGrant` here leaves a refresh token as it was, and scopes that are no longer covered are taken off it.
 */
export async function findAccount(
  deps: IssuanceDeps,
  ctx: KoaContextWithOIDC,
  sub: string,
  source?: unknown,
): Promise<Account | undefined> {
  const account = await readAccount(deps, ctx, sub);
  if (account?.status !== 'active') return undefined;
  const grantSource = source as GrantSource | undefined;
  if (grantSource && gated.has(grantSource.kind)) await gate(deps, ctx, { account, source: grantSource });
  return {
    accountId: sub,
    claims: async (use) => ({ ...claimsOf(account), ...(use === 'userinfo' ? whatTokenSays(ctx) : {}) }),
  };
}

/** The account as a token's read brought it along, or with all that the assurance check is about to ask for. */
async function readAccount(
  deps: IssuanceDeps,
  ctx: KoaContextWithOIDC,
  sub: string,
): Promise<StoredAccount | undefined> {
  const state = requestState(ctx);
  if (state.found?.account?.id === sub) return state.found.account;
  const { route, session, client } = ctx.oidc;
  if (route !== 'authorization' || session?.accountId !== sub) return deps.accounts.byId(sub);
  const clientId = client?.clientId ?? '';
  if (state.facts?.account.id === sub && state.factsFor === clientId) return state.facts.account;
  const facts = await loadFacts(deps.assurance, {
    accountId: sub,
    sessionUid: session.uid,
    transactionId: null,
    clientId,
  });
  Object.assign(state, { facts, factsFor: clientId });
  return facts?.account;
}

async function gate(
  deps: IssuanceDeps,
  ctx: KoaContextWithOIDC,
  { account, source }: { account: StoredAccount; source: GrantSource },
): Promise<void> {
  const { record, credentials } = requestState(ctx).found ?? {};
  if (!record) throw new errors.InvalidGrant('the authorization behind this grant has ended');
  // A used refresh token ends its chain: leave that answer to the library, which asks the store.
  if (source.kind === 'RefreshToken' && source.consumed) return;
  checkResource(deps, ctx, source);
  const { minimum } = metadataOf(ctx.oidc.client);
  const scopes = source.scope?.split(' ').filter(Boolean) ?? [];
  const refresh = source.kind === 'RefreshToken';
  const resources = [source.resource ?? []].flat();
  const renewal = await renew(deps.assurance, {
    accountId: account.id,
    clientId: ctx.oidc.client?.clientId ?? '',
    record,
    refresh,
    ...(credentials ? { credentials } : {}),
    scopes: scopes.filter((scope) => mayHaveScope(ctx.oidc.client, scope)),
    resources,
    detailTypes: (source.rar ?? []).map(({ type }) => type),
    ...(minimum ? { minimum } : {}),
    ...(refresh ? { policy: questionOf(ctx, { account, source, scopes, resources }) } : {}),
  });
  requestState(ctx).decision = renewal.decision;
  if (renewal.notify) requestState(ctx).notice = { account, rules: renewal.notify };
  const kept = renewal.scopes;
  if (!kept || (kept.length === 0 && scopes.length > 0)) throw noLongerCovered();
  if (kept.length < scopes.length) takeOff(ctx, source, kept);
}

interface Presented {
  readonly account: StoredAccount;
  readonly source: GrantSource;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
}

/** What the policy is asked at a refresh. */
function questionOf(
  ctx: KoaContextWithOIDC,
  { account, source, scopes, resources }: Presented,
): RenewalQuestion {
  const { client } = ctx.oidc;
  const { found } = requestState(ctx);
  return {
    asked: {
      event: 'refresh',
      scopes,
      resources,
      details: source.rar ?? [],
      client: { id: client?.clientId ?? '', firstParty: metadataOf(client).firstParty },
    },
    account,
    device: deviceOf(ctx),
    tokenFrom: found?.from ?? null,
  };
}

/** Scopes the record no longer covers go from the token, and from what this request asks of it (RFC 6749 6). */
function takeOff({ oidc }: KoaContextWithOIDC, source: GrantSource, kept: readonly string[]): void {
  source.scope = kept.join(' ');
  if (!oidc.params?.['scope']) return;
  const asked = [...oidc.requestParamScopes].filter((scope) => kept.includes(scope));
  if (asked.length === 0) throw noLongerCovered();
  oidc.params['scope'] = asked.join(' ');
}

function noLongerCovered(): Error {
  return new errors.InvalidGrant('the authentication behind this grant no longer suffices');
}

/** The library looks at the resource only after it has used the token up (RFC 8707 2.2): `invalid_target` comes here. */
function checkResource({ resources }: IssuanceDeps, { oidc }: KoaContextWithOIDC, source: GrantSource): void {
  const asked = oidc.params?.['resource'] ?? source.resource;
  const wanted = [asked ?? []].flat() as string[];
  if (wanted.length > 1) throw new errors.InvalidTarget('only one resource may be asked for at a time');
  const granted = [source.resource ?? []].flat();
  for (const resource of wanted) {
    if (!granted.includes(resource)) throw new errors.InvalidTarget();
    if (oidc.client) resourceServerInfo(resources, resource, oidc.client);
  }
}

function claimsOf(account: StoredAccount) {
  return {
    sub: account.id,
    preferred_username: account.username,
    ...(account.name === null ? {} : { name: account.name }),
    ...(account.email === null
      ? {}
      : { email: account.email, email_verified: account.emailVerifiedAt !== null }),
  };
}

/** UserInfo says what its access token says of the authentication: `claims.userinfo.acr` may ask for it. */
function whatTokenSays(ctx: KoaContextWithOIDC) {
  const record = requestState(ctx).found?.record;
  return record ? assuranceClaims(record) : {};
}

function assuranceClaims(record: Pick<StoredAssurance, 'acr' | 'amr' | 'authTime'>) {
  return { acr: record.acr, amr: record.amr, auth_time: record.authTime };
}

/** `acr`, `amr` and `auth_time` for access tokens and introspection (RFC 9068 2.2.1, RFC 9470 6.2). */
export async function extraTokenClaims(
  deps: IssuanceDeps,
  ctx: KoaContextWithOIDC,
  token: AccessToken | ClientCredentials,
): Promise<{ acr: string; amr: readonly string[]; auth_time: number } | undefined> {
  if (token.kind === 'ClientCredentials') {
    checkScopes(ctx);
    return checkClientCredentials(deps, token);
  }
  const record = requestState(ctx).found?.record;
  if (!record) throw new errors.InvalidGrant('no authentication is recorded for this grant');
  return assuranceClaims(record);
}

/** No person, no acr: a scope with a requirement is refused unless it says `subject: any`. */
function checkClientCredentials({ assurance }: IssuanceDeps, token: ClientCredentials): undefined {
  const { scopes, resources, anySubject } = assurance.demands;
  const refused = (token.scope ?? '')
    .split(' ')
    .find((scope) => Object.hasOwn(scopes, scope) && !anySubject.has(scope));
  if (refused !== undefined)
    throw new errors.InvalidScope('the scope needs an authenticated person', refused);
  const audience = String(token.aud ?? '');
  if (Object.hasOwn(resources, audience))
    throw new errors.InvalidTarget('the resource needs an authenticated person');
  return undefined;
}

/** Seconds an access token lives: shorter above the weakest level, and never past the level's end. */
export function accessTokenTtl(deps: IssuanceDeps, ctx: KoaContextWithOIDC, token: AccessToken): number {
  const asked = token.resourceServer?.accessTokenTTL ?? deps.tokens.accessToken;
  const record = requestState(ctx).found?.record;
  if (!record) return asked;
  const { levels, clock } = deps.assurance;
  const steppedUp = rank(levels, record.acr) !== 0;
  const left = levelEnd(levels, record) - clock.now();
  const limit = Math.min(asked, steppedUp ? deps.tokens.steppedUp : asked);
  return Math.max(1, Math.min(limit, left));
}

/** Seconds a refresh token lives; see `tokensFor`. */
export function refreshTokenTtl(deps: IssuanceDeps, ctx: KoaContextWithOIDC, token: RefreshToken): number {
  const record = requestState(ctx).found?.record;
  const { levels, clock } = deps.assurance;
  const now = clock.now();
  const whole = deps.tokens.refreshToken - (now - (token.iiat ?? now));
  return Math.max(1, Math.min(whole, record ? tokensEnd(levels, record) - now : whole));
}

/** Refresh tokens go to clients registered for them, unless the level's tokens end at once (`tokensFor: 0`). */
export async function issueRefreshToken(deps: IssuanceDeps, ctx: KoaContextWithOIDC): Promise<boolean> {
  const record = requestState(ctx).found?.record;
  if (!record || !ctx.oidc.client?.grantTypeAllowed('refresh_token')) return false;
  return tokensEnd(deps.assurance.levels, record) > deps.assurance.clock.now();
}
