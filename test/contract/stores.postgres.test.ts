import { describe } from 'vitest';
import { noPostgres, openFreshDatabase } from '../support/database.ts';
import { storesContract } from './stores.ts';

describe.skipIf(noPostgres)('stores on PostgreSQL', () => {
  storesContract(async () => {
    const { db, drop } = await openFreshDatabase();
    return { db, close: drop };
  });
});
