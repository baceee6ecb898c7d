/** Scopes, resources and clients, and what they demand, as the file says it. */
import { z } from 'zod';
import { acr, seconds } from './schema-levels.ts';

export const demand = z.strictObject({
  acr: z.array(acr).min(1).optional().describe('Any one of these acr values.'),
  maxAge: seconds
    .optional()
    .describe('Oldest acceptable auth_time, in seconds; 0 demands a new authentication.'),
  reason: z.string().max(200).optional().describe('Shown to the person, in plain words.'),
});

export const scope = demand.extend({
  narrow: z.boolean().optional().describe('Drop the scope instead of failing.'),
  description: z.string().max(200).optional().describe('Shown on the consent page.'),
  subject: z
    .enum(['user', 'any'])
    .default('user')
    .describe('`any`: client credentials may have the scope although it has a requirement.'),
});

export const resource = z.strictObject({
  identifier: z.url().describe('The resource indicator (RFC 8707) and `aud` of its tokens.'),
  name: z.string().max(100).optional().describe('Shown on the consent page.'),
  scopes: z
    .record(z.string(), scope)
    .default({})
    .describe('Its scopes by name, each with what it demands; a name is declared once.'),
  demand: demand.optional().describe('A requirement on every token for this resource.'),
  accessToken: z
    .strictObject({
      format: z
        .enum(['jwt', 'opaque'])
        .default('jwt')
        .describe('`jwt`: RFC 9068, validated locally; `opaque`: introspected, and revocable at once.'),
      ttl: seconds
        .min(1)
        .max(3600)
        .default(300)
        .describe('Lifetime, seconds; above the weakest level at most tokens.steppedUp.'),
      alg: z.enum(['ES256', 'EdDSA', 'RS256']).default('ES256').describe('Signature of its JWTs.'),
    })
    .prefault({})
    .describe('Its access tokens.'),
  clients: z.array(z.string()).optional().describe('Clients that may ask for it; absent: every client.'),
});

export const client = z.strictObject({
  clientId: z.string().min(1).max(200).describe('The `client_id`; unique.'),
  name: z.string().max(100).optional().describe('Shown to people.'),
  secretHash: z
    .string()
    .optional()
    .describe(
      'SHA-256 of the client secret, base64url (`stile secret` makes both). Absent: a public client.',
    ),
  authMethod: z
    .enum(['client_secret_basic', 'client_secret_post', 'none'])
    .optional()
    .describe('At the token endpoint. Default: `client_secret_basic` with a secretHash, else `none`.'),
  redirectUris: z
    .array(z.string())
    .default([])
    .describe('Compared exactly: https, or http on a loopback address; no wildcards.'),
  postLogoutRedirectUris: z.array(z.string()).default([]).describe('Where sign-out may return to; exact.'),
  grantTypes: z
    .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials']))
    .default(['authorization_code', 'refresh_token'])
    .describe('What it may use at the token endpoint.'),
  scopes: z.array(z.string()).optional().describe('Scopes it may ask for; absent: all.'),
  firstParty: z.boolean().default(false).describe('No consent page.'),
  uri: z.url().optional().describe('Its home page, linked where its name is shown.'),
  idTokenAlg: z.enum(['RS256', 'ES256', 'EdDSA']).default('RS256').describe('Signature of its ID tokens.'),
  dpopBound: z.boolean().default(false).describe('Access tokens must be DPoP-bound.'),
  requirePar: z.boolean().default(false).describe('Authorization requests must be pushed (RFC 9126).'),
  introspect: z
    .array(z.string())
    .optional()
    .describe('Resource identifiers whose tokens this client (an API) may introspect.'),
  defaultAcrValues: z.array(acr).optional().describe('Used when a request has no acr_values.'),
  defaultMaxAge: seconds.optional().describe('Used when a request has no max_age.'),
  minimum: demand.optional().describe('Holds for every authorization of this client.'),
});
