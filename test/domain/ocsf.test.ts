import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { StoredEvent } from '../../src/domain/audit-chain.ts';
import { auditTypes } from '../../src/domain/events.ts';
import { toOcsf } from '../../src/domain/ocsf.ts';

const whole = z.number().int();
const user = z
  .object({ uid: z.string().optional(), name: z.string().optional(), type_id: z.literal([0, 1, 4]) })
  .refine(({ uid, name }) => uid !== undefined || name !== undefined);

/** Required by OCSF 1.8.0 of every class, with the values its dictionary allows. */
const base = {
  category_uid: z.literal(3),
  activity_id: whole,
  type_uid: whole,
  severity_id: z.literal([0, 1, 2, 3, 4, 5, 6, 99]),
  status_id: z.literal([0, 1, 2, 99]),
  time: whole.min(1_000_000_000_000),
  metadata: z.object({
    version: z.literal('1.8.0'),
    product: z.object({ name: z.string(), vendor_name: z.string(), version: z.string() }),
    uid: z.string(),
  }),
};
const factors = z.array(z.object({ factor_type_id: z.literal([7, 8, 10, 11]) })).optional();
const numbers = (...ids: number[]) => z.literal([...ids, 99]);

/** Of each class what it requires, and the activities it knows. */
const ocsf = z.discriminatedUnion('class_uid', [
  z.object({
    ...base,
    class_uid: z.literal(3001),
    user,
    auth_factors: factors,
    activity_id: numbers(1, 2, 3, 5, 10, 11),
  }),
  z.object({
    ...base,
    class_uid: z.literal(3002),
    user,
    auth_factors: factors,
    activity_id: numbers(1, 2, 6),
  }),
  z.object({
    ...base,
    class_uid: z.literal(3003),
    user,
    privileges: z.array(z.string()).min(1),
    activity_id: numbers(1),
  }),
  z.object({
    ...base,
    class_uid: z.literal(3004),
    entity: z.object({ uid: z.string() }),
    activity_id: numbers(1, 3, 4),
  }),
]);

const event = (changes: Partial<StoredEvent>): StoredEvent => ({
  id: '019a',
  at: 1_800_000_000,
  type: 'attempt',
  outcome: 'success',
  accountId: 'ada',
  clientId: 'web',
  sessionUid: 'session',
  correlationId: 'request',
  data: {},
  xid: '1',
  ...changes,
});
const mapped = (changes: Partial<StoredEvent>) =>
  ocsf.parse(toOcsf(event(changes), { product: '0.1.0', seq: 7 })) as Record<string, unknown>;

describe('OCSF', () => {
  test.each(auditTypes)('%s has what its class requires, whatever the outcome and whoever it was', (type) => {
    for (const outcome of ['success', 'failure', 'denied'])
      for (const accountId of ['ada', null])
        for (const clientId of ['web', null])
          for (const data of [{}, { method: 'password', scope: 'openid', status: 'disabled' }, null]) {
            const found = mapped({ type, outcome, accountId, clientId, data });
            expect(found['type_uid']).toBe(Number(found['class_uid']) * 100 + Number(found['activity_id']));
            expect(found['status_id']).toBe(outcome === 'success' ? 1 : 2);
            expect(found['time']).toBe(1_800_000_000_000);
          }
  });

  test.each([
    [
      { type: 'attempt', data: { method: 'passkey' } },
      { class_uid: 3002, activity_id: 1, auth_factors: [{ factor_type_id: 10, factor_type: 'WebAuthn' }] },
    ],
    [
      { type: 'token', data: { scope: 'openid read' } },
      { class_uid: 3003, privileges: ['openid', 'read'] },
    ],
    [
      { type: 'token', outcome: 'denied', data: { error: 'invalid_grant' } },
      { class_uid: 3002, status_code: 'invalid_grant' },
    ],
    [
      { type: 'account_status', data: { status: 'disabled' } },
      { class_uid: 3001, activity_id: 5 },
    ],
    [
      { type: 'account_status', data: { status: 'active' } },
      { class_uid: 3001, activity_id: 2 },
    ],
    [
      { type: 'credential_removed', data: { method: 'totp' } },
      { class_uid: 3001, activity_id: 11 },
    ],
    [{ type: 'session_ended' }, { class_uid: 3002, activity_id: 2 }],
    [{ type: 'token_reuse', outcome: 'denied' }, { severity_id: 3 }],
    [
      { type: 'policy_changed', data: { id: 4, by: 'root', change: 'applied' } },
      { class_uid: 3004, entity: { type: 'Policy', uid: '4' } },
    ],
    [
      { type: 'client_removed', clientId: 'shop' },
      { class_uid: 3004, activity_id: 4 },
    ],
    [
      { type: 'token', accountId: null, clientId: 'job', data: { scope: 'read' } },
      { user: { uid: 'job', type_id: 4, type: 'Service' } },
    ],
  ])('%j', (changes, expected) => {
    expect(toOcsf(event(changes), { product: '0.1.0', seq: 7 })).toMatchObject(expected);
  });

  test('nothing of the event is lost', () => {
    const found = toOcsf(event({ data: { odd: 1 } }), { product: '0.1.0', seq: 7 });
    expect(found).toMatchObject({
      metadata: { uid: '019a', event_code: 'attempt', sequence: 7, correlation_uid: 'request' },
      session: { uid: 'session' },
      actor: { app_uid: 'web' },
      unmapped: { outcome: 'success', odd: 1 },
    });
  });
});
