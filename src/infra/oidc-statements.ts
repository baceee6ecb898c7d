/**
 * SQL of the protocol store's writes. Rows come as JSON, so that one statement writes any number of them; `n` says which
 * request of a batch a row belongs to.
 */

const artifactColumns = `"model","id","payload","grant_id","record_id","account_id","client_id","session_uid",
    "created_at","expires_at"`;
const auditColumns =
  '"id","at","type","outcome","account_id","client_id","session_uid","correlation_id","data"';
export const recordColumns = `"id","account_id","session_uid","client_id","transaction_id","acr","amr","auth_time",
      "elevated","proof_ids","credential_ids","proofs","requirement","config_version","created_at","expires_at"`;
export const recordFields = `"id" text,"accountId" text,"sessionUid" text,"clientId" text,"transactionId" text,"acr" text,
    "amr" text[],"authTime" int8,"elevated" bool,"proofIds" text[],"credentialIds" text[],"proofs" jsonb,
    "requirement" jsonb,"configVersion" text,"createdAt" int8,"expiresAt" int8,"n" int`;
export const recordValues = `g."id","accountId","sessionUid","clientId","transactionId","acr","amr","authTime","elevated",
      "proofIds","credentialIds","proofs","requirement","configVersion","createdAt","expiresAt"`;
export const touchFields = `"uid" text,"id_hash" text,"payload" jsonb,"seen" jsonb,"browser_hash" text,
    "user_agent" text,"address" text,"last_seen_at" int8,"expires_at" int8,"last_acr" jsonb,"idle" jsonb,"n" int`;

export const artifactSql = (rows: string) => `INSERT INTO "artifact" (${artifactColumns})
  SELECT ${artifactColumns} FROM jsonb_to_recordset(${rows}::jsonb) AS x("model" text,"id" text,"payload" jsonb,
    "grant_id" text,"record_id" text,"account_id" text,"client_id" text,"session_uid" text,"created_at" int8,
    "expires_at" int8,"n" int)`;
export const sessionSql = (
  row: string,
) => `INSERT INTO "session" ("uid","id_hash","account_id","payload","browser_hash","user_agent","address",
    "created_at","last_seen_at","expires_at","last_acr","idle")
  SELECT "uid","id_hash","account_id","payload","browser_hash","user_agent","address","last_seen_at","last_seen_at",
    "expires_at","last_acr","idle"
  FROM jsonb_to_record(${row}::jsonb) AS x("uid" text,"id_hash" text,"account_id" text,"payload" jsonb,"browser_hash" text,
    "user_agent" text,"address" text,"last_seen_at" int8,"expires_at" int8,"last_acr" jsonb,"idle" jsonb)
  WHERE ${row}::jsonb IS NOT NULL
  ON CONFLICT ("uid") DO UPDATE SET "id_hash" = EXCLUDED."id_hash", "account_id" = EXCLUDED."account_id",
    "payload" = EXCLUDED."payload", "last_seen_at" = EXCLUDED."last_seen_at", "expires_at" = EXCLUDED."expires_at",
    "browser_hash" = COALESCE(EXCLUDED."browser_hash", "session"."browser_hash"),
    "user_agent" = COALESCE(EXCLUDED."user_agent", "session"."user_agent"),
    "address" = COALESCE(EXCLUDED."address", "session"."address"),
    "last_acr" = "session"."last_acr" || EXCLUDED."last_acr", "idle" = "session"."idle" || EXCLUDED."idle"`;

/** A session (s) is still as its touch (t) has seen it. */
export const asSeen = `s."uid" = t."uid" AND s."id_hash" = t."id_hash"
    AND (t."payload" IS NULL OR s."payload"->'authorizations' IS NOT DISTINCT FROM t."seen")`;

/**
 * A session that was read without a lock is only touched, so that nothing another request wrote is lost: `payload` is
 * null unless this one changed it, and then only while the row's authorizations are those it has seen.
 */
export const touchSql = (
  from: string,
) => `UPDATE "session" s SET "last_seen_at" = t."last_seen_at", "expires_at" = t."expires_at",
    "payload" = COALESCE(t."payload", s."payload" || jsonb_build_object('exp', t."expires_at")),
    "browser_hash" = COALESCE(t."browser_hash", s."browser_hash"), "user_agent" = COALESCE(t."user_agent", s."user_agent"),
    "address" = COALESCE(t."address", s."address"),
    "last_acr" = s."last_acr" || t."last_acr", "idle" = s."idle" || t."idle"
  FROM ${from}
  WHERE ${asSeen}`;

/** One session's touch. */
export const touchRow = (row: string) => `jsonb_to_record(${row}::jsonb) AS t(${touchFields})`;

export const auditSql = (rows: string) => `INSERT INTO "audit_event" (${auditColumns})
  SELECT ${auditColumns} FROM jsonb_to_recordset(${rows}::jsonb) AS x("id" text,"at" int8,"type" text,"outcome" text,
    "account_id" text,"client_id" text,"session_uid" text,"correlation_id" text,"data" jsonb,"n" int)`;

