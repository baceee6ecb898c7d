import type { PolicyStore, PolicyVersion } from '../../services/ports/policy.ts';
import type { Database } from '../db.ts';

export function createPolicyStore(db: Database): PolicyStore {
  return {
    newer: async (known) => {
      const { rows } = await db.query<TextRow>(
        'SELECT "id", "text" FROM "policy_version" WHERE "active" AND "id" <> $1',
        [known],
        'policy_newer',
      );
      return rows[0];
    },
    add: (version) => db.transaction(() => add(db, version)),
    activate: (id) => db.transaction(() => activate(db, id)),
    byId: async (id) => {
      const { rows } = await db.query<TextRow>('SELECT "id", "text" FROM "policy_version" WHERE "id" = $1', [
        id,
      ]);
      return rows[0];
    },
    recordedHash: async (id) => {
      const { rows } = await db.query<{ hash: string }>(
        `SELECT "data"->>'hash' AS "hash" FROM "audit_event" WHERE "type" = 'policy_changed'
           AND "data"->'id' = to_jsonb($1::int) AND "data" ? 'hash' ORDER BY "at" DESC, "id" DESC LIMIT 1`,
        [id],
      );
      return rows[0]?.hash;
    },
    list: async () => {
      const { rows } = await db.query<Row>(
        `SELECT "id", "note", "created_at", "created_by", "active" FROM "policy_version" ORDER BY "id" DESC`,
      );
      return rows.map(toVersion);
    },
  };
}

interface TextRow extends Record<string, unknown> {
  readonly id: number;
  readonly text: string;
}

interface Row extends Record<string, unknown> {
  readonly id: number;
  readonly note: string | null;
  readonly created_at: number;
  readonly created_by: string;
  readonly active: boolean;
}

function toVersion({ id, note, created_at, created_by, active }: Row): PolicyVersion {
  return { id, note, createdAt: created_at, createdBy: created_by, active };
}

/** Changes wait for one another; readers do not wait. */
const lock = 'LOCK TABLE "policy_version" IN SHARE ROW EXCLUSIVE MODE';
const retire = 'UPDATE "policy_version" SET "active" = false WHERE "active"';

type NewVersion = Parameters<PolicyStore['add']>[0];

async function add(db: Database, { text, note, createdAt, createdBy }: NewVersion): Promise<number> {
  await db.query(lock);
  await db.query(retire);
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO "policy_version" ("id", "text", "note", "created_at", "created_by", "active")
     SELECT COALESCE(MAX("id"), 0) + 1, $1, $2, $3, $4, true FROM "policy_version" RETURNING "id"`,
    [text, note, createdAt, createdBy],
  );
  return rows[0]?.id ?? 0;
}

async function activate(db: Database, id: number): Promise<boolean> {
  await db.query(lock);
  const { rows } = await db.query('SELECT 1 FROM "policy_version" WHERE "id" = $1', [id]);
  if (rows.length === 0) return false;
  await db.query(retire);
  await db.query('UPDATE "policy_version" SET "active" = true WHERE "id" = $1', [id]);
  return true;
}
