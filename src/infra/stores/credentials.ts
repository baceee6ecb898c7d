import { StileError } from '../../domain/errors.ts';
import type {
  Credential,
  CredentialStore,
  PasskeyCredential,
  PasskeyUse,
  PasswordCredential,
} from '../../services/ports/people.ts';
import { isUniqueViolation } from '../database-errors.ts';
import type { Database } from '../db.ts';

export interface CredentialRow {
  readonly id: string;
  readonly account_id: string;
  readonly method: Credential['method'];
  readonly label: string;
  readonly bound_at: string | null;
  readonly bound_by: string;
  readonly created_at: number;
  readonly last_used_at: number | null;
  readonly secret: string | null;
  readonly last_step: number | null;
  readonly webauthn_id: string | null;
  /** Hexadecimal with a `\x` in front when it comes through JSON. */
  readonly public_key: Buffer | string | null;
  readonly counter: number | null;
  readonly transports: string[];
  readonly aaguid: string | null;
  readonly user_verifying: boolean;
  readonly backup_eligible: boolean | null;
  readonly backed_up: boolean | null;
  readonly attestation_format: string | null;
  readonly attestation: PasskeyCredential['attestation'];
}

export function createCredentialStore(db: Database): CredentialStore {
  return {
    add: (credential) => add(db, credential),
    byId: async (id) => (await select(db, '"id" = $1', id, 'credential_by_id'))[0],
    byAccount: (accountId) => select(db, '"account_id" = $1', accountId, 'credential_by_account'),
    byWebauthnId: (webauthnId) => byWebauthnId(db, webauthnId),
    rename: (accountId, id, label) =>
      changed(db, 'UPDATE "credential" SET "label" = $3 WHERE "account_id" = $1 AND "id" = $2', [
        accountId,
        id,
        label,
      ]),
    remove: (accountId, id) => db.transaction(() => remove(db, accountId, id)),
    setPasswordHash: async (id, hash) => {
      await changed(db, `UPDATE "credential" SET "secret" = $2 WHERE "id" = $1 AND "method" = 'password'`, [
        id,
        hash,
      ]);
    },
    replacePassword: (old, next, keep) => db.transaction(() => replacePassword(db, { old, next, keep })),
    takeTotpStep: (id, step, now) => changed(db, takeTotpStep, [id, step, now]),
    takePasskeyCounter: (id, use, now) => takePasskeyCounter(db, { id, use, now }),
    touch: (id, now) => changed(db, 'UPDATE "credential" SET "last_used_at" = $2 WHERE "id" = $1', [id, now]),
  };
}

const takeTotpStep = `UPDATE "credential" SET "last_step" = $2, "last_used_at" = $3
  WHERE "id" = $1 AND "method" = 'totp' AND ("last_step" IS NULL OR "last_step" < $2)`;

async function changed(db: Database, sql: string, values: readonly unknown[]): Promise<boolean> {
  const { rowCount } = await db.query(sql, values);
  return rowCount === 1;
}

async function select(db: Database, condition: string, value: string, name: string): Promise<Credential[]> {
  const sql = `SELECT * FROM "credential" WHERE ${condition} ORDER BY "created_at", "id"`;
  const { rows } = await db.query<CredentialRow>(sql, [value], name);
  return rows.map(toCredential);
}

async function byWebauthnId(db: Database, webauthnId: string): Promise<PasskeyCredential | undefined> {
  const [found] = await select(db, '"webauthn_id" = $1', webauthnId, 'credential_by_webauthn_id');
  return found?.method === 'passkey' ? found : undefined;
}

/** The credential goes first: an attempt in flight has locked its row, and what it then wrote is deleted, too. */
async function remove(db: Database, accountId: string, id: string): Promise<boolean> {
  const sql = 'DELETE FROM "credential" WHERE "account_id" = $1 AND "id" = $2';
  if (!(await changed(db, sql, [accountId, id]))) return false;
  await endWhatRestsOn(db, id);
  return true;
}

async function endWhatRestsOn(db: Database, id: string): Promise<void> {
  await db.query('DELETE FROM "proof" WHERE "credential_id" = $1', [id]);
  await db.query('DELETE FROM "assurance_record" WHERE "credential_ids" @> ARRAY[$1]', [id]);
}