/**
 * Uses up a code or refresh token: $1 model, $2 id, $3 now, $4 record id. Whoever ends a record locks it before its
 * tokens: so does whoever uses a token, and neither waits in a circle. The condition on the record has no column of the
 * token's row, so it is evaluated first.
 */
export const consumeSql = `UPDATE "artifact" SET "consumed_at"=$3
  WHERE "model"=$1 AND "id"=$2 AND "consumed_at" IS NULL
    AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM "assurance_record" WHERE "id"=$4 FOR UPDATE))`;

/**
 * The whole of a token request: the use, the new tokens ($5) and the audit ($6) if it succeeds. If not, the audit says
 * so: a token whose record is still there was used before, and its chain ends; else its chain had ended already.
 */
export const useSql = `WITH "used" AS (${consumeSql} RETURNING "id"),
  "artifacts" AS (${artifactSql('$5')} WHERE EXISTS (SELECT 1 FROM "used")),
  "reused" AS (DELETE FROM "assurance_record" WHERE "id"=$4 AND NOT EXISTS (SELECT 1 FROM "used") RETURNING "id"),
  "audit" AS (INSERT INTO "audit_event" (${auditColumns})
    SELECT "id","at",CASE WHEN EXISTS (SELECT 1 FROM "reused") THEN 'token_reuse' ELSE "type" END,
      CASE WHEN EXISTS (SELECT 1 FROM "used") THEN "outcome" ELSE 'denied' END,
      "account_id","client_id","session_uid","correlation_id",
      CASE WHEN EXISTS (SELECT 1 FROM "used") THEN "data" ELSE "data" || '{"error":"invalid_grant"}' END
    FROM jsonb_to_recordset($6::jsonb) AS x("id" text,"at" int8,"type" text,"outcome" text,"account_id" text,
      "client_id" text,"session_uid" text,"correlation_id" text,"data" jsonb))
  SELECT EXISTS (SELECT 1 FROM "used") AS "used"`;

/** A proof (p) by its id (k) is one of the record's session. */
export const isOfSession = 'p."id" = k."id" AND p."session_uid" IS NOT DISTINCT FROM "sessionUid"';

/**
 * A code with the record it rests on, or neither: not when a credential or proof that the record rests on is gone, or the
 * proof is not its session's any more. Both are locked, the session (in `condition`) before them, so that what is being
 * removed now leaves no record behind. Ending elevated access takes these locks in the same order.
 */
const withRecord = (record: string, code: string, condition: string) => `"given" AS (SELECT * FROM
    jsonb_to_record(${record}::jsonb) AS x(${recordFields}) WHERE ${condition}),
  "held" AS (SELECT 1 FROM "given" CROSS JOIN unnest("credentialIds") AS k("id")
    CROSS JOIN LATERAL (SELECT 1 FROM "credential" c WHERE c."id" = k."id" LIMIT 1 FOR KEY SHARE) c),
  "backed" AS (SELECT * FROM "given" WHERE (SELECT count(*) FROM "held") = cardinality("credentialIds")),
  "proved" AS (SELECT 1 FROM "backed" CROSS JOIN unnest("proofIds") AS k("id")
    CROSS JOIN LATERAL (SELECT 1 FROM "proof" p WHERE ${isOfSession} LIMIT 1 FOR KEY SHARE) p),
  "record" AS (INSERT INTO "assurance_record" (${recordColumns})
    SELECT ${recordValues} FROM "backed" g WHERE (SELECT count(*) FROM "proved") = cardinality("proofIds") RETURNING "id"),
  "code" AS (${artifactSql(code)} WHERE EXISTS (SELECT 1 FROM "record"))`;

/** A code and its record, in a transaction that has the session locked: $1 the record, $2 the code. */
export const codeSql = `WITH ${withRecord('$1', '$2', 'true')} SELECT EXISTS (SELECT 1 FROM "record") AS "done"`;

/**
 * The whole of an authorization that nothing else was written for: $1 the session's touch, $2 the record, $3 the code,
 * $4 the audit. Nothing is written when the session has ended, was rotated or has authorizations this request has not
 * seen, or when a credential or proof that the record rests on is gone.
 */
export const authorizeSql = `WITH "seen" AS (SELECT 1 FROM "session" s, ${touchRow('$1')} WHERE ${asSeen} FOR UPDATE OF s),
  ${withRecord('$2', '$3', 'EXISTS (SELECT 1 FROM "seen")')},
  "touched" AS (${touchSql(touchRow('$1'))} AND EXISTS (SELECT 1 FROM "record")),
  "audit" AS (${auditSql('$4')} WHERE EXISTS (SELECT 1 FROM "record"))
  SELECT EXISTS (SELECT 1 FROM "record") AS "done"`;
