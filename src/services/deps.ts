/** Everything the services of people and their factors work with. Each takes the part it needs. */
import type { Config } from '../config/schema.ts';
import type { Level } from '../domain/ladder.ts';
import type { Background } from './background.ts';
import type { Letters } from './letters.ts';
import type { AuthTransactionStore, CeremonyStore, ProofStore, RecordStore } from './ports/assurance.ts';
import type { AuditStore } from './ports/audit.ts';
import type { Clock, Mailer, PasswordHasher, Random, Transactions, Vault } from './ports/machine.ts';
import type { AccountStore, BrowserStore, CredentialJudge, CredentialStore } from './ports/people.ts';
import type { Device, PolicySource } from './ports/policy.ts';
import type { RememberedDeviceStore } from './ports/remembered-devices.ts';
import type { SessionStore } from './ports/sessions.ts';
import type { SignInStore, ThrottleStore } from './ports/sign-ins.ts';
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