interface Replacement {
  readonly old: string;
  readonly next: PasswordCredential;
  readonly keep: string;
}

/** In the order of `remove`, and for its reason. */
async function replacePassword(db: Database, { old, next, keep }: Replacement): Promise<boolean> {
  const sql = `DELETE FROM "credential" WHERE "account_id" = $1 AND "id" = $2 AND "method" = 'password'`;
  if (!(await changed(db, sql, [next.accountId, old]))) return false;
  await add(db, next);
  await db.query(
    'UPDATE "proof" SET "credential_id" = $2 WHERE "credential_id" = $1 AND "session_uid" = $3',
    [old, next.id, keep],
  );
  await endWhatRestsOn(db, old);
  return true;
}

interface CounterUse {
  readonly id: string;
  readonly use: PasskeyUse;
  readonly now: number;
}

async function takePasskeyCounter(db: Database, { id, use, now }: CounterUse): Promise<boolean> {
  return changed(
    db,
    `UPDATE "credential" SET "counter" = $2, "last_used_at" = $3, "backed_up" = $4,
       "user_verifying" = "user_verifying" OR $5
     WHERE "id" = $1 AND "method" = 'passkey' AND ("counter" < $2 OR ("counter" = 0 AND $2 = 0))`,
    [id, use.counter, now, use.backedUp, use.userVerified],
  );
}

async function add(db: Database, credential: Credential): Promise<void> {
  const row = toRow(credential);
  const columns = Object.keys(row);
  const sql = `INSERT INTO "credential" (${columns.map((column) => `"${column}"`).join(', ')})
    VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`;
  try {
    await db.query(sql, Object.values(row));
  } catch (error) {
    if (isUniqueViolation(error)) throw new StileError('passkey_registered', { cause: error });
    throw error;
  }
}

function toRow(credential: Credential): Partial<Record<keyof CredentialRow, unknown>> {
  return {
    id: credential.id,
    account_id: credential.accountId,
    method: credential.method,
    label: credential.label,
    bound_at: credential.boundAt,
    bound_by: credential.boundBy,
    created_at: credential.createdAt,
    last_used_at: credential.lastUsedAt,
    ...ownColumns(credential),
  };
}

function ownColumns(credential: Credential): Partial<Record<keyof CredentialRow, unknown>> {
  if (credential.method === 'password') return { secret: credential.hash };
  if (credential.method === 'totp') return { secret: credential.sealedSeed, last_step: credential.lastStep };
  return {
    webauthn_id: credential.webauthnId,
    public_key: Buffer.from(credential.publicKey),
    counter: credential.counter,
    transports: [...credential.transports],
    aaguid: credential.aaguid,
    user_verifying: credential.userVerifying,
    backup_eligible: credential.backupEligible,
    backed_up: credential.backedUp,
    attestation_format: credential.attestationFormat,
    attestation: credential.attestation === null ? null : JSON.stringify(credential.attestation),
  };
}

export function toCredential(row: CredentialRow): Credential {
  const base = {
    id: row.id,
    accountId: row.account_id,
    label: row.label,
    boundAt: row.bound_at,
    boundBy: row.bound_by,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
  const secret = row.secret ?? '';
  if (row.method === 'password') return { ...base, method: row.method, hash: secret };
  if (row.method === 'totp') {
    return { ...base, method: row.method, sealedSeed: secret, lastStep: row.last_step };
  }
  return {
    ...base,
    method: row.method,
    webauthnId: row.webauthn_id ?? '',
    publicKey: bytesOf(row.public_key),
    counter: row.counter ?? 0,
    transports: row.transports,
    aaguid: row.aaguid ?? '',
    userVerifying: row.user_verifying,
    backupEligible: row.backup_eligible ?? false,
    backedUp: row.backed_up ?? false,
    attestationFormat: row.attestation_format ?? 'none',
    attestation: row.attestation,
  };
}

function bytesOf(value: Buffer | string | null): Uint8Array {
  return Uint8Array.from(typeof value === 'string' ? Buffer.from(value.slice(2), 'hex') : (value ?? []));
}
