import type * as ports from '../../services/ports.ts';
import type { Database } from '../db.ts';
import { createPrisma } from '../prisma.ts';
import { createAccountStore } from './accounts.ts';
import { createAssuranceFactsStore } from './assurance-facts.ts';
import { createAuditStore } from './audit.ts';
import { createAuthTransactionStore } from './auth-transactions.ts';
import { createBrowserStore } from './browsers.ts';
import { createCeremonyStore } from './ceremonies.ts';
import { createClientStore } from './clients.ts';
import { createCredentialStore } from './credentials.ts';
import { createPolicyStore } from './policies.ts';
import { createProofStore } from './proofs.ts';
import { createRecordStore } from './records.ts';
import { createRememberedDeviceStore } from './remembered-devices.ts';
import { createSessionStore } from './sessions.ts';
import { createSignInStore } from './sign-ins.ts';
import { createThrottleStore } from './throttle.ts';

/** Every store of `services/ports`. */
export interface Stores {
  readonly transactions: ports.Transactions;
  readonly accounts: ports.AccountStore;
  readonly credentials: ports.CredentialStore;
  readonly browsers: ports.BrowserStore;
  readonly devices: ports.RememberedDeviceStore;
  readonly throttle: ports.ThrottleStore;
  readonly authTransactions: ports.AuthTransactionStore;
  readonly proofs: ports.ProofStore;
  readonly records: ports.RecordStore;
  readonly sessions: ports.SessionStore;
  readonly facts: ports.AssuranceFactsStore;
  readonly ceremonies: ports.CeremonyStore;
  readonly clients: ports.ClientStore;
  readonly audit: ports.AuditStore;
  readonly policies: ports.PolicyStore;
  readonly signIns: ports.SignInStore;
}

/** The stores over one database. Prisma serves clients and the list of accounts; everything else is `pg`. */
export function createStores(db: Database, vault: ports.Vault): Stores {
  const prisma = createPrisma(db);
  return {
    transactions: { run: (work) => db.transaction(work) },
    accounts: createAccountStore(db, prisma),
    credentials: createCredentialStore(db),
    browsers: createBrowserStore(db),
    devices: createRememberedDeviceStore(db),
    throttle: createThrottleStore(db),
    authTransactions: createAuthTransactionStore(db),
    proofs: createProofStore(db),
    records: createRecordStore(db),
    sessions: createSessionStore(db),
    facts: createAssuranceFactsStore(db),
    ceremonies: createCeremonyStore({ db, vault }),
    clients: createClientStore(prisma),
    audit: createAuditStore(db),
    policies: createPolicyStore(db),
    signIns: createSignInStore(db),
  };
}
