/**
 * The configuration file: its shape, defaults and descriptions. docs/configuration.md is generated from here.
 *
 * Durations are whole seconds. Secrets are not part of the file: they come from the environment (`Secrets`).
 */
import { z } from 'zod';
import { defaultLevels, ladderFaults } from '../domain/ladder.ts';

const seconds = z.number().int().min(0).max(999_999_999);
const acr = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'an acr value has no spaces, quotes or backslashes');
const method = z.enum(['password', 'totp', 'passkey', 'email', 'recovery', 'federated']);
const kind = z.enum(['knowledge', 'possession', 'verification', 'external']);

const slot = z.strictObject({
  method: z.array(method).min(1).optional().describe('Any of these methods fills the slot.'),
  kind: kind.optional().describe('The kind of factor the proof must be evidence of.'),
  phishingResistant: z.literal(true).optional().describe('Only a phishing-resistant proof fills the slot.'),
  userVerified: z.literal(true).optional().describe('The authenticator must have verified its user.'),
  hardwareProtected: z
    .literal(true)
    .optional()
    .describe('A key in attested hardware that is never synced; judged at evaluation.'),
  anchor: z
    .boolean()
    .optional()
    .describe('Carries auth_time and is limited by max_age. Default: all but knowledge.'),
});

const level = z.strictObject({
  acr: acr.describe('The acr value tokens carry.'),
  alternatives: z
    .array(z.strictObject({ slots: z.array(slot).min(1) }))
    .min(1)
    .describe('Ways to satisfy the level; each a list of slots, filled by distinct proofs.'),
  maxAge: seconds.optional().describe('Seconds for which proofs that are not anchors count.'),
  freshness: z.enum(['anchors', 'all']).optional().describe('`all`: every proof is an anchor.'),
  idle: z
    .strictObject({ after: seconds.min(1), resumeWith: z.array(method).min(1) })
    .optional()
    .describe('Pause the level after idle seconds until one of the methods is proved again.'),
  tokensFor: seconds
    .optional()
    .describe('Seconds after auth_time for which tokens are renewed. Default: maxAge. 0: no refresh token.'),
  perClient: z.boolean().default(false).describe('Step-up proofs serve only the client that asked.'),
  crossDevice: z.boolean().default(false).describe('Device and CIBA grants may carry the level.'),
  requiresBinding: acr.optional().describe('Only credentials bound at this level or above count as anchors.'),
  aliases: z.array(acr).default([]).describe('Other names; echoed as requested.'),
  unordered: z.boolean().optional().describe('May hold without the levels declared before it.'),
});

const demand = z.strictObject({
  acr: z.array(acr).min(1).optional().describe('Any one of these acr values.'),
  maxAge: seconds
    .optional()
    .describe('Oldest acceptable auth_time, in seconds; 0 demands a new authentication.'),
  narrow: z.boolean().optional().describe('Drop the scope instead of failing.'),
  reason: z.string().max(200).optional().describe('Shown to the person, in plain words.'),
});

const scope = demand.extend({
  description: z.string().max(200).optional().describe('Shown on the consent page.'),
  subject: z
    .enum(['user', 'any'])
    .default('user')
    .describe('`any`: client credentials may have the scope although it has a requirement.'),
});

const resource = z.strictObject({
  identifier: z.url().describe('The resource indicator (RFC 8707) and `aud` of its tokens.'),
  name: z.string().optional(),
  scopes: z.record(z.string(), scope).default({}),
  demand: demand.optional().describe('A requirement on every token for this resource.'),
  accessToken: z
    .strictObject({
      format: z.enum(['jwt', 'opaque']).default('jwt'),
      ttl: seconds.min(1).max(3600).default(300),
      alg: z.enum(['ES256', 'EdDSA', 'RS256']).default('ES256'),
    })
    .prefault({}),
  clients: z.array(z.string()).optional().describe('Clients that may ask for it; absent: every client.'),
});

const client = z.strictObject({
  clientId: z.string().min(1).max(200),
  name: z.string().max(100).optional().describe('Shown to people.'),
  secretHash: z
    .string()
    .optional()
    .describe(
      'SHA-256 of the client secret, base64url (`stile secret` makes both). Absent: a public client.',
    ),
  authMethod: z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
  redirectUris: z.array(z.string()).default([]),
  postLogoutRedirectUris: z.array(z.string()).default([]),
  grantTypes: z
    .array(z.enum(['authorization_code', 'refresh_token', 'client_credentials']))
    .default(['authorization_code', 'refresh_token']),
  scopes: z.array(z.string()).optional().describe('Scopes it may ask for; absent: all.'),
  firstParty: z.boolean().default(false).describe('No consent page.'),
  uri: z.url().optional(),
  idTokenAlg: z.enum(['RS256', 'ES256', 'EdDSA']).default('RS256'),
  dpopBound: z.boolean().default(false).describe('Access tokens must be DPoP-bound.'),
  requirePar: z.boolean().default(false),
  introspect: z
    .array(z.string())
    .optional()
    .describe('Resource identifiers whose tokens this client (an API) may introspect.'),
  defaultAcrValues: z.array(acr).optional(),
  defaultMaxAge: seconds.optional(),
  minimum: demand.optional().describe('Holds for every authorization of this client.'),
});

