/**
 * The configuration file: its shape, defaults and descriptions. docs/configuration.md is generated from here.
 *
 * Durations are whole seconds. Secrets are not part of the file: they come from the environment (`Secrets`).
 */
import { z } from 'zod';
import { defaultLevels, ladderFaults } from '../domain/ladder.ts';
import { client, demand, resource, scope } from './schema-access.ts';
import { audit } from './schema-audit.ts';
import { level, seconds } from './schema-levels.ts';

const limit = z.strictObject({
  attempts: z.number().int().min(1).describe('Attempts in a window.'),
  window: seconds.min(1).describe('Seconds; a window begins with its first attempt.'),
  consecutive: z
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('Consecutive failures that close the factor until another way in reopens it.'),
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
        host: z.string().default('127.0.0.1').describe('Address to bind; in a container `0.0.0.0`.'),
        port: z.number().int().min(0).max(65535).default(3000).describe('Port; 0: any free one.'),
      })
      .prefault({})
      .describe('Where the server listens; TLS ends at the proxy in front.'),
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
    resources: z.array(resource).default([]).describe('The APIs tokens are issued for.'),
    authorizationDetails: z
      .record(z.string(), demand)
      .default({})
      .describe('RFC 9396 types and what they demand.'),
    clients: z.array(client).default([]).describe('Applications; more may be kept in the database.'),
    policy: z
      .strictObject({
        file: z
          .string()
          .min(1)
          .optional()
          .describe(
            'A policy file, relative to this one; see docs/policy.md. Default: `stile policy apply` keeps it in the database.',
          ),
      })
      .prefault({})
      .describe('Rules that ask for more when something is unusual.'),
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
      .prefault({})
      .describe('Sign-in sessions.'),
    tokens: z
      .strictObject({
        code: seconds.min(1).max(600).default(60).describe('Authorization codes.'),
        accessToken: seconds.min(1).max(3600).default(600).describe('Opaque tokens for UserInfo.'),
        steppedUp: seconds
          .min(1)
          .max(300)
          .default(300)
          .describe('JWTs above the weakest level; five minutes at most.'),
        refreshToken: seconds
          .min(1)
          .default(14 * 24 * 3600)
          .describe('Refresh tokens; a level may end them sooner (tokensFor).'),
        idToken: seconds.min(1).default(3600).describe('ID tokens.'),
      })
      .prefault({})
      .describe('Lifetimes, seconds.'),
    interaction: z
      .strictObject({ ttl: seconds.min(60).default(1800).describe('Time a person has for one sign-in.') })
      .prefault({})
      .describe('Sign-in pages.'),
    factors: z
      .strictObject({
        password: z
          .strictObject({
            minLength: z.number().int().min(8).max(128).default(10).describe('Characters, at least.'),
            memoryKiB: z
              .number()
              .int()
              .min(19_456)
              .default(19_456)
              .describe('argon2id m (OWASP: 19 MiB or more).'),
            iterations: z.number().int().min(2).default(2).describe('argon2id t.'),
            parallelism: z.number().int().min(1).max(16).default(1).describe('argon2id p.'),
          })
          .prefault({})
          .describe('Passwords; hashes of other parameters are renewed at the next sign-in.'),
        totp: z
          .strictObject({
            enrolment: z.boolean().default(true).describe('People may add one.'),
            window: z
              .number()
              .int()
              .min(0)
              .max(2)
              .default(1)
              .describe('Steps of 30 s accepted before and after now.'),
          })
          .prefault({})
          .describe('One-time codes of an authenticator app.'),
        passkey: z
          .strictObject({
            enrolment: z.boolean().default(true).describe('People may add one.'),
            rpId: z.string().optional().describe("Default: the issuer's host."),
            attestation: z
              .enum(['none', 'direct'])
              .default('none')
              .describe('`direct`: ask new passkeys to prove their make, for `phrh`.'),
            trustedRoots: z
              .array(z.string())
              .default([])
              .describe('PEM roots whose attestation proves hardware.'),
          })
          .prefault({})
          .describe('Passkeys and security keys.'),
        email: z
          .strictObject({
            codeTtl: seconds
              .min(60)
              .max(1800)
              .default(600)
              .describe('Seconds for which an emailed code works.'),
            tries: z
              .number()
              .int()
              .min(1)
              .max(10)
              .default(5)
              .describe('Wrong entries after which a code is void.'),
          })
          .prefault({})
          .describe('Emailed codes.'),
        adminCode: z
          .strictObject({
            codeTtl: seconds
              .min(60)
              .max(3600)
              .default(900)
              .describe('Seconds for which a code from an administrator works.'),
            tries: z
              .number()
              .int()
              .min(1)
              .max(10)
              .default(5)
              .describe('Wrong entries after which a code is void.'),
          })
          .prefault({})
          .describe('Codes from an administrator (`stile user code`), where an address cannot confirm.'),
      })
      .prefault({})
      .describe('What people prove themselves with.'),
    throttle: z
      .strictObject({
        account: limit
          .default({ attempts: 10, window: 900, consecutive: 100 })
          .describe('Per account and factor; one bucket for each known browser, one for all strangers.'),
        address: limit.default({ attempts: 100, window: 900 }).describe('Per network address, all factors.'),
        email: limit
          .default({ attempts: 5, window: 3600 })
          .describe('Codes sent, and codes an administrator asks for, per account.'),
      })
      .prefault({})
      .describe('Limits on attempts, counted before verifying and shared by every process.'),
    network: z
      .strictObject({
        countryDatabase: z
          .string()
          .default('bundled')
          .describe('MMDB file with countries; `bundled`: the one that comes along, `none`: none.'),
        asnDatabase: z.string().optional().describe('MMDB file with autonomous systems; none comes along.'),
        cityDatabase: z
          .string()
          .optional()
          .describe('MMDB file with coordinates, without which no travel is impossible; none comes along.'),
        listed: z
          .array(z.string())
          .default([])
          .describe('Networks to beware of: CIDR, addresses, AS numbers, or files of them (`/…`, `./…`).'),
        anonymising: z
          .array(z.string())
          .default([])
          .describe('VPNs, proxies, Tor exits and hosting, in the same form.'),
      })
      .prefault({})
      .describe('Where addresses are. Files that change are read again within a minute.'),
    risk: z
      .strictObject({
        historyDays: z
          .number()
          .int()
          .min(1)
          .max(3650)
          .default(180)
          .describe('Days for which it is kept what sign-ins looked like; 100 a person at most.'),
      })
      .prefault({})
      .describe('How unlike its person a sign-in is; see risk.md.'),
    mail: z
      .strictObject({
        from: z.string().default('Stile <no-reply@localhost>').describe('The From address of mails.'),
      })
      .prefault({})
      .describe('Outgoing mail; the server is SMTP_URL.'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error', 'silent'])
          .default('info')
          .describe('The least severe entries written.'),
      })
      .prefault({})
      .describe('Structured logs, JSON lines on standard output.'),
    audit: audit.prefault({}).describe('The audit trail: see docs/audit.md.'),
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
  /** AUDIT_WEBHOOK_SECRET: signs what webhooks are sent; absent: it is not signed. */
  readonly auditWebhookSecret?: string;
}
