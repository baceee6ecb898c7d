import { StileError } from '../../domain/errors.ts';
import type { Method } from '../../domain/proofs.ts';
import type { Account, AccountStore, NewAccount } from '../../services/ports/people.ts';
import { isUniqueViolation } from '../database-errors.ts';
import type { Database } from '../db.ts';
import { type Prisma, viaPrisma } from '../prisma.ts';
import { endEverything } from './sessions.ts';

export interface AccountRow {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly email_verified_at: number | null;
  readonly name: string | null;
  readonly status: Account['status'];
  readonly last_method: Method | null;
  readonly groups: readonly string[];
  readonly created_at: number;
}

export const accountColumns = `a."id", a."username", a."email", a."email_verified_at", a."name", a."status",
  a."last_method", a."groups", a."created_at"`;

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    emailVerifiedAt: row.email_verified_at,
    name: row.name,
    status: row.status,
    lastMethod: row.last_method,
    groups: row.groups,
    createdAt: row.created_at,
  };
}

export function createAccountStore(db: Database, prisma: Prisma): AccountStore {
  return {
    create: (account) => create(db, account),
    byId: (id) => find(db, 'a."id" = $1', id, 'account_by_id'),
    byIdentifier: (identifier) =>
      find(db, '(a."username" = $1 OR a."email" = $1)', identifier, 'account_by_identifier'),
    setLastMethod: async (id, method, now) => {
      await db.query('UPDATE "account" SET "last_method" = $2, "updated_at" = $3 WHERE "id" = $1', [
        id,
        method,
        now,
      ]);
    },
    setStatus: (id, status, now) => db.transaction(() => setStatus(db, { id, status, now })),
    setGroups: async (id, groups, now) => {
      const sql = 'UPDATE "account" SET "groups" = $2, "updated_at" = $3 WHERE "id" = $1';
      await db.query(sql, [id, groups, now]);
    },
    lock: async (id) => {
      await db.query('SELECT 1 FROM "account" WHERE "id" = $1 FOR NO KEY UPDATE', [id], 'account_lock');
    },
    list: (limit, after) => list(prisma, limit, after),
  };
}

/** An account is made in one transaction with its first credential and the audit, so this is not Prisma's. */
async function create(db: Database, account: NewAccount): Promise<void> {
  const { id, username, email, emailVerifiedAt, name, groups = [], createdAt } = account;
  try {
    await db.query(
      `INSERT INTO "account" ("id", "username", "email", "email_verified_at", "name", "groups", "created_at",
         "updated_at") VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
      [id, username, email, emailVerifiedAt, name, groups, createdAt],
    );
  } catch (error) {
    if (isUniqueViolation(error)) throw new StileError('account_exists', { cause: error });
    throw error;
  }
}

async function find(
  db: Database,
  condition: string,
  value: string,
  name: string,
): Promise<Account | undefined> {
  // A username may equal another account's address only if it contains an `@`, which usernames do not.
  const sql = `SELECT ${accountColumns} FROM "account" a WHERE ${condition} LIMIT 1`;
  const { rows } = await db.query<AccountRow>(sql, [value], name);
  return rows[0] && toAccount(rows[0]);
}

interface StatusChange {
  readonly id: string;
  readonly status: Account['status'];
  readonly now: number;
}

async function setStatus(db: Database, { id, status, now }: StatusChange): Promise<void> {
  await db.query('UPDATE "account" SET "status" = $2, "updated_at" = $3 WHERE "id" = $1', [id, status, now]);
  if (status === 'disabled') await endEverything(db, id);
}

async function list(prisma: Prisma, limit: number, after = ''): Promise<Account[]> {
  const found = await viaPrisma(() =>
    prisma.account.findMany({ where: { id: { gt: after } }, orderBy: { id: 'asc' }, take: limit }),
  );
  return found.map((account) => ({
    id: account.id,
    username: account.username,
    email: account.email,
    emailVerifiedAt: account.emailVerifiedAt === null ? null : Number(account.emailVerifiedAt),
    name: account.name,
    status: account.status as Account['status'],
    lastMethod: account.lastMethod as Method | null,
    groups: account.groups,
    createdAt: Number(account.createdAt),
  }));
}
