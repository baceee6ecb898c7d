/** The shape of a policy file. The JSON Schema for editors and part of docs/policy.md are generated from here. */
import { z } from 'zod';
import { isTimeZone } from '../../domain/policy/time.ts';
import { acr, seconds } from '../schema-levels.ts';

/** Rules a policy may have. */
export const MOST_RULES = 1000;

const plainText = z.string().trim().min(1, 'is empty');

export const ruleSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'a name has 1 to 64 letters, digits, - _ .')
    .describe('Names the rule wherever it is counted, explained or recorded; unique in the policy.'),
  description: plainText.max(1000).optional().describe('For whoever reads the policy; shown to nobody else.'),
  when: z.string().describe('The condition, in CEL, over the facts of docs/policy.md.'),
  require: z
    .strictObject({
      acr: z.array(acr).min(1).optional().describe('Any of these levels, the preferred one first.'),
      maxAge: seconds.optional().describe('Seconds since it was proved; 0: proved for this request.'),
    })
    .optional()
    .describe('Ask for a level, for a fresh proof, or for both.'),
  deny: z.literal(true).optional().describe('Refuse.'),
  notify: z.literal(true).optional().describe('Tell the person, and ask for nothing.'),
  reason: plainText
    .max(200)
    .regex(/^[^\n]*$/, 'is one line')
    .describe('Why, in plain words: the person who is asked reads it.'),
  mode: z
    .enum(['enforce', 'observe'])
    .default('enforce')
    .describe('`observe`: counted and recorded, never felt.'),
});

export const policyFileSchema = z.strictObject({
  version: z.literal(1).optional().describe('Of this format.'),
  description: plainText.max(1000).optional().describe('For whoever reads the policy.'),
  timeZone: z
    .string()
    .refine(isTimeZone, 'is no IANA time zone, such as Europe/Berlin')
    .default('UTC')
    .describe('IANA name; the facts of `time` are in it.'),
  rules: z
    .array(ruleSchema)
    .max(MOST_RULES)
    .describe('All that match merge, the strictest wins; their order says nothing.'),
});

export type PolicyFile = z.output<typeof policyFileSchema>;
export type RuleInput = PolicyFile['rules'][number];

/** What a rule does: exactly one of these. */
export const effects = ['require', 'deny', 'notify'] as const;

/** JSON Schema (2020-12) of a policy file, for editors. */
export function policyJsonSchema(): object {
  const schema = z.toJSONSchema(policyFileSchema, { io: 'input', reused: 'inline' }) as unknown as {
    properties: { rules: { items: object } };
  };
  Object.assign(schema.properties.rules.items, {
    oneOf: effects.map((effect) => ({ required: [effect] })),
  });
  return { title: 'Stile policy', ...schema };
}
