/** Rows for store tests, each valid and with ids of its own; a test names only what it is about. */
import type { Database } from '../../src/infra/db.ts';
import type { Stores } from '../../src/infra/stores/index.ts';
import { createRandom } from '../../src/infra/system.ts';
import type { AssuranceRecord, NewProof } from '../../src/services/ports/assurance.ts';
import type {
  NewAccount,
  PasskeyCredential,
  PasswordCredential,
  TotpCredential,
} from '../../src/services/ports/people.ts';

export const NOW = 1_800_000_000;
export const random = createRandom();

export async function addAccount(stores: Stores, changes: Partial<NewAccount> = {}): Promise<string> {
  const id = random.id();
  await stores.accounts.create({
    id,
    username: `user-${id.toLowerCase()}`,
    email: `${id.toLowerCase()}@example.org`,
    emailVerifiedAt: NOW,
    name: 'Ada',
    createdAt: NOW,
    ...changes,
  });
  return changes.id ?? id;
}

const base = (accountId: string) => ({
  id: random.sortableId(),
  accountId,
  label: 'mine',
  boundAt: 'urn:stile:acr:1fa',
  boundBy: 'admin',
  createdAt: NOW,
  lastUsedAt: null,
});

export function passwordOf(accountId: string): PasswordCredential {
  return { ...base(accountId), method: 'password', hash: '$argon2id$v=19$m=19456,t=2,p=1$a$b' };
}

export function totpOf(accountId: string): TotpCredential {
  return { ...base(accountId), method: 'totp', sealedSeed: 'c2VhbGVk', lastStep: null };
}

export function passkeyOf(accountId: string, changes: Partial<PasskeyCredential> = {}): PasskeyCredential {
  return {
    ...base(accountId),
    method: 'passkey',
    webauthnId: random.id(),
    publicKey: Uint8Array.from([1, 2, 250]),
    counter: 0,
    transports: ['internal', 'hybrid'],
    aaguid: '00000000-0000-0000-0000-000000000000',
    userVerifying: false,
    backupEligible: true,
    backedUp: false,
    attestationFormat: 'packed',
    attestation: { chain: ['AAAA'], verified: true },
    ...changes,
  };
}

export function proofOf(accountId: string, changes: Partial<NewProof> = {}): NewProof {
  return {
    id: random.sortableId(),
    accountId,
    method: 'password',
    at: NOW,
    kinds: ['knowledge'],
    phishingResistant: false,
    userVerified: false,
    transaction: random.id(),
    createdAt: NOW,
    expiresAt: NOW + 1000,
    ...changes,
  };
}

export function recordOf(accountId: string, changes: Partial<AssuranceRecord> = {}): AssuranceRecord {
  return {
    id: random.sortableId(),
    accountId,
    sessionUid: null,
    clientId: 'bank',
    transactionId: null,
    acr: 'phr',
    amr: ['pop', 'user'],
    authTime: NOW - 5,
    elevated: false,
    proofIds: ['p'],
    credentialIds: [],
    proofs: [],
    requirement: [{ acr: ['phr'], reason: 'transfer' }],
    configVersion: 'v1',
    createdAt: NOW,
    expiresAt: NOW + 1000,
    ...changes,
  };
}

export interface SessionRow {
  readonly uid: string;
  readonly accountId: string;
  readonly expiresAt?: number;
  readonly lastAcr?: object;
  readonly idle?: object;
}

export async function addSession(db: Database, session: SessionRow): Promise<string> {
  const { uid, accountId, expiresAt = NOW + 1000, lastAcr = {}, idle = {} } = session;
  await db.query(
    `INSERT INTO "session" ("uid", "id_hash", "account_id", "payload", "last_acr", "idle", "user_agent", "address",
       "created_at", "last_seen_at", "expires_at") VALUES ($1, $2, $3, '{}', $4, $5, 'Firefox', '::1', $6, $6, $7)`,
    [uid, random.id(), accountId, JSON.stringify(lastAcr), JSON.stringify(idle), NOW, expiresAt],
  );
  return uid;
}

export interface ArtifactRow {
  readonly model?: string;
  readonly accountId?: string;
  readonly sessionUid?: string;
  readonly recordId?: string;
  readonly expiresAt?: number;
}

export async function addArtifact(db: Database, artifact: ArtifactRow): Promise<string> {
  const { model = 'RefreshToken', accountId, sessionUid, recordId, expiresAt = NOW + 1000 } = artifact;
  const id = random.id();
  await db.query(
    `INSERT INTO "artifact" ("model", "id", "payload", "account_id", "session_uid", "record_id", "created_at",
       "expires_at") VALUES ($1, $2, '{}', $3, $4, $5, $6, $7)`,
    [model, id, accountId ?? null, sessionUid ?? null, recordId ?? null, NOW, expiresAt],
  );
  return id;
}

/** Which of these rows are still there, by their key. */
export async function remaining(
  db: Database,
  table: string,
  ids: readonly string[],
  key = 'id',
): Promise<string[]> {
  const sql = `SELECT "${key}" AS "key" FROM "${table}" WHERE "${key}" = ANY ($1)`;
  const { rows } = await db.query<{ key: string }>(sql, [ids]);
  return ids.filter((id) => rows.some((row) => row.key === id));
}
