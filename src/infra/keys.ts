/**
 * The server's own keys, made when it first starts and shared by every process through the database, sealed by the
 * vault: signing keys, cookie keys, the DPoP nonce secret and the salt of pairwise subjects.
 */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import type { Vault } from '../services/ports/machine.ts';
import type { Database } from './db.ts';
import { randomOctets } from './system.ts';

export interface ServerKeys {
  /** Private signing keys, the current one of each algorithm first; the provider publishes their public halves. */
  readonly jwks: { readonly keys: JWK[] };
  /** For signing cookies, the current one first. */
  readonly cookieKeys: string[];
  /** 32 bytes. */
  readonly dpopNonceSecret: Buffer;
  readonly pairwiseSalt: string;
  /** Private keys of the audit's checkpoints, the current one first; retired ones, too: what they signed stays. */
  readonly auditKeys: readonly JWK[];
}

interface KeyDeps {
  readonly db: Database;
  readonly vault: Vault;
  /** Epoch seconds. */
  readonly now: number;
}

interface Row {
  readonly id: string;
  readonly purpose: string;
  readonly alg: string;
  readonly sealed: Buffer;
  readonly retired: boolean;
}

interface NewKey {
  readonly id: string;
  readonly publicJwk: JWK | null;
  readonly secret: string;
}

/** What there must be at least one of. */
const needed = [
  { purpose: 'sig', alg: 'RS256' },
  { purpose: 'sig', alg: 'ES256' },
  { purpose: 'sig', alg: 'EdDSA' },
  { purpose: 'cookie', alg: 'HS256' },
  { purpose: 'dpop-nonce', alg: 'HS256' },
  { purpose: 'pairwise', alg: 'HS256' },
  { purpose: 'audit', alg: 'EdDSA' },
] as const;

type Need = (typeof needed)[number];

/** Any number will do that nothing else locks: "stile". */
const advisoryLock = 0x7374_696c;

/**
 * Loads the keys, making those that are missing under a lock: of several processes that start at once all return
 * the same. Throws when a key was sealed under a key-encryption key that is not configured.
 */
export async function loadServerKeys(deps: KeyDeps): Promise<ServerKeys> {
  let rows = await readRows(deps);
  if (missingFrom(rows).length > 0) {
    await deps.db.transaction(() => makeMissing(deps));
    rows = await readRows(deps);
  }
  const opened = rows.map((row) => ({ ...row, secret: openRow(deps.vault, row) }));
  const secrets = (purpose: string) =>
    opened.filter((row) => row.purpose === purpose).map(({ secret }) => secret);
  const first = (purpose: string) => secrets(purpose)[0] ?? '';
  return {
    jwks: { keys: secrets('sig').map((secret): JWK => JSON.parse(secret)) },
    cookieKeys: secrets('cookie'),
    dpopNonceSecret: Buffer.from(first('dpop-nonce'), 'base64url'),
    pairwiseSalt: first('pairwise'),
    auditKeys: secrets('audit').map((secret): JWK => JSON.parse(secret)),
  };
}

/** The oldest key in use is the current one: a new key is published before it signs, until the old one retires. */
async function readRows({ db, now }: KeyDeps): Promise<Row[]> {
  const { rows } = await db.query<Row>(
    `SELECT "id", "purpose", "alg", "sealed", COALESCE("retired_at" <= $1, false) AS "retired" FROM "server_key"
     WHERE "retired_at" IS NULL OR "retired_at" > $1 OR "purpose" = 'audit' ORDER BY "retired", "created_at", "id"`,
    [now],
  );
  return rows;
}

function missingFrom(rows: readonly Row[]): Need[] {
  return needed.filter(
    ({ purpose, alg }) => !rows.some((row) => !row.retired && row.purpose === purpose && row.alg === alg),
  );
}

async function makeMissing(deps: KeyDeps): Promise<void> {
  await deps.db.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
  for (const need of missingFrom(await readRows(deps))) await store(deps, need, await make(need));
}

async function store({ db, vault, now }: KeyDeps, { purpose, alg }: Need, key: NewKey): Promise<void> {
  await db.query(
    `INSERT INTO "server_key" ("id", "purpose", "alg", "public_jwk", "sealed", "created_at")
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      key.id,
      purpose,
      alg,
      key.publicJwk && JSON.stringify(key.publicJwk),
      vault.seal(key.secret, contextOf(key.id)),
      now,
    ],
  );
}

async function make({ purpose, alg }: Need): Promise<NewKey> {
  if (purpose === 'sig' || purpose === 'audit') return makeSigningKey(alg);
  const id = randomOctets(16).toString('base64url');
  return { id, publicJwk: null, secret: randomOctets(32).toString('base64url') };
}

const generate = promisify(generateKeyPair);

/** The key's id is its thumbprint (RFC 7638). */
async function makeSigningKey(alg: 'RS256' | 'ES256' | 'EdDSA'): Promise<NewKey> {
  const { privateKey, publicKey } = await keyPair(alg);
  const id = await calculateJwkThumbprint(publicKey);
  const shared = { kid: id, use: 'sig', alg } as const;
  return {
    id,
    publicJwk: { ...(await exportJWK(publicKey)), ...shared },
    secret: JSON.stringify({ ...(await exportJWK(privateKey)), ...shared }),
  };
}

function keyPair(alg: 'RS256' | 'ES256' | 'EdDSA') {
  if (alg === 'RS256') return generate('rsa', { modulusLength: 2048 });
  if (alg === 'ES256') return generate('ec', { namedCurve: 'P-256' });
  return generate('ed25519');
}

function openRow(vault: Vault, { id, purpose, sealed }: Row): string {
  try {
    return vault.open(sealed, contextOf(id)).toString('utf8');
  } catch (cause) {
    const problem = `the server's ${purpose} key ${id} does not open: is its key-encryption key still configured?`;
    throw new Error(problem, { cause });
  }
}

function contextOf(id: string): string {
  return `server_key:${id}`;
}