const limit = z.strictObject({
  attempts: z.number().int().min(1),
  window: seconds.min(1),
  consecutive: z.number().int().min(1).optional(),
});

export const configSchema = z
  .strictObject({
    issuer: z
      .url()
      .default('http://localhost:3000')
      .describe('The issuer identifier: https, no path needed.'),
    name: z.string().max(60).default('Stile').describe("The organisation's name, shown on every page."),
    listen: z
      .strictObject({
        host: z.string().default('127.0.0.1'),
        port: z.number().int().min(0).max(65535).default(3000),
      })
      .prefault({}),
    trustProxy: z
      .number()
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('How many proxies in front add X-Forwarded-* headers; 0: the headers are ignored.'),
    dataDirectory: z
      .string()
      .default('.stile')
      .describe('The embedded database, when DATABASE_URL is not set.'),
    levels: z
      .array(level)
      .min(1)
      .default(defaultLevels as never)
      .describe('The ladder, weakest first.'),
    scopes: z.record(z.string(), scope).default({}).describe('OpenID scopes with a requirement, by name.'),
    resources: z.array(resource).default([]),
    authorizationDetails: z
      .record(z.string(), demand)
      .default({})
      .describe('RFC 9396 types and what they demand.'),
    clients: z.array(client).default([]),
    session: z
      .strictObject({
        idle: seconds
          .min(60)
          .default(24 * 3600)
          .describe('A session ends after this many seconds unused.'),
        absolute: seconds
          .min(60)
          .default(14 * 24 * 3600)
          .describe('A session ends after this many seconds.'),
      })
      .prefault({}),
    tokens: z
      .strictObject({
        code: seconds.min(1).max(600).default(60),
        accessToken: seconds.min(1).max(3600).default(600).describe('Opaque tokens for UserInfo.'),
        steppedUp: seconds
          .min(1)
          .max(300)
          .default(300)
          .describe('JWTs above the weakest level; five minutes at most.'),
        refreshToken: seconds.min(1).default(14 * 24 * 3600),
        idToken: seconds.min(1).default(3600),
      })
      .prefault({}),
    interaction: z
      .strictObject({ ttl: seconds.min(60).default(1800).describe('Time a person has for one sign-in.') })
      .prefault({}),
    factors: z
      .strictObject({
        password: z
          .strictObject({
            minLength: z.number().int().min(8).max(128).default(10),
            memoryKiB: z
              .number()
              .int()
              .min(19_456)
              .default(19_456)
              .describe('argon2id m (OWASP: 19 MiB or more).'),
            iterations: z.number().int().min(2).default(2).describe('argon2id t.'),
            parallelism: z.number().int().min(1).max(16).default(1).describe('argon2id p.'),
          })
          .prefault({}),
        totp: z
          .strictObject({
            enrolment: z.boolean().default(true),
            window: z
              .number()
              .int()
              .min(0)
              .max(2)
              .default(1)
              .describe('Steps of 30 s accepted before and after now.'),
          })
          .prefault({}),
        passkey: z
          .strictObject({
            enrolment: z.boolean().default(true),
            rpId: z.string().optional().describe("Default: the issuer's host."),
            attestation: z.enum(['none', 'direct']).default('none'),
            trustedRoots: z
              .array(z.string())
              .default([])
              .describe('PEM roots whose attestation proves hardware.'),
          })
          .prefault({}),
        email: z
          .strictObject({
            codeTtl: seconds.min(60).max(1800).default(600),
            tries: z.number().int().default(5),
          })
          .prefault({}),
      })
      .prefault({}),
    throttle: z
      .strictObject({
        account: limit
          .default({ attempts: 10, window: 900, consecutive: 100 })
          .describe('Per account and factor; one bucket for each known browser, one for all strangers.'),
        address: limit.default({ attempts: 100, window: 900 }).describe('Per network address, all factors.'),
        email: limit.default({ attempts: 5, window: 3600 }).describe('Codes sent, per account.'),
      })
      .prefault({}),
    mail: z.strictObject({ from: z.string().default('Stile <no-reply@localhost>') }).prefault({}),
    log: z
      .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
      .prefault({}),
    demo: z.boolean().default(false).describe('Demo accounts, keys and outbox. Never with an https issuer.'),
  })
  .superRefine((config, context) => {
    for (const message of ladderFaults(config.levels as never)) {
      context.addIssue({ code: 'custom', path: ['levels'], message });
    }
  });

/** A checked configuration. */
export type Config = z.output<typeof configSchema>;
/** What a file may say. */
export type ConfigInput = z.input<typeof configSchema>;
export type ClientConfig = Config['clients'][number];
export type ResourceConfig = Config['resources'][number];

/** What comes from the environment and never from the file. */
export interface Secrets {
  /** Key-encryption keys, the current one first; each 32 bytes. STILE_KEYS=`id:base64,id:base64`. */
  readonly keys: readonly { readonly id: string; readonly key: Uint8Array }[];
  /** DATABASE_URL; absent: the embedded database. */
  readonly databaseUrl?: string;
  /** SMTP_URL; absent in the demo only. */
  readonly smtpUrl?: string;
}
