import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minimised } from '../../src/domain/audit-privacy.ts';
import { type AuditEvent, auditTypes } from '../../src/domain/events.ts';
import { createWriter } from '../../src/infra/oidc-writes.ts';
import { createAuditStore } from '../../src/infra/stores/audit.ts';
import { decision } from '../domain/backtest/support.ts';
import { eventOf } from '../support/audit.ts';
import { noPostgres, type OpenTestDatabase, openFreshDatabase } from '../support/database.ts';

describe.skipIf(noPostgres)('what the audit stores of a decision', () => {
  let fresh: OpenTestDatabase;

  beforeAll(async () => {
    fresh = await openFreshDatabase();
  });
  afterAll(() => fresh.drop());

  const decided = (type = 'token') =>
    eventOf({
      type,
      data: { decision: decision({ facts: { network: { address: '2001:db8:1:2:3:4:5:6', asn: 1 } } }) },
    } as unknown as Partial<AuditEvent>);

  test('no whole address is stored, whichever way an event is written', async () => {
    await createAuditStore(fresh.db).append(decided());
    await createWriter(fresh).flush(undefined, decided());
    const { rows } = await fresh.db.query(
      `SELECT "data"->'decision'->'facts'->'network' AS "network" FROM "audit_event"`,
    );
    expect(rows.map(({ network }) => network)).toEqual([
      { address: '2001:db8:1::', asn: 1 },
      { address: '2001:db8:1::', asn: 1 },
    ]);
  });

  test.each(auditTypes)('nor in an event of any type: %s', (type) => {
    expect(minimised(decided(type)).data).toMatchObject({
      decision: { facts: { network: { address: '2001:db8:1::' } } },
    });
  });
});
