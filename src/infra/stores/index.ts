import type {
  AssuranceFactsStore,
  AuthTransactionStore,
  CeremonyStore,
  ProofStore,
  RecordStore,
} from '../../services/ports/assurance.ts';
import type { AuditStore } from '../../services/ports/audit.ts';
import type { ClientStore } from '../../services/ports/clients.ts';
import type { Transactions, Vault } from '../../services/ports/machine.ts';
import type { AccountStore, BrowserStore, CredentialStore } from '../../services/ports/people.ts';
import type { PolicyStore } from '../../services/ports/policy.ts';
import type { RememberedDeviceStore } from '../../services/ports/remembered-devices.ts';
import type { SessionStore } from '../../services/ports/sessions.ts';
import type { SignInStore, ThrottleStore } from '../../services/ports/sign-ins.ts';
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
  readonly transactions: Transactions;
  readonly accounts: AccountStore;
  readonly credentials: CredentialStore;
  readonly browsers: BrowserStore;
  readonly devices: RememberedDeviceStore;
  readonly throttle: ThrottleStore;
  readonly authTransactions: AuthTransactionStore;
  readonly proofs: ProofStore;
  readonly records: RecordStore;
  readonly sessions: SessionStore;
  readonly facts: AssuranceFactsStore;
  readonly ceremonies: CeremonyStore;
  readonly clients: ClientStore;
  readonly audit: AuditStore;
  readonly policies: PolicyStore;
  readonly signIns: SignInStore;
}

/** The stores over one database. Prisma serves clients and the list of accounts; everything else is `pg`. */
export function createStores(db: Database, vault: Vault): Stores {
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
