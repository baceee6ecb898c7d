-- What policy and risk know of people. The version before reads and writes none of it.

ALTER TABLE "account" ADD COLUMN "groups" TEXT[] NOT NULL DEFAULT '{}';
-- Outlives the history, so that a dormant account is known to be one.
ALTER TABLE "account" ADD COLUMN "last_sign_in_at" BIGINT;

-- What a person's sign-ins looked like: at most 100 each. Addresses are compared, never shown: keyed hashes of one and of its
-- /24 or /48. Empty texts and 0 mean unknown.
CREATE TABLE "sign_in_history" (
  "id"          TEXT PRIMARY KEY,
  "account_id"  TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "session_uid" TEXT NOT NULL,
  "at"          BIGINT NOT NULL,
  "address"     TEXT NOT NULL,
  "network"     TEXT NOT NULL,
  "asn"         BIGINT NOT NULL,
  "country"     TEXT NOT NULL,
  "place"       JSONB,
  "device_hash" TEXT NOT NULL,
  "agent"       TEXT NOT NULL,
  "browser"     TEXT NOT NULL,
  "version"     INTEGER NOT NULL,
  "os"          TEXT NOT NULL,
  "kind"        TEXT NOT NULL
);
CREATE INDEX "sign_in_history_account_idx" ON "sign_in_history" ("account_id", "at", "id");
CREATE INDEX "sign_in_history_at_idx" ON "sign_in_history" ("at");

-- Failed attempts of the last hour, each a row of its own, so that nobody waits to count one.
CREATE TABLE "sign_in_failure" (
  "id"         TEXT PRIMARY KEY,
  "at"         BIGINT NOT NULL,
  "account_id" TEXT REFERENCES "account" ("id") ON DELETE CASCADE,
  "address"    TEXT NOT NULL,
  "network"    TEXT NOT NULL
);
CREATE INDEX "sign_in_failure_account_idx" ON "sign_in_failure" ("account_id", "at");
CREATE INDEX "sign_in_failure_address_idx" ON "sign_in_failure" ("address", "at");
CREATE INDEX "sign_in_failure_network_idx" ON "sign_in_failure" ("network", "at");
CREATE INDEX "sign_in_failure_at_idx" ON "sign_in_failure" ("at");
