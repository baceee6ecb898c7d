/** What the policy is asked about an authorization request. */
import type { Client } from 'oidc-provider';
import type { Asked } from '../services/policy-facts.ts';
import { wantsChange } from './account-client.ts';
import { metadataOf } from './clients.ts';
import { requestedAssurance } from './requested-assurance.ts';

/** Our account page asks for a change of factors by an authorization request: that is then what the policy is asked about. */
export function askedOf(params: Readonly<Record<string, unknown>>, client: Client | undefined): Asked {
  const { acrValues, maxAge, scopes, resources, details, promptNone } = requestedAssurance(params);
  const change = wantsChange(params);
  return {
    event: change === undefined ? 'authorization' : 'account_change',
    scopes,
    resources,
    details: details ?? [],
    acrValues,
    ...(maxAge === undefined ? {} : { maxAge }),
    silent: promptNone === true,
    ...(change === undefined ? {} : { change }),
    client: { id: client?.clientId ?? '', firstParty: metadataOf(client).firstParty },
  };
}
