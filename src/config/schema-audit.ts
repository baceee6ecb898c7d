/** The part of the configuration that concerns the audit trail. */
import { z } from 'zod';

const days = z.number().int().min(1).max(36_500);

export const audit = z.strictObject({
  retention: z
    .strictObject({
      security: days
        .default(365)
        .describe('Attempts and their limits, codes sent, reuse of tokens, sessions ended.'),
      decision: days
        .default(90)
        .describe('Authorizations, tokens and decisions of the policy; a backtest reads these.'),
      change: days.default(1095).describe('Changes to accounts, factors and clients.'),
    })
    .prefault({})
    .describe(
      'Days for which events are kept, by class. Their seals stay, so that the chain still verifies.',
    ),
  sinks: z
    .array(
      z.strictObject({
        kind: z.enum(['file', 'webhook']).describe('What it is sent to.'),
        path: z.string().min(1).optional().describe('Of a file; lines are appended to it.'),
        url: z
          .url()
          .optional()
          .describe('Of a webhook; lines are posted to it, signed with AUDIT_WEBHOOK_SECRET.'),
      }),
    )
    .default([])
    .describe('Where sealed events are sent, in order and at least once.'),
});

export type SinkConfig = z.output<typeof audit>['sinks'][number];
