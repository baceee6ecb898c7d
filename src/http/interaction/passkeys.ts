/** Passkeys inside an interaction: the options a page carries, and what the browser answers. */
import { beginPasskey as begin, passkeyFactor } from '../../services/factors/passkey.ts';
import { csrfForm, type Form } from '../forms.ts';
import type { PasskeyOptions } from '../view-models.ts';
import { type InteractionDeps, knownAccount, type Visit } from './visit.ts';

export interface PasskeyPrompt {
  readonly form: Form;
  readonly options: PasskeyOptions;
}

/** The form and options for a passkey; an empty list of credentials: any discoverable one, with autofill. */
export async function beginPasskey(
  deps: InteractionDeps,
  visit: Visit,
  request: { readonly credentialIds: readonly string[]; readonly userVerified: boolean },
): Promise<PasskeyPrompt> {
  const known = request.credentialIds.length > 0 ? knownAccount(visit) : null;
  const options = await begin(deps.services, {
    owner: ownerOf(visit),
    accountId: known,
    ...(known === null ? {} : { credentialIds: request.credentialIds }),
    userVerification: request.userVerified ? 'required' : 'preferred',
  });
  return { form: csrfForm(`/interaction/${visit.uid}/passkey`, visit.csrf), options };
}

/** Ceremonies of an interaction belong to its transaction. */
export function ownerOf({ transaction }: Pick<Visit, 'transaction'>): string {
  return `tx:${transaction.id}`;
}

/** The browser's answer as a factor. What it proves is recorded as it was: verified or not. */
export function answeredPasskey(deps: InteractionDeps, visit: Visit, response: unknown) {
  return passkeyFactor(deps.services, { owner: ownerOf(visit), response, requireUserVerification: false });
}
