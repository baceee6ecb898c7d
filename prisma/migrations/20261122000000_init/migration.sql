-- People ---------------------------------------------------------------------

CREATE TABLE "account" (
  "id"                TEXT PRIMARY KEY,
  "username"          TEXT NOT NULL,
  "email"             TEXT,
  "email_verified_at" BIGINT,
  "name"              TEXT,
  "status"            TEXT NOT NULL DEFAULT 'active' CHECK ("status" IN ('active', 'disabled')),
  "last_method"       TEXT,
  "created_at"        BIGINT NOT NULL,
  "updated_at"        BIGINT NOT NULL
);
-- Usernames and addresses are stored lower-case (services/accounts normalises them).
CREATE UNIQUE INDEX "account_username_key" ON "account" ("username");
CREATE UNIQUE INDEX "account_email_key" ON "account" ("email");

-- One row per factor a person has. `secret` is a password hash (argon2id, PHC string) or an encrypted TOTP seed.
CREATE TABLE "credential" (
  "id"                  TEXT PRIMARY KEY,
  "account_id"          TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "method"              TEXT NOT NULL CHECK ("method" IN ('password', 'totp', 'passkey')),
  "label"               TEXT NOT NULL,
  "bound_at"            TEXT,
  "bound_by"            TEXT NOT NULL,
  "created_at"          BIGINT NOT NULL,
  "last_used_at"        BIGINT,
  "secret"              TEXT,
  "last_step"           BIGINT,
  "webauthn_id"         TEXT,
  "public_key"          BYTEA,
  "counter"             BIGINT,
  "transports"          TEXT[] NOT NULL DEFAULT '{}',
  "aaguid"              TEXT,
  "user_verifying"      BOOLEAN NOT NULL DEFAULT FALSE,
  "backup_eligible"     BOOLEAN,
  "backed_up"           BOOLEAN,
  "attestation_format"  TEXT,
  "attestation"         JSONB
);
CREATE INDEX "credential_account_id_idx" ON "credential" ("account_id", "method");
CREATE UNIQUE INDEX "credential_webauthn_id_key" ON "credential" ("webauthn_id");

-- Browsers in which a person has signed in before; the cookie holds a signed random id, this its hash.
CREATE TABLE "known_browser" (
  "browser_hash"  TEXT NOT NULL,
  "account_id"    TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "first_seen_at" BIGINT NOT NULL,
  "last_seen_at"  BIGINT NOT NULL,
  PRIMARY KEY ("browser_hash", "account_id")
);

-- Attempts are counted here before they are verified. `bucket` names what is counted (services/attempt).
CREATE TABLE "throttle" (
  "bucket"       TEXT COLLATE "C" PRIMARY KEY,
  "window_start" BIGINT NOT NULL,
  "in_window"    INTEGER NOT NULL,
  "consecutive"  INTEGER NOT NULL,
  "expires_at"   BIGINT NOT NULL
);
CREATE INDEX "throttle_expires_at_idx" ON "throttle" ("expires_at");

-- Assurance --------------------------------------------------------------------

-- What one authentication transaction knows: the interaction's `cid`, stable across its prompts.
CREATE TABLE "auth_transaction" (
  "id"           TEXT PRIMARY KEY,
  "client_id"    TEXT NOT NULL,
  "session_uid"  TEXT,
  "account_id"   TEXT REFERENCES "account" ("id") ON DELETE CASCADE,
  "pinned"       BOOLEAN NOT NULL DEFAULT FALSE,
  "identifier"   TEXT,
  "state"        JSONB NOT NULL DEFAULT '{}',
  "rounds"       INTEGER NOT NULL DEFAULT 0,
  "ended_at"     BIGINT,
  "created_at"   BIGINT NOT NULL,
  "expires_at"   BIGINT NOT NULL
);
CREATE INDEX "auth_transaction_expires_at_idx" ON "auth_transaction" ("expires_at");

-- One row per success. Staged while `session_uid` is null, promoted when its transaction resumes.
CREATE TABLE "proof" (
  "id"                 TEXT PRIMARY KEY,
  "account_id"         TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "transaction_id"     TEXT NOT NULL,
  "session_uid"        TEXT,
  "for_client"         TEXT,
  "method"             TEXT NOT NULL,
  "at"                 BIGINT,
  "credential_id"      TEXT,
  "kinds"              TEXT[] NOT NULL,
  "phishing_resistant" BOOLEAN NOT NULL,
  "user_verified"      BOOLEAN NOT NULL,
  "upstream"           JSONB,
  "created_at"         BIGINT NOT NULL,
  "expires_at"         BIGINT NOT NULL
);
CREATE INDEX "proof_session_uid_idx" ON "proof" ("session_uid");
CREATE INDEX "proof_transaction_id_idx" ON "proof" ("transaction_id");
CREATE INDEX "proof_credential_id_idx" ON "proof" ("credential_id");
CREATE INDEX "proof_account_id_idx" ON "proof" ("account_id");
CREATE INDEX "proof_expires_at_idx" ON "proof" ("expires_at");

