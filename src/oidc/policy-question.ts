/** What the policy is asked about an authorization request. */
import type { Client } from 'oidc-provider';
import type { Asked } from '../services/policy-facts.ts';
import { wantsChange } from './account-client.ts';
import { metadataOf } from './clients.ts';
import { requestedAssurance } from './requested-assurance.ts';

export interface Questions {
  /** Every authorization request is one, whatever it says it is for: anybody can say so. */
  readonly asked: Asked;
  /** Our account page says what change it is for, so that the page of a step-up can say why. Asked beside the other. */
  readonly change?: Asked;
}

export function questionsOf(
  params: Readonly<Record<string, unknown>>,
  client: Client | undefined,
): Questions {
  const { acrValues, maxAge, scopes, resources, details, promptNone } = requestedAssurance(params);
  const asked: Asked = {
    event: 'authorization',
    scopes,
    resources,
    details: details ?? [],
    acrValues,
    ...(maxAge === undefined ? {} : { maxAge }),
    silent: promptNone === true,
    client: { id: client?.clientId ?? '', firstParty: metadataOf(client).firstParty },
  };
  const change = wantsChange(params);
  return {
    asked,
    ...(change === undefined ? {} : { change: { ...asked, event: 'account_change', change } }),
  };
}
