/** Prisma, for what administrators touch. It shares the pool and never joins a transaction: the pool refuses it. */
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { databaseError } from './database-errors.ts';
import type { Database } from './db.ts';

export type Prisma = PrismaClient;

export function createPrisma(db: Pick<Database, 'pool'>): Prisma {
  return new PrismaClient({ adapter: new PrismaPg(db.pool) });
}

/** Runs a Prisma call; error `unavailable` when the database is away. */
export async function viaPrisma<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw databaseError(error);
  }
}
