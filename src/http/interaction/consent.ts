/** Consent for third-party clients. */

import { scopeOfClaim } from '../../oidc/scopes.ts';
import { clientView } from '../client-view.ts';
import { consentForm, csrfForm } from '../forms.ts';
import { guardForm } from '../guard.ts';
import { deviceLanguages } from '../languages.ts';
import { seeOther } from '../routes.ts';
import type { DetailView, ScopeView } from '../view-models.ts';
import { refuse } from './finish.ts';
import { checkForm, type InteractionDeps, type Visit } from './visit.ts';

/** What is missing, as the library's consent prompt says. */
interface Missing {
  readonly missingOIDCScope?: readonly string[];
  readonly missingOIDCClaims?: readonly string[];
  readonly missingResourceScopes?: Readonly<Record<string, readonly string[]>>;
}

export interface ConsentDeps extends InteractionDeps {
  readonly describeScope: (name: string) => ScopeView;
  readonly describeResource: (identifier: string) => string;
}

export async function showConsent(
  deps: ConsentDeps,
  { ctx, uid, interaction, client, csrf }: Visit,
): Promise<void> {
  const missing = interaction.prompt.details as Missing;
  const account = await deps.services.accounts.byId(interaction.session?.accountId ?? '');
  const resources = Object.keys(missing.missingResourceScopes ?? {}).map(deps.describeResource);
  ctx.type = 'html';
  ctx.body = deps.render(
    {
      page: 'consent',
      client: clientView(client),
      person: { username: account?.username ?? '', name: account?.name ?? null },
      form: csrfForm(`/interaction/${uid}/consent`, csrf),
      scopes: scopesOf(missing, interaction.params['scope']).map(deps.describeScope),
      ...(resources.length > 0 ? { resources } : {}),
      details: detailsOf(interaction.params['authorization_details']),
    },
    deviceLanguages(ctx, interaction.params['ui_locales']),
  );
}

/** RFC 9396: what is to be allowed, element by element, as it was asked. */
function detailsOf(parameter: unknown): DetailView[] {
  if (typeof parameter !== 'string') return [];
  const parsed: unknown = JSON.parse(parameter);
  return [parsed].flat().map((detail) => {
    const { type, ...fields } = detail as { readonly type?: unknown };
    const texts = Object.entries(fields).map(([name, value]) => ({
      name,
      value: typeof value === 'string' ? value : JSON.stringify(value),
    }));
    return { type: String(type), fields: texts };
  });
}

/** Everything that `allow` would grant; where that was granted before (`prompt=consent`), all that is asked for. */
function scopesOf(missing: Missing, asked: unknown): string[] {
  const scopes = [
    ...(missing.missingOIDCScope ?? []),
    ...(missing.missingOIDCClaims ?? []).map((claim) => scopeOfClaim(claim) ?? claim),
    ...Object.values(missing.missingResourceScopes ?? {}).flat(),
  ];
  const nothingNew = scopes.length === 0;
  const shown = nothingNew ? String(asked ?? '').split(' ') : scopes;
  return [...new Set(shown)].filter(Boolean);
}

/** `allow` saves the grant; `deny` is `access_denied`. */
export async function decideConsent(deps: ConsentDeps, seen: Visit): Promise<void> {
  const { ctx, interaction } = seen;
  const { decision, _csrf } = await guardForm(ctx, consentForm);
  checkForm(deps, seen, _csrf);
  if (interaction.prompt.name !== 'consent') return seeOther(ctx, `/interaction/${seen.uid}`);
  if (decision === 'deny')
    return refuse(deps, seen, { error: 'access_denied', error_description: 'consent was denied' });
  const grantId = await saveGrant(deps, seen);
  seeOther(ctx, await deps.provider.interactionResult(ctx.req, ctx.res, { consent: { grantId } }));
}

async function saveGrant({ provider }: ConsentDeps, { interaction, client }: Visit): Promise<string> {
  const accountId = interaction.session?.accountId ?? '';
  const existing = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined;
  const grant = existing ?? new provider.Grant({ accountId, clientId: client.clientId });
  const missing = interaction.prompt.details as Missing;
  if (missing.missingOIDCScope) grant.addOIDCScope(missing.missingOIDCScope.join(' '));
  if (missing.missingOIDCClaims) grant.addOIDCClaims([...missing.missingOIDCClaims]);
  for (const [identifier, names] of Object.entries(missing.missingResourceScopes ?? {})) {
    grant.addResourceScope(identifier, names.join(' '));
  }
  return grant.save();
}
