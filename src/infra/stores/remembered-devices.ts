import type { RememberedDevice, RememberedDeviceStore } from '../../services/ports/remembered-devices.ts';
import type { Database } from '../db.ts';

interface Row {
  readonly id: string;
  readonly account_id: string;
  readonly secret_hash: string;
  readonly previous_hash: string | null;
  readonly rotated_at: number;
  readonly browser_hash: string | null;
  readonly user_agent: string | null;
  readonly created_at: number;
  readonly last_used_at: number;
  readonly expires_at: number;
}

export function createRememberedDeviceStore(db: Database): RememberedDeviceStore {
  const select = 'SELECT * FROM "remembered_device" WHERE "account_id" = $1 AND "expires_at" > $2';
  return {
    add: async (device) => {
      await db.query(
        `INSERT INTO "remembered_device" ("id", "account_id", "secret_hash", "rotated_at", "user_agent", "created_at",
           "last_used_at", "expires_at", "browser_hash") VALUES ($1, $2, $3, $4, $5, $4, $4, $6, $7)`,
        [
          device.id,
          device.accountId,
          device.secretHash,
          device.createdAt,
          device.userAgent,
          device.expiresAt,
          device.browserHash,
        ],
      );
    },
    byIds: async (accountId, ids, now) => {
      const sql = `${select} AND "id" = ANY($3)`;
      const { rows } = await db.query<Row>(sql, [accountId, now, ids], 'remembered_devices');
      return rows.map(toDevice);
    },
    byAccount: async (accountId, now) => {
      const sql = `${select} ORDER BY "last_used_at" DESC, "id"`;
      return (await db.query<Row>(sql, [accountId, now])).rows.map(toDevice);
    },
    rotate: async ({ id, from, to, browserHash, userAgent, now, expiresAt }) => {
      const { rowCount } = await db.query(
        `UPDATE "remembered_device" SET "secret_hash" = $3, "previous_hash" = $2, "rotated_at" = $4,
           "last_used_at" = $4, "user_agent" = COALESCE($5, "user_agent"), "expires_at" = $6,
           "browser_hash" = $7
         WHERE "id" = $1 AND "secret_hash" = $2`,
        [id, from, to, now, userAgent, expiresAt, browserHash],
      );
      return rowCount === 1;
    },
    remove: async (accountId, id) => {
      const sql = 'DELETE FROM "remembered_device" WHERE "account_id" = $1 AND "id" = $2';
      return (await db.query(sql, [accountId, id])).rowCount === 1;
    },
    removeAll: async (accountId, except) => {
      await db.query(
        `DELETE FROM "remembered_device" WHERE "account_id" = $1
           AND ("browser_hash" IS NULL OR "browser_hash" <> ALL ($2::text[]))`,
        [accountId, except],
      );
    },
  };
}

function toDevice(row: Row): RememberedDevice {
  return {
    id: row.id,
    accountId: row.account_id,
    secretHash: row.secret_hash,
    previousHash: row.previous_hash,
    rotatedAt: row.rotated_at,
    browserHash: row.browser_hash,
    userAgent: row.user_agent,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  };
}
