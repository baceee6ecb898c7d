/**
 * What several requests would write one by one, written as one statement: one trip, one commit. Nothing waits here for a
 * lock. A request whose rows somebody else holds, or whose condition does not hold, is left out and answered false; it is
 * for the statement that is its own to wait and to say no.
 */
import type { AuditEvent } from '../domain/events.ts';
import { createBatcher } from './batch.ts';
import type { Database } from './db.ts';
import {
  artifactSql,
  asSeen,
  auditSql,
  isOfSession,
  recordColumns,
  recordFields,
  recordValues,
  touchFields,
  touchSql,
} from './oidc-statements.ts';
import {
  type ArtifactRow,
  type Authorization,
  auditRow,
  type SessionTouch,
  type Use,
} from './oidc-write-rows.ts';

/** What a request writes beside what decides about it. */
interface Rest {
  readonly artifacts: readonly ArtifactRow[];
  readonly event: AuditEvent | undefined;
}

export interface Together {
  /** True: used up, and everything written. */
  use(request: Rest & { readonly use: Use }): Promise<boolean>;
  /** True: the session touched, the record and the code written. */
  authorize(
    request: Rest & { readonly touch: SessionTouch; readonly authorization: Authorization },
  ): Promise<boolean>;
}

/**
 * As `useSql`: $1 models, $2 ids and $3 records of the uses, $4 now, $5 artifacts, $6 audit. A record is locked before its
 * tokens. The uses come as arrays because the planner takes these for short: for as many as it believes JSON to hold, a
 * plan made while the table was small would read it from end to end ever after.
 */
export const usesSql = `WITH "use" AS MATERIALIZED (SELECT "model", "id", "recordId", ("n" - 1)::int AS "n" FROM unnest($1::text[], $2::text[], $3::text[])
    WITH ORDINALITY AS x("model","id","recordId","n")),
  "locked" AS MATERIALIZED (SELECT u."n" FROM "use" u CROSS JOIN LATERAL
    (SELECT 1 FROM "assurance_record" r WHERE r."id" = u."recordId" LIMIT 1 FOR UPDATE SKIP LOCKED) r),
  "used" AS (UPDATE "artifact" a SET "consumed_at" = $4 FROM "use" u
    WHERE a."model" = u."model" AND a."id" = u."id" AND a."consumed_at" IS NULL
      AND EXISTS (SELECT 1 FROM "locked" l WHERE l."n" = u."n") RETURNING u."n"),
  "artifacts" AS (${artifactSql('$5')} WHERE "n" IN (SELECT "n" FROM "used")),
  "audit" AS (${auditSql('$6')} WHERE "n" IN (SELECT "n" FROM "used"))
  SELECT "n" FROM "used"`;

/**
 * As `authorizeSql`: $1 touches, $2 records, $3 codes, $4 audit. Sessions are locked before credentials, and these before
 * proofs. Of several requests of one session one is written.
 */
export const authorizationsSql = `WITH "touch" AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(${touchFields})),
  "locked" AS MATERIALIZED (SELECT t."n", t."uid" FROM "touch" t CROSS JOIN LATERAL
    (SELECT 1 FROM "session" s WHERE ${asSeen} LIMIT 1 FOR UPDATE SKIP LOCKED) s),
  "given" AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($2::jsonb) AS x(${recordFields})
    WHERE "n" IN (SELECT min("n") FROM "locked" GROUP BY "uid")),
  "held" AS MATERIALIZED (SELECT g."n" FROM "given" g CROSS JOIN unnest("credentialIds") AS k("id") CROSS JOIN LATERAL
    (SELECT 1 FROM "credential" c WHERE c."id" = k."id" LIMIT 1 FOR KEY SHARE SKIP LOCKED) c),
  "backed" AS MATERIALIZED (SELECT * FROM "given" g
    WHERE (SELECT count(*) FROM "held" h WHERE h."n" = g."n") = cardinality("credentialIds")),
  "proved" AS MATERIALIZED (SELECT g."n" FROM "backed" g CROSS JOIN unnest("proofIds") AS k("id") CROSS JOIN LATERAL
    (SELECT 1 FROM "proof" p WHERE ${isOfSession} LIMIT 1 FOR KEY SHARE SKIP LOCKED) p),
  "record" AS (INSERT INTO "assurance_record" (${recordColumns}) SELECT ${recordValues} FROM "backed" g
    WHERE (SELECT count(*) FROM "proved" p WHERE p."n" = g."n") = cardinality("proofIds") RETURNING "id"),
  "done" AS MATERIALIZED (SELECT g."n" FROM "backed" g WHERE g."id" IN (SELECT "id" FROM "record")),
  "touched" AS (${touchSql('"touch" t')} AND t."n" = ANY (ARRAY (SELECT "n" FROM "done"))),
  "codes" AS (${artifactSql('$3')} WHERE "n" IN (SELECT "n" FROM "done")),
  "audit" AS (${auditSql('$4')} WHERE "n" IN (SELECT "n" FROM "done"))
  SELECT "n" FROM "done"`;

export function createTogether(db: Pick<Database, 'query'>): Together {
  const written = async (sql: string, name: string, count: number, values: readonly unknown[]) => {
    const { rows } = await db.query<{ n: number }>(sql, values, name);
    const done = new Set(rows.map(({ n }) => n));
    return Array.from({ length: count }, (_, n) => done.has(n));
  };
  return {
    use: createBatcher((batch) => {
      const uses = batch.map(({ use }) => use);
      const values = [
        uses.map(({ model }) => model),
        uses.map(({ id }) => id),
        uses.map(({ recordId }) => recordId),
        Math.max(...uses.map(({ now }) => now)),
        ...rest(batch),
      ];
      return written(usesSql, 'protocol_uses', batch.length, values);
    }),
    authorize: createBatcher((batch) => {
      const touches = batch.map(({ touch }, n) => ({ ...touch, n }));
      const records = batch.map(({ authorization }, n) => ({ ...authorization.record, n }));
      const values = [JSON.stringify(touches), JSON.stringify(records), ...rest(batch)];
      return written(authorizationsSql, 'protocol_authorizations', batch.length, values);
    }),
  };
}

function rest(batch: readonly (Rest & { readonly authorization?: Authorization })[]): readonly string[] {
  const artifacts = batch.flatMap(({ artifacts, authorization }, n) =>
    [...(authorization ? [authorization.code] : []), ...artifacts].map((row) => ({ ...row, n })),
  );
  const events = batch.flatMap(({ event }, n) => (event ? [{ ...auditRow(event), n }] : []));
  return [JSON.stringify(artifacts), JSON.stringify(events)];
}