-- One immutable row per authorization. `proofs` is the evidence as it was, so that it outlives the session.
CREATE TABLE "assurance_record" (
  "id"             TEXT PRIMARY KEY,
  "account_id"     TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "session_uid"    TEXT,
  "client_id"      TEXT NOT NULL,
  "transaction_id" TEXT,
  "acr"            TEXT NOT NULL,
  "amr"            TEXT[] NOT NULL,
  "auth_time"      BIGINT NOT NULL,
  "elevated"       BOOLEAN NOT NULL DEFAULT FALSE,
  "proof_ids"      TEXT[] NOT NULL,
  "credential_ids" TEXT[] NOT NULL,
  "proofs"         JSONB NOT NULL,
  "requirement"    JSONB NOT NULL,
  "config_version" TEXT NOT NULL,
  "created_at"     BIGINT NOT NULL,
  "expires_at"     BIGINT NOT NULL
);
CREATE INDEX "assurance_record_session_idx" ON "assurance_record" ("session_uid", "client_id", "created_at");
CREATE INDEX "assurance_record_account_idx" ON "assurance_record" ("account_id");
CREATE INDEX "assurance_record_credentials_idx" ON "assurance_record" USING GIN ("credential_ids");
CREATE INDEX "assurance_record_expires_at_idx" ON "assurance_record" ("expires_at");

-- Protocol -----------------------------------------------------------------------

CREATE TABLE "session" (
  "uid"                TEXT PRIMARY KEY,
  "id_hash"            TEXT NOT NULL,
  "account_id"         TEXT,
  "payload"            JSONB NOT NULL,
  "idle"               JSONB NOT NULL DEFAULT '{}',
  "last_acr"           JSONB NOT NULL DEFAULT '{}',
  "browser_hash"       TEXT,
  "user_agent"         TEXT,
  "address"            TEXT,
  "created_at"         BIGINT NOT NULL,
  "last_seen_at"       BIGINT NOT NULL,
  "expires_at"         BIGINT NOT NULL
);
CREATE UNIQUE INDEX "session_id_hash_key" ON "session" ("id_hash");
CREATE INDEX "session_account_id_idx" ON "session" ("account_id");
CREATE INDEX "session_expires_at_idx" ON "session" ("expires_at");

-- A superseded session id, kept for a minute so that a late answer never overwrites the new cookie.
CREATE TABLE "session_tombstone" (
  "id_hash"    TEXT PRIMARY KEY,
  "uid"        TEXT NOT NULL,
  "expires_at" BIGINT NOT NULL
);
CREATE INDEX "session_tombstone_expires_at_idx" ON "session_tombstone" ("expires_at");

-- Everything else the protocol stores. `id` is the hash of the token value, code or uid.
CREATE TABLE "artifact" (
  "model"       TEXT NOT NULL,
  "id"          TEXT NOT NULL,
  "payload"     JSONB,
  "sealed"      BYTEA,
  "grant_id"    TEXT,
  "record_id"   TEXT REFERENCES "assurance_record" ("id") ON DELETE CASCADE,
  "account_id"  TEXT,
  "client_id"   TEXT,
  "session_uid" TEXT,
  "user_code"   TEXT,
  "consumed_at" BIGINT,
  "created_at"  BIGINT NOT NULL,
  "expires_at"  BIGINT,
  PRIMARY KEY ("model", "id")
);
CREATE INDEX "artifact_grant_id_idx" ON "artifact" ("grant_id");
CREATE INDEX "artifact_record_id_idx" ON "artifact" ("record_id");
CREATE INDEX "artifact_account_id_idx" ON "artifact" ("account_id");
CREATE INDEX "artifact_session_uid_idx" ON "artifact" ("session_uid");
CREATE UNIQUE INDEX "artifact_user_code_key" ON "artifact" ("model", "user_code") WHERE "user_code" IS NOT NULL;
CREATE INDEX "artifact_expires_at_idx" ON "artifact" ("expires_at");

-- Emailed codes, WebAuthn challenges, pending TOTP seeds: single use, bound to a transaction or a session.
CREATE TABLE "ceremony" (
  "id"          TEXT PRIMARY KEY,
  "purpose"     TEXT NOT NULL,
  "owner"       TEXT NOT NULL,
  "account_id"  TEXT REFERENCES "account" ("id") ON DELETE CASCADE,
  "sealed"      BYTEA NOT NULL,
  "tries"       INTEGER NOT NULL DEFAULT 0,
  "consumed_at" BIGINT,
  "created_at"  BIGINT NOT NULL,
  "expires_at"  BIGINT NOT NULL
);
CREATE UNIQUE INDEX "ceremony_owner_key" ON "ceremony" ("owner", "purpose");
CREATE INDEX "ceremony_expires_at_idx" ON "ceremony" ("expires_at");

-- Administration -------------------------------------------------------------------

CREATE TABLE "client" (
  "id"          TEXT PRIMARY KEY,
  "metadata"    JSONB NOT NULL,
  "secret_hash" TEXT,
  "created_at"  BIGINT NOT NULL,
  "updated_at"  BIGINT NOT NULL
);

-- Signing keys, cookie keys and other server secrets; `sealed` is AES-256-GCM under the key-encryption key.
CREATE TABLE "server_key" (
  "id"         TEXT PRIMARY KEY,
  "purpose"    TEXT NOT NULL,
  "alg"        TEXT NOT NULL,
  "public_jwk" JSONB,
  "sealed"     BYTEA NOT NULL,
  "created_at" BIGINT NOT NULL,
  "retired_at" BIGINT
);
CREATE INDEX "server_key_purpose_idx" ON "server_key" ("purpose", "created_at");

CREATE TABLE "audit_event" (
  "id"             TEXT PRIMARY KEY,
  "at"             BIGINT NOT NULL,
  "type"           TEXT NOT NULL,
  "outcome"        TEXT NOT NULL,
  "account_id"     TEXT,
  "client_id"      TEXT,
  "session_uid"    TEXT,
  "correlation_id" TEXT,
  "data"           JSONB NOT NULL
);
CREATE INDEX "audit_event_account_id_idx" ON "audit_event" ("account_id", "at");
CREATE INDEX "audit_event_at_idx" ON "audit_event" ("at");
