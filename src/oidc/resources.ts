/** Resource servers (RFC 8707): which exist, who may ask for them, and what their tokens look like. */
import { type Client, errors, type ResourceServer } from 'oidc-provider';
import type { ResourceConfig } from '../config/schema.ts';

/** Settings of a declared resource. Throws `invalid_target` for an unknown one or one not meant for this client. */
export function resourceServerInfo(
  resources: readonly ResourceConfig[],
  indicator: string,
  client: Client,
): ResourceServer {
  const resource = resources.find(({ identifier }) => identifier === indicator);
  if (!resource || resource.clients?.includes(client.clientId) === false) throw new errors.InvalidTarget();
  const { format, ttl, alg } = resource.accessToken;
  return {
    audience: resource.identifier,
    scope: Object.keys(resource.scopes).join(' '),
    accessTokenTTL: ttl,
    accessTokenFormat: format,
    ...(format === 'jwt' ? { jwt: { sign: { alg } } } : {}),
  } as ResourceServer;
}
