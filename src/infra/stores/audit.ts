import type { AuditStore } from '../../services/ports.ts';
import type { Database } from '../db.ts';

export function createAuditStore(db: Database): AuditStore {
  return {
    append: async (event) => {
      await db.query(
        `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "account_id", "client_id", "session_uid",
           "correlation_id", "data") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [
          event.id,
          event.at,
          event.type,
          event.outcome,
          event.accountId,
          event.clientId,
          event.sessionUid,
          event.correlationId,
          JSON.stringify(event.data),
        ],
        'audit_append',
      );
    },
  };
}
