import { nobody } from '../../domain/risk/overall.ts';
import type { Feature, FeatureCounts, Overall, Visit } from '../../domain/risk/risk.ts';
import { featureValue } from '../../domain/risk/score.ts';
import type { SignInFacts, SignInQuery, SignInStore } from '../../services/ports/sign-ins.ts';
import type { Database } from '../db.ts';

export function createSignInStore(db: Database): SignInStore {
  return {
    load: (query) => load(db, query),
    add: async ({ id, accountId, visit, vouched, most }) => {
      await db.query(add, [accountId, id, ...columnsOf(visit), most - 1, vouched], 'sign_in_add');
    },
    addFailure: async ({ id, at, accountId, address, network }) => {
      await db.query(addFailure, [id, at, accountId, address, network], 'sign_in_failure_add');
    },
    overall: (query) => overall(db, query),
  };
}

/** `+ 0` keeps the planner from the index by time alone, which a plan made while the table was empty would keep to. */
const failuresBy = (column: string, value: string) => `(SELECT count(*)::int FROM (
    SELECT 1 FROM "sign_in_failure" f WHERE f."${column}" = ${value} AND ${value} <> '' AND f."at" + 0 > $4 LIMIT $5) few)`;

const visits = (
  condition: string,
  most: string,
  device: string,
) => `(SELECT json_agg(h) FROM (SELECT "session_uid", "at", "address", "network",
        "asn", "country", "place", ${device} AS "device_hash", "browser", "version", "os", "kind"
      FROM "sign_in_history" WHERE "account_id" = a."id" AND ${condition} ORDER BY "at" DESC, "id" DESC LIMIT ${most}) h)`;

/** A session that lives on is still told from one in another browser. */
const familiarDevice = `CASE WHEN "forgotten" THEN '' ELSE "device_hash" END`;

// $1 account, $2 address, $3 network, $4 failures since, $5 failures counted at most, $6 visits, $7 session
const select = `SELECT a."last_sign_in_at", ${visits('"vouched"', '$6', familiarDevice)} AS "history",
    ${visits(`"session_uid" = $7 AND $7 <> ''`, '1', '"device_hash"')} AS "proved",
    ${failuresBy('account_id', 'a."id"')} AS "account", ${failuresBy('address', '$2')} AS "address",
    ${failuresBy('network', '$3')} AS "network"
  FROM "account" a WHERE a."id" = $1`;

interface VisitRow {
  readonly session_uid: string;
  readonly at: number;
  readonly address: string;
  readonly network: string;
  readonly asn: number;
  readonly country: string;
  readonly place: Visit['place'];
  readonly device_hash: string;
  readonly browser: string;
  readonly version: number;
  readonly os: string;
  readonly kind: Visit['agent']['kind'];
}

interface FactsRow {
  readonly last_sign_in_at: number | null;
  readonly history: VisitRow[] | null;
  readonly proved: VisitRow[] | null;
  readonly account: number;
  readonly address: number;
  readonly network: number;
}

async function load(db: Database, query: SignInQuery): Promise<SignInFacts | undefined> {
  const { accountId, address, network, session, failuresSince, most } = query;
  const values = [accountId, address, network, failuresSince, most.failures, most.visits, session];
  const { rows } = await db.query<FactsRow>(select, values, 'sign_in_facts');
  const [row] = rows;
  const [proved] = row?.proved ?? [];
  return (
    row && {
      history: (row.history ?? []).map(toVisit),
      proved: proved ? toVisit(proved) : null,
      lastSignInAt: row.last_sign_in_at,
      failures: { account: row.account, address: row.address, network: row.network },
    }
  );
}

function toVisit(row: VisitRow): Visit {
  return {
    at: row.at,
    address: row.address,
    network: row.network,
    asn: row.asn,
    country: row.country,
    place: row.place,
    device: row.device_hash,
    agent: { browser: row.browser, version: row.version, os: row.os, kind: row.kind },
    session: row.session_uid,
  };
}

