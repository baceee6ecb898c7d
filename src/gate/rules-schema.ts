/** The shape of the gate's file. */
import { z } from 'zod';
import { parsePattern } from './pattern.ts';

const word = z.string().regex(/^[\x21-\x7e]+$/, 'has no spaces, and printable ASCII only');
const claimValue = z.union([z.string(), z.number(), z.boolean()]);
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.union([item, z.array(item).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]));

const method = z
  .string()
  .regex(/^[A-Z][A-Z-]*$/, 'a method is written in capitals')
  .refine((value) => value !== 'HEAD', 'HEAD goes by the rules for GET');
const host = z
  .string()
  .regex(/^[a-z0-9.-]+$|^\[[0-9a-f:.]+\]$/, 'a host is written in lower case, without port');

const pattern = z.string().superRefine((value, context) => {
  const parsed = parsePattern(value);
  if ('fault' in parsed) context.addIssue({ code: 'custom', message: parsed.fault });
});

const rule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, 'a name has 1 to 64 letters, digits, - _ .')
      .optional(),
    methods: z.array(method).min(1).optional(),
    host: oneOrMore(host).optional(),
    path: pattern,
    claims: z.record(word, oneOrMore(claimValue)).optional(),
    level: oneOrMore(word.regex(/^[^"\\]+$/, 'has no quotation marks')).optional(),
    maxAge: z.int().min(30, 'is at least 30 seconds').max(999_999_999).optional(),
    scopes: oneOrMore(word.regex(/^[^"\\]+$/, 'has no quotation marks')).optional(),
    anyToken: z.literal(true).optional(),
    public: z.literal(true).optional(),
    deny: z.literal(true).optional(),
  })
  .superRefine((value, context) => {
    const { level, maxAge, scopes } = value;
    const demands = level !== undefined || maxAge !== undefined || scopes !== undefined;
    const effects = [demands, value.anyToken, value.public, value.deny].filter(Boolean).length;
    if (effects !== 1) {
      const message = 'says one of: level, maxAge and scopes; anyToken; public; deny';
      context.addIssue({ code: 'custom', message });
    }
  });

const cidr = z.union([z.cidrv4(), z.cidrv6()], 'is a network such as 10.0.0.0/8 or ::1/128');

/** The gate's own addresses, which metrics must not take the place of. */
const metricsPath = /^(?!\/(?:check|access|health|\.well-known)(?:\/|$))\/[\w/.-]*$/;

const gateFile = z.strictObject({
  issuer: z.url({ protocol: /^https?$/ }),
  audience: z.string().min(1),
  /** For opaque tokens: the gate's own client at the issuer. */
  introspection: z
    .strictObject({ clientId: z.string().min(1), clientSecretFile: z.string().min(1) })
    .optional(),
  /**
   * Shared by gates behind one address: on each line a secret of 32 characters or more. The first makes DPoP nonces, those
   * of the others are accepted, too.
   */
  nonceSecretFile: z.string().min(1).optional(),
  listen: z
    .strictObject({
      host: z.string().min(1, 'an address; none would be all of them').default('127.0.0.1'),
      port: z.int().min(0).max(65535).default(9700),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      path: z.string().regex(metricsPath, 'is a path, and none of the gate itself').default('/metrics'),
    })
    .prefault({}),
  /** The gate's address as AuthZEN clients know it. Default: http, host and port. */
  authzenUrl: z.url({ protocol: /^https?$/ }).optional(),
  trustedProxies: z.array(cidr).default(['127.0.0.1/32', '::1/128']),
  /** The hosts that are served. Default: those that rules name; where they name none, any. */
  hosts: z.array(host).min(1).optional(),
  rules: z.array(rule),
});

export const gateFileSchema = gateFile.superRefine(({ hosts, rules }, context) => {
  if (!hosts) return;
  rules.forEach((one, index) => {
    const stray = one.host?.find((name) => !hosts.includes(name));
    const message = `${stray} is none of hosts`;
    if (stray !== undefined) context.addIssue({ code: 'custom', message, path: ['rules', index, 'host'] });
  });
});

export type GateFile = z.infer<typeof gateFileSchema>;
export type RuleInput = GateFile['rules'][number];
