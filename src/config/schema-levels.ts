/** The ladder, as the file says it. */
import { z } from 'zod';

export const seconds = z.number().int().min(0).max(999_999_999);
export const acr = z
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

export const level = z.strictObject({
  acr: acr.describe('The acr value tokens carry.'),
  alternatives: z
    .array(z.strictObject({ slots: z.array(slot).min(1).describe('The proofs it takes.') }))
    .min(1)
    .describe('Ways to satisfy the level: up to three slots, each filled by a credential of its own.'),
  maxAge: seconds.optional().describe('Seconds for which proofs that are not anchors count.'),
  freshness: z.enum(['anchors', 'all']).optional().describe('`all`: every proof is an anchor.'),
  idle: z
    .strictObject({
      after: seconds.min(1).describe('Idle seconds.'),
      resumeWith: z.array(method).min(1).describe('Any of these methods resumes it.'),
    })
    .optional()
    .describe('Pause the level after idle seconds until one of the methods is proved again.'),
  tokensFor: seconds
    .optional()
    .describe(
      'Seconds after auth_time at which the level and its tokens end. Default: maxAge. 0: no refresh token.',
    ),
  perClient: z.boolean().default(false).describe('Step-up proofs serve only the client that asked.'),
  crossDevice: z.boolean().default(false).describe('Device and CIBA grants may carry the level.'),
  requiresBinding: acr.optional().describe('Only credentials bound at this level or above count as anchors.'),
  aliases: z.array(acr).default([]).describe('Other names; echoed as requested.'),
  unordered: z.boolean().optional().describe('May hold without the levels declared before it.'),
});
