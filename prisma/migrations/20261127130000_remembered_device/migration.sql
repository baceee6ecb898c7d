-- Browsers that a person asked to be remembered. The cookie's secret is replaced at every sign-in that brings it; hashes only.
CREATE TABLE "remembered_device" (
  "id"            TEXT PRIMARY KEY,
  "account_id"    TEXT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
  "secret_hash"   TEXT NOT NULL,
  "previous_hash" TEXT,
  "rotated_at"    BIGINT NOT NULL,
  "user_agent"    TEXT,
  "created_at"    BIGINT NOT NULL,
  "last_used_at"  BIGINT NOT NULL,
  "expires_at"    BIGINT NOT NULL
);
CREATE INDEX "remembered_device_account_id_idx" ON "remembered_device" ("account_id");
CREATE INDEX "remembered_device_expires_at_idx" ON "remembered_device" ("expires_at");
