import type { BrowserStore } from '../../services/ports/people.ts';
import type { Database } from '../db.ts';

export function createBrowserStore(db: Database): BrowserStore {
  return {
    knows: async (browserHash, accountId) => {
      const { rows } = await db.query(
        'SELECT 1 FROM "known_browser" WHERE "browser_hash" = $1 AND "account_id" = $2',
        [browserHash, accountId],
        'browser_knows',
      );
      return rows.length > 0;
    },
    remember: async (browserHash, accountId, now) => {
      await db.query(
        `INSERT INTO "known_browser" ("browser_hash", "account_id", "first_seen_at", "last_seen_at")
         VALUES ($1, $2, $3, $3)
         ON CONFLICT ("browser_hash", "account_id") DO UPDATE SET "last_seen_at" = EXCLUDED."last_seen_at"`,
        [browserHash, accountId, now],
      );
    },
    forgetAll: (accountId, except) => db.transaction(() => forgetAll(db, accountId, except)),
  };
}

const strangers = [
  `DELETE FROM "known_browser" WHERE "account_id" = $1 AND "browser_hash" <> ALL ($2::text[])`,
  `UPDATE "sign_in_history" SET "forgotten" = true WHERE "account_id" = $1 AND "device_hash" <> ALL ($2::text[])`,
];

async function forgetAll(db: Database, accountId: string, except: readonly string[]): Promise<void> {
  for (const sql of strangers) await db.query(sql, [accountId, except]);
}
