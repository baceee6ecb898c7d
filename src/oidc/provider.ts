/** The authorization server: oidc-provider with our policy, store and gate. */
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { AuditEvent } from '../domain/events.ts';
import { stampSession } from './assurance-check.ts';
import { compareSecretHash } from './clients.ts';
import { requestState } from './request-state.ts';
import { providerSettings, type SettingsInput } from './settings.ts';

export function createProvider(input: SettingsInput): Provider {
  const provider = new Provider(input.config.issuer, providerSettings(input));
  provider.proxy = input.config.trustProxy > 0;
  Object.assign(provider.Client.prototype, { compareClientSecret: compareSecretHash });
  provider.on('authorization.accepted', stampSession);
  provider.on('server_error', (ctx, error) => {
    requestState(ctx).failure = error;
  });
  provider.on('authorization.success', (ctx) => note(ctx, 'authorization', 'success', recordFacts(ctx)));
  provider.on('grant.success', (ctx) => note(ctx, 'token', 'success', tokenFacts(ctx)));
  provider.on('authorization.error', (ctx, error) => note(ctx, 'authorization', 'denied', errorFacts(error)));
  provider.on('grant.error', noteRefusal);
  return provider;
}

type Data = Readonly<Record<string, unknown>>;

/**
 * Leaves an audit event to be written in the request's own transaction. A refusal that concerns nobody is left to the log:
 * the audit is kept, and anybody could fill it.
 */
function note(
  ctx: KoaContextWithOIDC,
  type: AuditEvent['type'],
  outcome: AuditEvent['outcome'],
  data: Data,
): void {
  const { oidc } = ctx;
  const { found } = requestState(ctx);
  const accountId = oidc.session?.accountId ?? found?.account?.id ?? null;
  if (outcome === 'denied' && accountId === null) return;
  const { decision } = requestState(ctx);
  requestState(ctx).audit = {
    type,
    outcome,
    accountId,
    clientId: oidc.client?.clientId ?? null,
    sessionUid: oidc.session?.uid ?? found?.sessionUid ?? null,
    data: decision ? { ...data, decision } : data,
  };
}

/** A code or refresh token that was used before is told from whatever else is refused at the token endpoint. */
function noteRefusal(ctx: KoaContextWithOIDC, error: Error): void {
  const { reused, found } = requestState(ctx);
  const record = found?.record ? { record: found.record.id } : {};
  note(ctx, reused ? 'token_reuse' : 'token', 'denied', { ...errorFacts(error), ...record });
}

function recordFacts(ctx: KoaContextWithOIDC): Data {
  const { pending } = requestState(ctx);
  if (!pending) return {};
  const { id, acr, amr, authTime, proofIds, configVersion } = pending;
  return { record: id, acr, amr, authTime, proofIds, configVersion };
}

function tokenFacts(ctx: KoaContextWithOIDC): Data {
  const { oidc } = ctx;
  const record = requestState(ctx).found?.record;
  return {
    grantType: oidc.params?.['grant_type'],
    scope: oidc.entities.AccessToken?.scope ?? oidc.entities.ClientCredentials?.scope,
    ...(record ? { record: record.id, acr: record.acr, authTime: record.authTime } : {}),
  };
}

function errorFacts(error: Error): Data {
  const { error: code, error_description: description } = error as {
    error?: string;
    error_description?: string;
  };
  return { error: code ?? error.name, ...(description ? { description } : {}) };
}
