import type { AuditStore } from '../../services/ports/audit.ts';
import type { Database } from '../db.ts';
import { auditRow } from '../oidc-write-rows.ts';

export function createAuditStore(db: Database): AuditStore {
  return {
    append: async (event) => {
      const row = auditRow(event);
      await db.query(
        `INSERT INTO "audit_event" ("id", "at", "type", "outcome", "account_id", "client_id", "session_uid",
           "correlation_id", "data") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [
          row.id,
          row.at,
          row.type,
          row.outcome,
          row.account_id,
          row.client_id,
          row.session_uid,
          row.correlation_id,
          JSON.stringify(row.data),
        ],
        'audit_append',
      );
    },
  };
}
