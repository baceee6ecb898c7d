/** Clients as oidc-provider wants them, with our own metadata beside. */
import { timingSafeEqual } from 'node:crypto';
import type { Client, ClientMetadata as LibraryMetadata } from 'oidc-provider';
import type { ClientConfig } from '../config/schema.ts';
import { hashClientSecret } from '../services/clients.ts';
import { type ClientMetadata, demandOf } from '../services/demands.ts';
import type { StoredClient } from '../services/ports/clients.ts';

/** Name of the metadata member that carries our own settings. */
export const STILE_METADATA = 'stile';

/**
 * Registered metadata for a configured client. Secrets appear as their hash; see `compareSecretHash`. `detailTypes` are
 * the types of RFC 9396 that the server knows: every client may ask for them, and the person decides.
 */
export function clientMetadata(client: ClientConfig, detailTypes: readonly string[] = []): LibraryMetadata {
  const confidential = client.secretHash !== undefined;
  const interactive = client.grantTypes.includes('authorization_code');
  return {
    client_id: client.clientId,
    ...(client.name === undefined ? {} : { client_name: client.name }),
    ...(client.uri === undefined ? {} : { client_uri: client.uri }),
    ...(confidential ? { client_secret: client.secretHash } : {}),
    token_endpoint_auth_method: client.authMethod ?? (confidential ? 'client_secret_basic' : 'none'),
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    grant_types: client.grantTypes,
    response_types: interactive ? ['code'] : [],
    id_token_signed_response_alg: client.idTokenAlg,
    dpop_bound_access_tokens: client.dpopBound,
    require_pushed_authorization_requests: client.requirePar,
    ...(interactive && detailTypes.length > 0 ? { authorization_details_types: detailTypes } : {}),
    [STILE_METADATA]: ownMetadata(client),
  } as LibraryMetadata;
}

/** Registered metadata for a client of the database. */
export function storedClientMetadata(
  { id, metadata, secretHash }: StoredClient,
  detailTypes: readonly string[],
): LibraryMetadata {
  const client = { ...metadata, clientId: id, ...(secretHash === null ? {} : { secretHash }) };
  return clientMetadata(client as unknown as ClientConfig, detailTypes);
}

function ownMetadata(client: ClientConfig): ClientMetadata {
  const minimum = client.minimum && demandOf(client.minimum);
  return {
    firstParty: client.firstParty,
    ...(client.defaultAcrValues ? { defaultAcrValues: client.defaultAcrValues } : {}),
    ...(client.defaultMaxAge === undefined ? {} : { defaultMaxAge: client.defaultMaxAge }),
    ...(minimum ? { minimum } : {}),
    ...(client.introspect ? { introspect: client.introspect } : {}),
    ...(client.scopes ? { scopes: client.scopes } : {}),
  };
}

/** Our metadata of a client; of none: third party, nothing asked. */
export function metadataOf(client: Client | undefined): ClientMetadata {
  const metadata = client?.[STILE_METADATA] as ClientMetadata | undefined;
  return metadata ?? { firstParty: false };
}

/** Replaces the library's comparison: what is registered is the hash. */
export function compareSecretHash(this: Client, actual: string): boolean {
  const registered = Buffer.from(String(this.clientSecret));
  const presented = Buffer.from(hashClientSecret(actual));
  return registered.length === presented.length && timingSafeEqual(registered, presented);
}
