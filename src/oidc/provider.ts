/** The authorization server: oidc-provider with our policy, store and gate. */
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { AuditData, AuditFacts } from '../domain/events.ts';
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
  provider.on('authorization.success', (ctx) =>
    note(ctx, { type: 'authorization', outcome: 'success', data: recordFacts(ctx) }),
  );
  provider.on('grant.success', (ctx) =>
    note(ctx, { type: 'token', outcome: 'success', data: tokenFacts(ctx) }),
  );
  provider.on('authorization.error', (ctx, error) =>
    note(ctx, {
      type: 'authorization',
      outcome: 'denied',
      data: { ...errorFacts(error), ...decisionOf(ctx) },
    }),
  );
  provider.on('grant.error', noteRefusal);
  return provider;
}

/**
 * Leaves an audit event to be written in the request's own transaction. A refusal that concerns nobody is left to the log:
 * the audit is kept, and anybody could fill it.
 */
function note(ctx: KoaContextWithOIDC, facts: AuditFacts): void {
  const { oidc } = ctx;
  const { found } = requestState(ctx);
  const accountId = oidc.session?.accountId ?? found?.account?.id ?? null;
  if (facts.outcome === 'denied' && accountId === null) return;
  requestState(ctx).audit = {
    ...facts,
    accountId,
    clientId: oidc.client?.clientId ?? null,
    sessionUid: oidc.session?.uid ?? found?.sessionUid ?? null,
  };
}

/** A code or refresh token that was used before is told from whatever else is refused at the token endpoint. */
function noteRefusal(ctx: KoaContextWithOIDC, error: Error): void {
  const { reused, found } = requestState(ctx);
  const record = found?.record ? { record: found.record.id } : {};
  const data = { ...errorFacts(error), ...record, ...decisionOf(ctx) };
  note(ctx, { type: reused ? 'token_reuse' : 'token', outcome: 'denied', data });
}

function recordFacts(ctx: KoaContextWithOIDC): AuditData['authorization'] {
  const { pending } = requestState(ctx);
  if (!pending) return {};
  const { id, acr, amr, authTime, proofIds, configVersion } = pending;
  return { record: id, acr, amr, authTime, proofIds, configVersion, ...decisionOf(ctx) };
}

function tokenFacts(ctx: KoaContextWithOIDC): AuditData['token'] {
  const { oidc } = ctx;
  const record = requestState(ctx).found?.record;
  const grantType = oidc.params?.['grant_type'];
  const scope = oidc.entities.AccessToken?.scope ?? oidc.entities.ClientCredentials?.scope;
  return {
    ...(typeof grantType === 'string' ? { grantType } : {}),
    ...(scope === undefined ? {} : { scope }),
    ...(record ? { record: record.id, acr: record.acr, authTime: record.authTime } : {}),
    ...decisionOf(ctx),
  };
}

function errorFacts(error: Error): { readonly error: string; readonly description?: string } {
  const { error: code, error_description: description } = error as {
    error?: string;
    error_description?: string;
  };
  return { error: code ?? error.name, ...(description ? { description } : {}) };
}

/** What the policy was told and said. */
function decisionOf(ctx: KoaContextWithOIDC): Pick<AuditData['authorization'], 'decision'> {
  const { decision } = requestState(ctx);
  return decision ? { decision } : {};
}
