-- Which transaction wrote an event: what tells when no earlier one can appear any more. Those that are there already
-- count as written by this migration, and are sealed in the order of their ids.
ALTER TABLE "audit_event" ADD COLUMN "xid" xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX "audit_event_xid_idx" ON "audit_event" ("xid", "id");
-- What retention deletes.
CREATE INDEX "audit_event_type_idx" ON "audit_event" ("type", "at");

-- The hash chain. A row outlives its event, so that the chain still verifies when retention has deleted the event.
CREATE TABLE "audit_seal" (
  "seq"        BIGINT PRIMARY KEY,
  "event_id"   TEXT NOT NULL,
  "event_hash" BYTEA NOT NULL,
  "class"      TEXT NOT NULL,
  "at"         BIGINT NOT NULL,
  "xid"        xid8 NOT NULL,
  "epoch"      INTEGER NOT NULL,
  "sealed_at"  BIGINT NOT NULL,
  "hash"       BYTEA NOT NULL
);
CREATE UNIQUE INDEX "audit_seal_event_id_key" ON "audit_seal" ("event_id");

-- Signed statements that the chain was so long and ended so: the newest, and the last of every hour before.
CREATE TABLE "audit_checkpoint" (
  "seq"  BIGINT PRIMARY KEY,
  "time" BIGINT NOT NULL,
  "jws"  TEXT NOT NULL
);

-- One row, which the sealer locks. Every event of a transaction before `from_xid` is sealed; `epoch` counts how often
-- transactions were numbered anew: a database restored from a dump.
CREATE TABLE "audit_sealer" (
  "id"       INTEGER PRIMARY KEY CHECK ("id" = 1),
  "from_xid" xid8 NOT NULL,
  "epoch"    INTEGER NOT NULL
);
INSERT INTO "audit_sealer" ("id", "from_xid", "epoch") VALUES (1, '0', 0);

-- How far each sink has been served, and who serves it until when.
CREATE TABLE "audit_sink" (
  "name"     TEXT PRIMARY KEY,
  "seq"      BIGINT NOT NULL,
  "holder"   TEXT,
  "until"    BIGINT NOT NULL,
  "failures" INTEGER NOT NULL,
  "next_at"  BIGINT NOT NULL
);
