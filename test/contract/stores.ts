/** The contract of every store of services/ports: one suite for each database that is supported. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { Database } from '../../src/infra/db.ts';
import { createStores, type Stores } from '../../src/infra/stores/index.ts';
import { testVault } from '../support/database.ts';
import { assuranceContract } from './stores-assurance.ts';
import { attemptsContract } from './stores-attempts.ts';
import { peopleContract } from './stores-people.ts';
import { policiesContract } from './stores-policies.ts';
import { sessionsContract } from './stores-sessions.ts';
import { signInsContract } from './stores-sign-ins.ts';

export interface OpenDatabase {
  readonly db: Database;
  close(): Promise<void>;
}

/** What a test works with; read when it runs. */
export interface Subject {
  readonly db: Database;
  readonly stores: Stores;
}

export function storesContract(open: () => Promise<OpenDatabase>): void {
  const subject: { db?: Database; stores?: Stores } = {};
  let close = async () => {};
  beforeAll(async () => {
    const opened = await open();
    subject.db = opened.db;
    subject.stores = createStores(opened.db, testVault);
    close = opened.close;
    // Making an embedded database takes seconds, and much longer on a busy machine.
  }, 180_000);
  afterAll(() => close());
  const get = (): Subject => {
    const { db, stores } = subject;
    if (!db || !stores) throw new Error('the database is not open yet');
    return { db, stores };
  };
  describe('people', () => peopleContract(get));
  describe('attempts', () => attemptsContract(get));
  describe('assurance', () => assuranceContract(get));
  describe('sessions and clients', () => sessionsContract(get));
  describe('policies', () => policiesContract(get));
  describe('sign-ins', () => signInsContract(get));
}