/**
 * The account's row first, so that sign-ins of one person wait for one another there and nowhere else. The statement sees
 * the visits as they were, so it keeps one less.
 */
const add = `WITH "person" AS (
    UPDATE "account" SET "last_sign_in_at" = GREATEST("last_sign_in_at", $4::bigint) WHERE "id" = $1 RETURNING "id"),
  "gone" AS (
    DELETE FROM "sign_in_history" WHERE "id" IN (
      SELECT h."id" FROM "person" p JOIN "sign_in_history" h ON h."account_id" = p."id"
      WHERE h."vouched" = $17::boolean ORDER BY h."at" DESC, h."id" DESC OFFSET $16::int))
  INSERT INTO "sign_in_history" ("account_id", "id", "session_uid", "at", "address", "network", "asn", "country",
    "place", "device_hash", "agent", "browser", "version", "os", "kind", "vouched")
  SELECT p."id", $2, $3, $4, $5, $6, $7::bigint, $8, $9::jsonb, $10, $11, $12, $13::int, $14, $15, $17::boolean FROM "person" p`;

function columnsOf(visit: Visit): readonly unknown[] {
  const { session, at, address, network, asn, country, place, device, agent } = visit;
  return [
    session,
    at,
    address,
    network,
    asn,
    country,
    place && JSON.stringify(place),
    device,
    featureValue(visit, 'agent'),
    agent.browser,
    agent.version,
    agent.os,
    agent.kind,
  ];
}

const addFailure = `INSERT INTO "sign_in_failure" ("id", "at", "account_id", "address", "network")
  VALUES ($1, $2, $3, $4, $5)`;

/** Of the newest sign-ins: each feature's most frequent values, and how many there are in all. */
const counted = `WITH "recent" AS MATERIALIZED (
    SELECT * FROM "sign_in_history" ORDER BY "at" DESC LIMIT $1),
  "counted" AS (
    SELECT f."feature", f."value", count(*)::int AS "count" FROM "recent" r
      CROSS JOIN LATERAL (VALUES ('address', r."address"), ('asn', CASE WHEN r."asn" > 0 THEN 'AS' || r."asn" END),
        ('country', r."country"), ('agent', r."agent"), ('browser', r."browser"), ('os', r."os"),
        ('device', nullif(r."kind", 'unknown'))) f ("feature", "value")
    WHERE f."value" <> '' GROUP BY f."feature", f."value"),
  "ranked" AS (
    SELECT *, row_number() OVER (PARTITION BY "feature" ORDER BY "count" DESC, "value") AS "rank",
      sum("count") OVER (PARTITION BY "feature")::int AS "total",
      count(*) OVER (PARTITION BY "feature")::int AS "distinct" FROM "counted")
  SELECT "feature", "value", "count", "total", "distinct" FROM "ranked" WHERE "rank" <= $2
  UNION ALL SELECT 'people', '', count(DISTINCT "account_id")::int, count(*)::int, 0 FROM "recent"`;

interface CountRow {
  readonly feature: Feature | 'people';
  readonly value: string;
  readonly count: number;
  readonly total: number;
  readonly distinct: number;
}

async function overall(
  db: Database,
  { signIns, values }: { readonly signIns: number; readonly values: number },
): Promise<Overall> {
  const { rows } = await db.query<CountRow>(counted, [signIns, values], 'sign_in_overall');
  const people = rows.find(({ feature }) => feature === 'people');
  const of = (feature: Feature): FeatureCounts => {
    const own = rows.filter((row) => row.feature === feature);
    const [first] = own;
    if (!first) return nobody.features[feature];
    const counts = new Map(own.map(({ value, count }) => [value, count]));
    return { total: first.total, distinct: first.distinct, counts };
  };
  return {
    features: {
      address: of('address'),
      asn: of('asn'),
      country: of('country'),
      agent: of('agent'),
      browser: of('browser'),
      os: of('os'),
      device: of('device'),
    },
    signIns: people?.total ?? 0,
    people: people?.count ?? 0,
  };
}
