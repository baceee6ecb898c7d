import type { Ceremony, CeremonyStore } from '../../services/ports/assurance.ts';
import type { Vault } from '../../services/ports/machine.ts';
import type { Database } from '../db.ts';

interface Deps {
  readonly db: Database;
  readonly vault: Vault;
}

interface Row {
  readonly id: string;
  readonly purpose: string;
  readonly owner: string;
  readonly account_id: string | null;
  readonly sealed: Buffer;
  readonly tries: number;
  readonly created_at: number;
  readonly expires_at: number;
}

export function createCeremonyStore(deps: Deps): CeremonyStore {
  return {
    begin: (ceremony) => begin(deps, ceremony),
    peek: (owner, purpose, now) => peek(deps, owner, purpose, now),
    tryOnce: (owner, purpose, most, now) => tryOnce(deps, [owner, purpose, now, most]),
    consume: async (id, now) => {
      const { rowCount } = await deps.db.query(
        `UPDATE "ceremony" SET "consumed_at" = $2
         WHERE "id" = $1 AND "consumed_at" IS NULL AND "expires_at" > $2`,
        [id, now],
        'ceremony_consume',
      );
      return rowCount === 1;
    },
  };
}

async function begin({ db, vault }: Deps, ceremony: Omit<Ceremony, 'tries'>): Promise<void> {
  const { id, purpose, owner, accountId, secret, createdAt, expiresAt } = ceremony;
  await db.query(
    `INSERT INTO "ceremony" ("id", "purpose", "owner", "account_id", "sealed", "created_at", "expires_at")
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT ("owner", "purpose") DO UPDATE SET "id" = EXCLUDED."id", "account_id" = EXCLUDED."account_id",
       "sealed" = EXCLUDED."sealed", "tries" = 0, "consumed_at" = NULL, "created_at" = EXCLUDED."created_at",
       "expires_at" = EXCLUDED."expires_at"`,
    [id, purpose, owner, accountId, vault.seal(secret, `ceremony:${id}`), createdAt, expiresAt],
    'ceremony_begin',
  );
}

const live = '"owner" = $1 AND "purpose" = $2 AND "consumed_at" IS NULL AND "expires_at" > $3';

async function peek(deps: Deps, owner: string, purpose: string, now: number): Promise<Ceremony | undefined> {
  const sql = `SELECT * FROM "ceremony" WHERE ${live}`;
  const { rows } = await deps.db.query<Row>(sql, [owner, purpose, now], 'ceremony_peek');
  return rows[0] && toCeremony(deps, rows[0]);
}

async function tryOnce(
  deps: Deps,
  values: [owner: string, purpose: string, now: number, most: number],
): Promise<Ceremony | undefined> {
  if (deps.db.inTransaction()) throw new Error('a try is counted before the transaction opens');
  const sql = `UPDATE "ceremony" SET "tries" = "tries" + 1 WHERE ${live} AND "tries" < $4 RETURNING *`;
  const { rows } = await deps.db.query<Row>(sql, values, 'ceremony_try');
  return rows[0] && toCeremony(deps, rows[0]);
}

function toCeremony({ vault }: Deps, row: Row): Ceremony {
  return {
    id: row.id,
    purpose: row.purpose,
    owner: row.owner,
    accountId: row.account_id,
    secret: vault.open(row.sealed, `ceremony:${row.id}`).toString('utf8'),
    tries: row.tries,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
