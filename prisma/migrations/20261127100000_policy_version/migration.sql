-- Policies kept in the database: every version that was ever applied, and which one is in force.
CREATE TABLE "policy_version" (
  "id"         INTEGER PRIMARY KEY,
  "text"       TEXT NOT NULL,
  "note"       TEXT,
  "created_at" BIGINT NOT NULL,
  "created_by" TEXT NOT NULL,
  "active"     BOOLEAN NOT NULL
);
-- One at most.
CREATE UNIQUE INDEX "policy_version_active_key" ON "policy_version" ("active") WHERE "active";
