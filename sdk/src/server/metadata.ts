/** The metadata document of a protected resource (RFC 9728). */
import type { ResourceServerOptions } from './options.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

export interface ResourceDescription {
  /** Where the document is, from the origin (RFC 9728 3.1). */
  readonly path: string;
  readonly url: string;
  readonly document: () => Promise<Readonly<Record<string, unknown>>>;
}

export function describeResource(
  options: ResourceServerOptions,
  algorithms: readonly string[],
): ResourceDescription {
  const resource = URL.canParse(options.audience) ? new URL(options.audience) : undefined;
  const path = WELL_KNOWN + (resource?.pathname ?? '/').replace(/\/$/, '');
  const document = {
    resource: options.audience,
    authorization_servers: [options.issuer],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: algorithms,
    ...(options.dpop?.required && { dpop_bound_access_tokens_required: true }),
    ...options.resourceMetadata,
  };
  const origin = resource && resource.origin !== 'null' ? resource.origin : '';
  return { path, url: origin + path, document: async () => document };
}
