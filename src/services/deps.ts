/** Everything the services of people and their factors work with. Each takes the part it needs. */
import type { Config } from '../config/schema.ts';
import type { Level } from '../domain/ladder.ts';
import type { Background } from './background.ts';
import type { Letters } from './letters.ts';
import type {
  AccountStore,
  AuditStore,
  AuthTransactionStore,
  BrowserStore,
  CeremonyStore,
  Clock,
  CredentialJudge,
  CredentialStore,
  Device,
  Mailer,
  PasswordHasher,
  PolicySource,
  ProofStore,
  Random,
  RecordStore,
  RememberedDeviceStore,
  SessionStore,
  SignInStore,
  ThrottleStore,
  Transactions,
  Vault,
} from './ports.ts';
import type { RiskDeps } from './risk.ts';

/** What of the configuration concerns factors. */
export type Settings = Pick<Config, 'issuer' | 'name' | 'session' | 'interaction' | 'factors' | 'throttle'>;

export interface Log {
  warn(facts: object, message: string): void;
}

export interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: PasswordHasher;
  readonly vault: Vault;
  readonly mailer: Mailer;
  readonly letters: Letters;
  readonly log: Log;
  readonly background: Background;
  readonly unitOfWork: Transactions;
  readonly accounts: AccountStore;
  readonly credentials: CredentialStore;
  readonly browsers: BrowserStore;
  readonly devices: RememberedDeviceStore;
  readonly throttle: ThrottleStore;
  readonly transactions: AuthTransactionStore;
  readonly proofs: ProofStore;
  readonly records: RecordStore;
  readonly sessions: SessionStore;
  readonly ceremonies: CeremonyStore;
  readonly audit: AuditStore;
  readonly isRemembered: (accountId: string, device: Device) => Promise<boolean>;
  readonly policy: PolicySource;
  readonly risk: RiskDeps;
  readonly signIns: SignInStore;
  readonly judge: CredentialJudge;
  readonly levels: readonly Level[];
  readonly settings: Settings;
}
